'use strict';
// toncenter API v3: the index. It may lag behind the chain, and then everything here lags together.

const { loadMessage } = require('@ton/core');
const { normalisedHash } = require('./chain');
const { BadRequest, accountV3, blockV3, jettonWalletV3, messageHash, readAddress, readCell, readCount, readHash, stackIn, stackOut, transactionV3 } = require('./shapes');

const ADDRESSES_MAX = 1000;

const list = (value) => (value === undefined ? [] : [].concat(value));

function build({ chain, submit, faults }) {
    const indexed = () => chain.blocks[Math.max(chain.blocks.length - 1 - (faults.lag ?? 0), 0)];

    function candidates({ account, mc_seqno }) {
        if (account !== undefined) return list(account).flatMap((one) => chain.byAccount.get(readAddress(one).toRawString()) ?? []);
        if (mc_seqno !== undefined) return chain.blocks[readCount(mc_seqno, 0, Number.MAX_SAFE_INTEGER) - 1]?.records ?? [];
        return chain.records;
    }

    function answer(records, { sort, limit, offset }) {
        const known = records.filter((record) => record.seqno <= indexed().seqno);
        known.sort((a, b) => (a.lt < b.lt ? -1 : a.lt > b.lt ? 1 : 0));
        if (sort !== 'asc') known.reverse();
        const from = readCount(offset, 0, Number.MAX_SAFE_INTEGER);
        return { transactions: known.slice(from, from + readCount(limit, 10, 1000)).map(transactionV3), address_book: {} };
    }

    function asked(addresses, what) {
        const given = list(addresses);
        if (!given.length) throw new BadRequest(`${what} is required`);
        if (given.length > ADDRESSES_MAX) throw new BadRequest(`at most ${ADDRESSES_MAX} addresses`);
        return new Map(given.map((one) => readAddress(one)).map((one) => [one.toRawString(), one]));
    }

    /** A jetton wallet as the index knows it, or null for what is none; the same words in both answers. */
    async function jettonWallet(raw, address) {
        const state = chain.stateAt(raw, indexed().seqno);
        const newest = chain.stateAt(raw, chain.head.seqno);
        // Get-methods run on the newest state alone: while the index is behind it, nothing is told of the wallet.
        if (!state || state.lastTransactionLt !== newest.lastTransactionLt) return null;
        const { exitCode, stack } = await chain.runGetMethod(address, 'get_wallet_data', []);
        if (exitCode !== 0 && exitCode !== 1) return null;
        return jettonWalletV3(address, state, stack);
    }

    return {
        async accountStates({ address }) {
            const found = [...asked(address, 'address')].map(([raw, one]) => [one, chain.stateAt(raw, indexed().seqno)]);
            return { accounts: found.filter(([, state]) => state).map(([one, state]) => accountV3(one, state)), address_book: {}, metadata: {} };
        },
        async 'jetton/wallets'({ address, limit, offset }) {
            const found = await Promise.all([...asked(address, 'address')].map(([raw, one]) => jettonWallet(raw, one)));
            const from = readCount(offset, 0, Number.MAX_SAFE_INTEGER);
            return { jetton_wallets: found.filter(Boolean).slice(from, from + readCount(limit, 10, 1000)), address_book: {}, metadata: {} };
        },
        async masterchainInfo() {
            return { last: blockV3(indexed()), first: blockV3(chain.blocks[0]) };
        },
        async transactions(query) {
            const { start_lt, end_lt, start_utime, end_utime, hash } = query;
            const wanted = hash === undefined ? null : readHash(hash);
            const records = candidates(query).filter((record) =>
                (start_lt === undefined || record.lt >= BigInt(start_lt)) && (end_lt === undefined || record.lt <= BigInt(end_lt))
                && (start_utime === undefined || record.utime >= Number(start_utime)) && (end_utime === undefined || record.utime <= Number(end_utime))
                && (wanted === null || record.hash.equals(wanted)));
            return answer(records, query);
        },
        async transactionsByMessage(query) {
            const hash = readHash(query.msg_hash);
            const received = [chain.byMessage.get(hash.toString('hex'))];
            const sent = () => chain.records.filter(({ transaction }) => [...transaction.outMessages.values()].some((message) => messageHash(message).equals(hash)));
            const records = query.direction === 'in' ? received : query.direction === 'out' ? sent() : [...received, ...sent()];
            return answer(records.filter(Boolean), query);
        },
        async message({ boc }) {
            const cell = readCell(boc);
            await submit(cell);
            return { message_hash: cell.hash().toString('base64'), message_hash_norm: normalisedHash(loadMessage(cell.beginParse())).toString('base64') };
        },
        async runGetMethod({ address, method, stack }) {
            const items = (stack ?? []).map(({ type, value }) => stackIn([type, value]));
            const result = await chain.runGetMethod(readAddress(address), method, items);
            const out = result.stack.map(stackOut).map(([type, value]) => ({ type, value: value.bytes ?? value }));
            return { gas_used: result.gasUsed, exit_code: result.exitCode, stack: out };
        },
    };
}

module.exports = { build };
