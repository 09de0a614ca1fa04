'use strict';
// The hand of the one who runs this chain: coins, blocks, the clock and faults. Not part of toncenter.

const { beginCell } = require('@ton/core');
const { BadRequest, readAddress, readCount } = require('./shapes');

/** What can go wrong on demand: how many of the next requests, or (lag) how many blocks. */
const FAULTS = ['dropSend', 'failAfterSend', 'http429', 'http500', 'lag'];
const MINE_MAX = 10_000;

function build({ chain, faults }) {
    return {
        async faucet({ address, units, comment, bounce }) {
            if (!/^[1-9]\d{0,18}$/.test(String(units))) throw new BadRequest('units must be a positive whole number');
            const body = comment ? beginCell().storeUint(0, 32).storeStringTail(comment).endCell() : undefined;
            const block = await chain.faucet({ address: readAddress(address), value: BigInt(units), bounce: bounce === true || bounce === 'true', body });
            return { seqno: block.seqno };
        },
        async mine({ count }) {
            const wanted = readCount(count, 1, MINE_MAX);
            for (let made = 0; made < wanted; made++) await chain.mine();
            return { seqno: chain.head.seqno, pending: chain.pending.length };
        },
        async clock({ add }) {
            const seconds = readCount(add, 0, 10 * 365 * 86400);
            return { now: chain.moveClock(seconds) };
        },
        async fault(wanted) {
            for (const [name, count] of Object.entries(wanted)) {
                if (!FAULTS.includes(name)) throw new BadRequest(`no such fault: ${name}`);
                faults[name] = readCount(count, 0, 1_000_000);
            }
            return { ...faults };
        },
        async status() {
            const { seqno, utime } = chain.head;
            return { seqno, utime, now: chain.now(), transactions: chain.records.length, mempool: chain.mempool.length, pending: chain.pending.length, faults: { ...faults }, memory_mib: Math.round(process.memoryUsage().rss / 2 ** 20) };
        },
    };
}

module.exports = { build };
