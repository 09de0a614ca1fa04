'use strict';
// The chain: externals wait in a mempool, blocks execute them in the real TON virtual machine.
//
// Real: execution, gas, fees, bounces, storage rent. Ours: one shard, one block at a time, no validators.
// Nothing is visible to a reader before its journal line is on disk.

const crypto = require('node:crypto');
const { Address, Cell, beginCell, internal, loadMessage, loadShardAccount, loadTransaction } = require('@ton/core');
const { storeMessage, storeShardAccount, toNano } = require('@ton/core');
const { Blockchain, TreasuryContract, createShardAccount } = require('@ton/sandbox');

const FAUCET_ID = 0x66617563n;
const FAUCET_BALANCE = toNano(1_000_000_000n);
const HOPS_PER_BLOCK_MAX = 100_000;
const STATES_KEPT = 200; // as far back as the index may lag

const base64 = (cell) => cell.toBoc().toString('base64');

/** A refusal in the words of a lite server. */
class NotAccepted extends Error {}

/** Hash of an external message that does not depend on how its sender packed it. */
function normalisedHash(message) {
    return beginCell()
        .storeUint(2, 2).storeUint(0, 2).storeAddress(message.info.dest).storeUint(0, 4)
        .storeBit(0).storeBit(1).storeRef(message.body)
        .endCell().hash();
}

class Chain {
    /** Opens a chain over a journal: restores what the journal holds, else makes the first block. */
    static async open({ journal, config, hops, auto, fatal }) {
        const genesis = journal.lines[0]?.genesis ?? { config, created: Math.floor(Date.now() / 1000) };
        const vm = await Blockchain.create({ config: genesis.config });
        vm.verbosity = { print: false, blockchainLogs: false, vmLogs: 'none', debugLogs: false };
        const chain = new Chain({ vm, journal, hops, auto, fatal });
        if (journal.lines.length) await chain.restore();
        else await chain.begin(genesis);
        journal.lines = [];
        return chain;
    }

    constructor({ vm, journal, hops, auto, fatal }) {
        Object.assign(this, { vm, journal, hops, auto, fatal });
        this.blocks = [];
        this.records = []; // every transaction in the order of execution
        this.byAccount = new Map();
        this.byMessage = new Map(); // hash of an incoming message -> its transaction
        this.states = new Map(); // account -> its last states, each with the block that made it
        this.mempool = [];
        this.pending = []; // internal messages on their way to a later block
        this.clockOffset = 0;
    }

    get head() { return this.blocks[this.blocks.length - 1]; }

    /** Chain time in seconds; it never goes back, even when the machine's clock does. */
    now() {
        return Math.max(Math.floor(Date.now() / 1000) + this.clockOffset, this.head?.utime ?? 0);
    }

    // ---- writing -----------------------------------------------------------------------------

    async begin(genesis) {
        this.journal.append({ genesis });
        const faucet = TreasuryContract.create(0, FAUCET_ID);
        const account = createShardAccount({ ...faucet.init, address: faucet.address, balance: FAUCET_BALANCE, workchain: 0 });
        await this.vm.setShardAccount(faucet.address, account);
        await this.commit({ utime: genesis.created, records: [], touched: new Map([[faucet.address.toRawString(), faucet.address]]) });
    }

    /** Takes an external message as a lite server does: executed on trial, then kept for the next block. */
    async send(cell) {
        const message = loadMessage(cell.beginParse());
        if (message.info.type !== 'external-in') throw new NotAccepted('not an inbound external message');
        await this.tryOut(message);
        this.journal.append({ external: base64(cell) });
        this.mempool.push(cell);
        if (this.auto) await this.settle();
    }

    async tryOut(message) {
        const contract = await this.vm.getContract(message.info.dest);
        const before = contract.snapshot();
        try {
            await contract.receiveMessage(message, { now: this.now() });
        } catch (error) {
            const code = error.exitCode === undefined ? '' : `: exitcode=${error.exitCode}`;
            throw new NotAccepted(`cannot apply external message to current state : External message was not accepted${code}`);
        } finally {
            contract.loadFrom(before);
        }
    }

    /** Coins from nowhere, in a block of their own. */
    async faucet({ address, value, bounce, body }) {
        const treasury = TreasuryContract.create(0, FAUCET_ID);
        const transfer = treasury.createTransfer({ messages: [internal({ to: address, value, bounce, body })] });
        const external = { info: { type: 'external-in', dest: treasury.address, importFee: 0n }, body: transfer };
        this.mempool.push(beginCell().store(storeMessage(external)).endCell());
        return this.settle();
    }

    /** Mines until nothing is on its way. */
    async settle() {
        let block = await this.mine();
        while (this.pending.length) block = await this.mine();
        return block;
    }

    /** Makes one block of everything that waits. A block that fails half-way must not be followed by another: `fatal` ends the process. */
    async mine() {
        try {
            return await this.makeBlock();
        } catch (error) {
            return this.fatal(error);
        }
    }

    async makeBlock() {
        const utime = this.now();
        const queue = this.pending.splice(0);
        for (const cell of this.mempool.splice(0)) queue.push({ cell, trace: cell.hash().toString('base64') });
        const records = [];
        const touched = new Map();
        let budget = this.hops === 'one' ? queue.length : HOPS_PER_BLOCK_MAX;
        for (; queue.length && budget > 0; budget--) {
            const { cell, trace } = queue.shift();
            const transaction = await this.execute(cell, utime);
            if (!transaction) continue; // an external that no longer applies vanishes, as on the real chain
            const destination = transaction.inMessage.info.dest;
            touched.set(destination.toRawString(), destination);
            records.push({ account: destination.toRawString(), trace, transaction });
            for (const out of transaction.outMessages.values()) {
                if (out.info.type === 'internal') queue.push({ cell: beginCell().store(storeMessage(out)).endCell(), trace });
            }
        }
        this.pending = queue;
        return this.commit({ utime, records, touched });
    }

    async execute(cell, now) {
        const message = loadMessage(cell.beginParse());
        const contract = await this.vm.getContract(message.info.dest);
        this.vm.increaseLt();
        try {
            return await contract.receiveMessage(message, { now });
        } catch (error) {
            if (message.info.type === 'external-in' && error.exitCode !== undefined) return null;
            if (message.info.type === 'external-in' && /not accepted|cannot apply/i.test(error.message)) return null;
            throw error;
        }
    }

    async commit({ utime, records, touched }) {
        const accounts = {};
        for (const [raw, address] of touched) {
            const contract = await this.vm.getContract(address);
            accounts[raw] = base64(beginCell().store(storeShardAccount(contract.account)).endCell());
        }
        // As it was made: written anew, a message in it may be laid out in another way, and the hash
        // would not be the one that the account's next transaction names.
        const transactions = records.map(({ account, trace, transaction }) => ({ account, trace, boc: base64(transaction.raw) }));
        const block = { seqno: this.blocks.length + 1, utime, lt: this.vm.lt.toString(), transactions };
        const pending = this.pending.map(({ cell, trace }) => ({ boc: base64(cell), trace }));
        this.journal.append({ block, ...(touched.size && { accounts }), ...(pending.length && { pending }) });
        this.publish(block);
        this.keepStates(block.seqno, accounts);
        return this.head;
    }

    moveClock(seconds) {
        this.journal.append({ clock: this.clockOffset + seconds });
        this.clockOffset += seconds;
        return this.now();
    }

    // ---- reading -----------------------------------------------------------------------------

    publish({ seqno, utime, lt, transactions }) {
        const previous = this.head;
        const block = { seqno, utime, startLt: previous ? previous.endLt + 1n : 0n, endLt: BigInt(lt), records: [] };
        const digest = crypto.createHash('sha256').update(previous?.hash ?? '').update(`${seqno}:${utime}`);
        for (const { account, trace, boc } of transactions) {
            const cell = Cell.fromBase64(boc);
            const transaction = loadTransaction(cell.beginParse());
            const record = { account, trace, cell, hash: cell.hash(), lt: transaction.lt, seqno, utime, transaction };
            digest.update(record.hash);
            block.records.push(record);
            this.records.push(record);
            if (!this.byAccount.has(account)) this.byAccount.set(account, []);
            this.byAccount.get(account).push(record);
            this.indexMessage(record, transaction.inMessage);
        }
        block.hash = digest.digest();
        this.blocks.push(block);
    }

    keepStates(seqno, accounts) {
        for (const [raw, boc] of Object.entries(accounts)) {
            const kept = this.states.get(raw) ?? [];
            kept.push({ seqno, boc });
            this.states.set(raw, kept.slice(-STATES_KEPT));
        }
    }

    /** An account as of a block; null where nothing had happened to it by then. */
    stateAt(raw, seqno) {
        const kept = (this.states.get(raw) ?? []).filter((state) => state.seqno <= seqno);
        return kept.length ? loadShardAccount(Cell.fromBase64(kept[kept.length - 1].boc).beginParse()) : null;
    }

    indexMessage(record, message) {
        if (!message) return;
        const hashes = [beginCell().store(storeMessage(message)).endCell().hash()];
        if (message.info.type === 'external-in') hashes.push(normalisedHash(message));
        for (const hash of hashes) this.byMessage.set(hash.toString('hex'), record);
    }

    async restore() {
        const accounts = new Map();
        let lastBlock = 0;
        this.journal.lines.forEach((line, index) => { if (line.block) lastBlock = index; });
        this.journal.lines.forEach((line, index) => {
            if (line.block) this.publish(line.block);
            if (line.block) this.keepStates(line.block.seqno, line.accounts ?? {});
            for (const [raw, boc] of Object.entries(line.accounts ?? {})) accounts.set(raw, boc);
            if (line.clock !== undefined) this.clockOffset = line.clock;
            if (line.external && index > lastBlock) this.mempool.push(Cell.fromBase64(line.external));
            if (index === lastBlock) this.pending = (line.pending ?? []).map(({ boc, trace }) => ({ cell: Cell.fromBase64(boc), trace }));
        });
        for (const [raw, boc] of accounts) {
            await this.vm.setShardAccount(Address.parseRaw(raw), loadShardAccount(Cell.fromBase64(boc).beginParse()));
        }
        this.vm.currentLt = this.head.endLt;
    }

    async account(address) {
        return (await this.vm.getContract(address)).account;
    }

    /** Runs a get-method; the exit code says how it went, -13 that there is no contract to run. */
    async runGetMethod(address, method, stack) {
        try {
            const result = await this.vm.runGetMethod(address, method, stack, { now: this.now() });
            return { exitCode: result.exitCode, gasUsed: Number(result.gasUsed), stack: result.stack };
        } catch (error) {
            return { exitCode: error.exitCode ?? -13, gasUsed: Number(error.gasUsed ?? 0), stack: [] };
        }
    }
}

module.exports = { Chain, NotAccepted, normalisedHash };
