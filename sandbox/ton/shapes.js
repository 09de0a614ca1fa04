'use strict';
// Chain values in and out of the JSON that toncenter speaks.

const { Address, Cell, beginCell, storeMessage } = require('@ton/core');
const { normalisedHash } = require('./chain');

const SHARD = '-9223372036854775808';

/** A request that names something impossible. */
class BadRequest extends Error {}

const text = (cell) => cell.toBoc().toString('base64');
const upperRaw = (address) => address.toRawString().toUpperCase();
const hash256 = (number) => Buffer.from(number.toString(16).padStart(64, '0'), 'hex').toString('base64');

function readAddress(value) {
    try {
        const address = decodeURIComponent(String(value));
        return address.includes(':') ? Address.parseRaw(address) : Address.parse(address);
    } catch {
        throw new BadRequest('incorrect address');
    }
}

function readCell(value) {
    try {
        return Cell.fromBase64(String(value));
    } catch {
        throw new BadRequest('failed to parse BOC');
    }
}

function readHash(value) {
    const hash = Buffer.from(String(value), /^[0-9a-f]{64}$/i.test(value) ? 'hex' : 'base64');
    if (hash.length !== 32) throw new BadRequest('incorrect hash');
    return hash;
}

/** A whole number in [0, most]. */
function readCount(value, fallback, most) {
    if (value === undefined) return fallback;
    if (!/^\d{1,18}$/.test(String(value))) throw new BadRequest('incorrect number');
    return Math.min(Number(value), most);
}

const messageHash = (message) => beginCell().store(storeMessage(message)).endCell().hash();

function comment(body) {
    const slice = body.beginParse();
    if (slice.remainingBits < 32 || slice.loadUint(32) !== 0) return null;
    try {
        return slice.loadStringTail();
    } catch {
        return null;
    }
}

function blockId(block, workchain = -1) {
    const hash = block.hash.toString('base64');
    return { '@type': 'ton.blockIdExt', workchain, shard: SHARD, seqno: block.seqno, root_hash: hash, file_hash: hash };
}

// ---- v2 ------------------------------------------------------------------------------------------

function messageV2(message) {
    if (!message) return { '@type': 'raw.message', source: '', destination: '', value: '0', msg_data: { '@type': 'msg.dataRaw', body: '', init_state: '' }, message: '' };
    const { info, body } = message;
    const internal = info.type === 'internal';
    const words = comment(body);
    return {
        '@type': 'raw.message',
        hash: messageHash(message).toString('base64'),
        source: info.src && Address.isAddress(info.src) ? info.src.toString() : '',
        destination: info.dest && Address.isAddress(info.dest) ? info.dest.toString() : '',
        value: internal ? info.value.coins.toString() : '0',
        extra_currencies: [],
        fwd_fee: internal ? info.forwardFee.toString() : '0',
        ihr_fee: '0',
        created_lt: internal ? info.createdLt.toString() : '0',
        body_hash: body.hash().toString('base64'),
        bounce: internal && info.bounce,
        bounced: internal && info.bounced,
        msg_data: words === null
            ? { '@type': 'msg.dataRaw', body: text(body), init_state: '' }
            : { '@type': 'msg.dataText', text: Buffer.from(words).toString('base64') },
        message: words ?? '',
    };
}

function transactionV2({ account, cell, hash, lt, utime, transaction }) {
    return {
        '@type': 'raw.transaction',
        address: { '@type': 'accountAddress', account_address: Address.parseRaw(account).toString() },
        utime,
        data: text(cell),
        transaction_id: { '@type': 'internal.transactionId', lt: lt.toString(), hash: hash.toString('base64') },
        fee: transaction.totalFees.coins.toString(),
        storage_fee: (transaction.description.storagePhase?.storageFeesCollected ?? 0n).toString(),
        other_fee: '0',
        in_msg: messageV2(transaction.inMessage),
        out_msgs: [...transaction.outMessages.values()].map(messageV2),
    };
}

function accountV2(shardAccount, block, now) {
    const { account } = shardAccount;
    const state = account?.storage.state;
    const active = state?.type === 'active' ? state.state : null;
    return {
        '@type': 'raw.fullAccountState',
        balance: (account?.storage.balance.coins ?? 0n).toString(),
        extra_currencies: [],
        code: active?.code ? text(active.code) : '',
        data: active?.data ? text(active.data) : '',
        last_transaction_id: { '@type': 'internal.transactionId', lt: (shardAccount.lastTransactionLt ?? 0n).toString(), hash: hash256(shardAccount.lastTransactionHash ?? 0n) },
        block_id: blockId(block),
        frozen_hash: '',
        sync_utime: now,
        state: active ? 'active' : state?.type === 'frozen' ? 'frozen' : 'uninitialized',
    };
}

function stackIn([type, value]) {
    if (type === 'num' || type === 'int') return { type: 'int', value: BigInt(value) };
    return { type: /slice/i.test(type) ? 'slice' : 'cell', cell: readCell(value?.bytes ?? value) };
}

function stackOut(item) {
    if (item.type === 'int') return ['num', item.value < 0n ? `-0x${(-item.value).toString(16)}` : `0x${item.value.toString(16)}`];
    if (item.type === 'null') return ['list', { '@type': 'tvm.list', elements: [] }];
    if (item.type === 'tuple') return ['tuple', { '@type': 'tvm.tuple', elements: item.items.map(stackOut) }];
    return ['cell', { bytes: text(item.cell) }];
}

// ---- v3 ------------------------------------------------------------------------------------------

function messageV3(message) {
    if (!message) return null;
    const { info, body } = message;
    const internal = info.type === 'internal';
    const slice = body.beginParse();
    return {
        hash: messageHash(message).toString('base64'),
        ...(info.type === 'external-in' && { hash_norm: normalisedHash(message).toString('base64') }),
        source: info.type !== 'external-in' && info.src ? upperRaw(info.src) : null,
        destination: Address.isAddress(info.dest) ? upperRaw(info.dest) : null,
        value: internal ? info.value.coins.toString() : null,
        value_extra_currencies: internal ? {} : null,
        fwd_fee: internal ? info.forwardFee.toString() : null,
        ihr_fee: internal ? '0' : null,
        created_lt: internal ? info.createdLt.toString() : null,
        created_at: internal ? String(info.createdAt) : null,
        opcode: slice.remainingBits >= 32 ? `0x${slice.preloadUint(32).toString(16).padStart(8, '0')}` : null,
        ihr_disabled: internal ? true : null,
        bounce: internal ? info.bounce : null,
        bounced: internal ? info.bounced : null,
        import_fee: internal ? null : '0',
        message_content: { hash: body.hash().toString('base64'), body: text(body), decoded: null },
        init_state: null,
    };
}

function descriptionV3(description) {
    const { computePhase: compute, actionPhase: action, bouncePhase: bounce } = description;
    return {
        type: 'ord',
        aborted: description.aborted,
        destroyed: description.destroyed,
        credit_first: description.creditFirst,
        compute_ph: compute?.type === 'vm'
            ? { skipped: false, success: compute.success, gas_used: compute.gasUsed.toString(), exit_code: compute.exitCode }
            : { skipped: true, reason: compute?.reason?.replaceAll('-', '_') },
        ...(action && { action: { success: action.success, valid: action.valid, no_funds: action.noFunds, result_code: action.resultCode, tot_actions: action.totalActions, skipped_actions: action.skippedActions, msgs_created: action.messagesCreated } }),
        ...(bounce && { bounce: { type: bounce.type } }),
    };
}

function transactionV3(record) {
    const { transaction } = record;
    return {
        account: record.account.toUpperCase(),
        hash: record.hash.toString('base64'),
        lt: record.lt.toString(),
        now: record.utime,
        mc_block_seqno: record.seqno,
        trace_id: record.trace,
        prev_trans_hash: hash256(transaction.prevTransactionHash),
        prev_trans_lt: transaction.prevTransactionLt.toString(),
        orig_status: transaction.oldStatus,
        end_status: transaction.endStatus,
        total_fees: transaction.totalFees.coins.toString(),
        description: descriptionV3(transaction.description),
        block_ref: { workchain: 0, shard: '8000000000000000', seqno: record.seqno },
        in_msg: messageV3(transaction.inMessage),
        out_msgs: [...transaction.outMessages.values()].map(messageV3),
        emulated: false,
    };
}

/** An account as `accountStates` tells it, without its bags of cells. */
function accountV3(address, shardAccount) {
    const { account } = shardAccount;
    const state = account?.storage.state;
    return {
        address: upperRaw(address),
        balance: (account?.storage.balance.coins ?? 0n).toString(),
        extra_currencies: {},
        status: state?.type ?? 'nonexist',
        last_transaction_hash: hash256(shardAccount.lastTransactionHash ?? 0n),
        last_transaction_lt: (shardAccount.lastTransactionLt ?? 0n).toString(),
        frozen_hash: state?.type === 'frozen' ? hash256(state.stateHash) : null,
    };
}

/** A jetton wallet as `jetton/wallets` tells it; null for an answer that is no wallet's. */
function jettonWalletV3(address, shardAccount, [balance, owner, master]) {
    try {
        return {
            address: upperRaw(address),
            balance: balance.value.toString(),
            owner: upperRaw(owner.cell.beginParse().loadAddress()),
            jetton: upperRaw(master.cell.beginParse().loadAddress()),
            last_transaction_lt: shardAccount.lastTransactionLt.toString(),
        };
    } catch {
        return null;
    }
}

function blockV3(block) {
    const hash = block.hash.toString('base64');
    return { workchain: -1, shard: '8000000000000000', seqno: block.seqno, root_hash: hash, file_hash: hash, gen_utime: String(block.utime), start_lt: block.startLt.toString(), end_lt: block.endLt.toString(), tx_count: block.records.length };
}

module.exports = { BadRequest, accountV2, accountV3, blockId, blockV3, jettonWalletV3, messageHash, readAddress, readCell, readCount, readHash, stackIn, stackOut, transactionV2, transactionV3 };
