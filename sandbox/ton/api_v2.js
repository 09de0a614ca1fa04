'use strict';
// toncenter API v2: what a lite server knows, always as of the newest block.

const { loadMessage } = require('@ton/core');
const { normalisedHash } = require('./chain');
const { BadRequest, accountV2, blockId, readAddress, readCell, readCount, readHash, stackIn, stackOut, transactionV2 } = require('./shapes');

function build({ chain, submit }) {
    const information = async (address) => accountV2(await chain.account(readAddress(address)), chain.head, chain.head.utime);

    function blockAt(seqno) {
        const block = chain.blocks[readCount(seqno, 0, Number.MAX_SAFE_INTEGER) - 1];
        if (!block) throw new Error('LITE_SERVER_NOTREADY: block is not applied');
        return block;
    }

    return {
        async getMasterchainInfo() {
            return { '@type': 'blocks.masterchainInfo', last: blockId(chain.head), state_root_hash: chain.head.hash.toString('base64'), init: blockId(chain.blocks[0]) };
        },
        getAddressInformation: ({ address }) => information(address),
        getAddressBalance: async ({ address }) => (await information(address)).balance,
        getAddressState: async ({ address }) => (await information(address)).state,
        async getWalletInformation({ address }) {
            const { balance, state, last_transaction_id } = await information(address);
            const { exitCode, stack } = await chain.runGetMethod(readAddress(address), 'seqno', []);
            const wallet = exitCode === 0 && stack[0]?.type === 'int';
            return { wallet, balance, account_state: state, ...(wallet && { seqno: Number(stack[0].value) }), last_transaction_id };
        },
        async getTransactions({ address, limit, lt, hash, to_lt }) {
            const records = chain.byAccount.get(readAddress(address).toRawString()) ?? [];
            const stop = BigInt(to_lt ?? 0);
            const most = readCount(limit, 10, 100);
            let index = records.length - 1;
            if (lt !== undefined && hash !== undefined) {
                const wanted = readHash(hash);
                index = records.findIndex((record) => record.lt === BigInt(lt) && record.hash.equals(wanted));
                if (index < 0 && records.length) throw new Error('LITE_SERVER_UNKNOWN: cannot locate transaction in block with specified logical time');
            }
            const found = [];
            for (; index >= 0 && found.length < most && records[index].lt > stop; index--) found.push(transactionV2(records[index]));
            return found;
        },
        async sendBoc({ boc }) {
            await submit(readCell(boc));
            return { '@type': 'ok' };
        },
        async sendBocReturnHash({ boc }) {
            const cell = readCell(boc);
            await submit(cell);
            return { '@type': 'raw.extMessageInfo', hash: cell.hash().toString('base64'), hash_norm: normalisedHash(loadMessage(cell.beginParse())).toString('base64') };
        },
        async runGetMethod({ address, method, stack }) {
            if (method === undefined) throw new BadRequest('method is required');
            const result = await chain.runGetMethod(readAddress(address), method, (stack ?? []).map(stackIn));
            const { last_transaction_id } = await information(address);
            return { '@type': 'smc.runResult', gas_used: result.gasUsed, stack: result.stack.map(stackOut), exit_code: result.exitCode, block_id: blockId(chain.head), last_transaction_id };
        },
        async shards({ seqno }) {
            return { '@type': 'blocks.shards', shards: [blockId(blockAt(seqno), 0)] };
        },
        async getBlockHeader({ seqno, workchain }) {
            const block = blockAt(seqno);
            const previous = chain.blocks[block.seqno - 2];
            return { '@type': 'blocks.header', id: blockId(block, Number(workchain ?? -1)), gen_utime: block.utime, start_lt: block.startLt.toString(), end_lt: block.endLt.toString(), prev_blocks: previous ? [blockId(previous)] : [] };
        },
        async getBlockTransactions({ seqno, workchain, count }) {
            const block = blockAt(seqno);
            const records = Number(workchain) === -1 ? [] : block.records;
            const most = readCount(count, 40, 1000);
            const transactions = records.slice(0, most).map((record) => ({ '@type': 'blocks.shortTxId', mode: 135, account: record.account, lt: record.lt.toString(), hash: record.hash.toString('base64') }));
            return { '@type': 'blocks.transactions', id: blockId(block, Number(workchain ?? -1)), req_count: most, incomplete: records.length > most, transactions };
        },
        async getConfigAll() {
            return { '@type': 'configInfo', config: { '@type': 'tvm.cell', bytes: chain.vm.configBase64 } };
        },
    };
}

module.exports = { build };
