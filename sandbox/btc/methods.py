"""What the node can be asked: Bitcoin Core's methods by their names, arguments and errors."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from embit.script import address_to_scriptpubkey

from sandbox.btc import shapes
from sandbox.btc.records import Block, Outpoint, Tx, read_block, read_tx
from sandbox.btc.refusals import (
    BAD_PARAMETER,
    BAD_TRANSACTION,
    MISC,
    NO_SUCH_METHOD,
    NOT_FOUND,
    UNREADABLE,
    PolicyRefusal,
    RpcRefusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.btc.node import Node

BAD_TYPE = -3
DEFAULT_MAX_UNITS_PER_KVB = 10**7
NO_INDEX = (
    "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain "
    "transaction queries. Use gettransaction for wallet transactions."
)
NOWHERE = "No such mempool or blockchain transaction. Use gettransaction for wallet transactions."

Coins = float | int


def call(node: Node, method: str, given: Sequence[Any]) -> Any:
    """Answer one question. Raises RpcRefusal."""
    function = METHODS.get(method)
    if function is None:
        raise RpcRefusal(NO_SUCH_METHOD, "Method not found")
    signature = inspect.signature(function)
    try:
        bound = signature.bind(node, *given)
    except TypeError as error:
        raise RpcRefusal(MISC, f"{method}{signature}") from error
    hints = get_type_hints(function, localns={"Node": object})
    try:
        # The node itself, which stands first, is the one argument that nobody gives.
        arguments = {
            name: msgspec.convert(value, hints[name])
            for name, value in list(bound.arguments.items())[1:]
        }
    except msgspec.ValidationError as error:
        raise RpcRefusal(BAD_TYPE, f"JSON value is not of the expected type: {error}") from error
    return function(node, **arguments)


def getblockchaininfo(node: Node) -> dict[str, Any]:
    tip = node.chain.tip
    return {
        "chain": "regtest",
        "blocks": node.chain.height,
        "headers": node.chain.height,
        "bestblockhash": tip.hash,
        "time": tip.time,
        "mediantime": node.chain.median_time(),
        "initialblockdownload": False,
        "pruned": False,
    }


def getnetworkinfo(_node: Node) -> dict[str, Any]:
    return {
        "version": 300000,
        "subversion": "/fairhouse-kernel/",
        "relayfee": shapes.amount(1000),
        "incrementalfee": shapes.amount(1000),
    }


def getmempoolinfo(node: Node) -> dict[str, Any]:
    entries = node.mempool.entries.values()
    return {
        "loaded": True,
        "size": len(entries),
        "bytes": sum(entry.tx.vsize for entry in entries),
        "mempoolminfee": shapes.amount(1000),
        "minrelaytxfee": shapes.amount(1000),
    }


def getblockcount(node: Node) -> int:
    return node.chain.height


def getbestblockhash(node: Node) -> str:
    return node.chain.tip.hash


def getblockhash(node: Node, height: int) -> str:
    if not 0 <= height <= node.chain.height:
        raise RpcRefusal(BAD_PARAMETER, "Block height out of range")
    return node.chain.chain[height]


def getblockheader(node: Node, blockhash: str, verbose: bool = True) -> Any:
    block = _block(node, blockhash)
    return shapes.header(node, block) if verbose else block.header.hex()


def getblock(node: Node, blockhash: str, verbosity: int | bool = 1) -> Any:
    block = _block(node, blockhash)
    if int(verbosity) == 0:
        return block.raw.hex()
    return shapes.block(node, block, whole=int(verbosity) > 1)


def getchaintips(node: Node) -> list[dict[str, Any]]:
    chain = node.chain
    parents = {block.parent for block in chain.blocks.values()}
    tips = []
    for block in chain.blocks.values():
        if block.hash in parents and block.hash != chain.tip.hash:
            continue
        status = "invalid" if chain.is_invalid(block.hash) else "valid-fork"
        if block.hash == chain.tip.hash:
            status = "active"
        tips.append({"height": chain.heights[block.hash], "hash": block.hash, "status": status})
    return tips


def getrawmempool(node: Node, verbose: bool = False) -> Any:
    entries = node.mempool.entries
    if verbose:
        return {txid: shapes.mempool_entry(node, entry) for txid, entry in entries.items()}
    return list(entries)


def getmempoolentry(node: Node, txid: str) -> dict[str, Any]:
    entry = node.mempool.entries.get(_hash(txid))
    if entry is None:
        raise RpcRefusal(NOT_FOUND, "Transaction not in mempool")
    return shapes.mempool_entry(node, entry)


def getrawtransaction(
    node: Node, txid: str, verbose: int | bool = False, blockhash: str | None = None
) -> Any:
    tx, block = _find(node, _hash(txid), blockhash)
    if not verbose:
        return tx.raw.hex()
    shown = shapes.transaction(tx)
    if block is not None:
        confirmations = node.chain.confirmations(block.hash)
        shown |= {"blockhash": block.hash, "confirmations": max(confirmations, 0)}
    return shown


def gettxout(node: Node, txid: str, n: int, include_mempool: bool = True) -> Any:
    outpoint = Outpoint(_hash(txid), n)
    if include_mempool and outpoint in node.mempool.spenders:
        return None
    coin = node.chain.coins.get(outpoint)
    waiting = node.mempool.output(outpoint) if include_mempool else None
    if coin is None and waiting is None:
        return None
    output = coin or waiting
    assert output is not None
    return {
        "bestblock": node.chain.tip.hash,
        "confirmations": 0 if coin is None else node.chain.height - coin.height + 1,
        "value": shapes.amount(output.units),
        "scriptPubKey": shapes.script(output.script),
        "coinbase": coin is not None and coin.coinbase,
    }


def scantxoutset(
    node: Node, action: str, scanobjects: list[str | dict[str, Any]] | None = None
) -> Any:
    if action != "start":
        return None if action == "status" else False
    scripts = {_described(one) for one in scanobjects or ()}
    found = [
        {
            "txid": outpoint.txid,
            "vout": outpoint.vout,
            "scriptPubKey": coin.script.hex(),
            "amount": shapes.amount(coin.units),
            "coinbase": coin.coinbase,
            "height": coin.height,
        }
        for outpoint, coin in node.chain.coins.items()
        if coin.script in scripts
    ]
    total = sum(coin.units for coin in node.chain.coins.values() if coin.script in scripts)
    return {
        "success": True,
        "txouts": len(node.chain.coins),
        "height": node.chain.height,
        "bestblock": node.chain.tip.hash,
        "unspents": found,
        "total_amount": shapes.amount(total),
    }


def would_accept(
    node: Node, rawtxs: list[str], maxfeerate: Coins | str = 0.1
) -> list[dict[str, Any]]:
    answers = []
    for text in rawtxs:
        tx = read_tx(_hex(text))
        about = {"txid": tx.txid, "wtxid": tx.wtxid}
        try:
            accepted = node.mempool.check(tx, now=0)
            _require_modest(accepted.entry.fee, tx, maxfeerate)
        except PolicyRefusal as refusal:
            answers.append({**about, "allowed": False, "reject-reason": refusal.test_reason})
        except RpcRefusal:
            answers.append({**about, "allowed": False, "reject-reason": "max-fee-exceeded"})
        else:
            fees = {"base": shapes.amount(accepted.entry.fee)}
            answers.append({**about, "allowed": True, "vsize": tx.vsize, "fees": fees})
    return answers


def sendrawtransaction(node: Node, hexstring: str, maxfeerate: Coins | str = 0.1) -> str:
    tx = read_tx(_hex(hexstring))
    if tx.txid in node.mempool.entries:
        return tx.txid
    try:
        _require_modest(node.mempool.check(tx, now=0).entry.fee, tx, maxfeerate)
        node.submit_tx(tx)
    except PolicyRefusal as refusal:
        raise RpcRefusal(refusal.code, refusal.reason) from refusal
    return tx.txid


def estimatesmartfee(node: Node, conf_target: int, estimate_mode: str = "") -> dict[str, Any]:
    del estimate_mode
    rate = node.fee_estimate_units_per_kvb
    if rate is None:
        return {"errors": ["Insufficient data or no feerate found"], "blocks": conf_target}
    return {"feerate": shapes.amount(rate), "blocks": conf_target}


def generatetoaddress(node: Node, nblocks: int, address: str) -> list[str]:
    script = _script(address)
    return [node.generate(script).hash for _ in range(nblocks)]


def generateblock(node: Node, output: str, transactions: list[str]) -> dict[str, Any]:
    txs = []
    for text in transactions:
        entry = node.mempool.entries.get(text)
        txs.append(read_tx(_hex(text)) if entry is None else entry.tx)
    return {"hash": node.generate(_script(output), txs).hash}


def submitblock(node: Node, hexdata: str) -> str | None:
    block = read_block(_hex(hexdata))
    if block.hash in node.chain.blocks:
        return "duplicate"
    if block.parent not in node.chain.blocks:
        return "prev-blk-not-found"
    if node.submit_block(block):
        return None
    return "inconclusive" if block.hash in node.chain.blocks else "rejected"


def invalidateblock(node: Node, blockhash: str) -> None:
    node.invalidate(_hash(blockhash))


def reconsiderblock(node: Node, blockhash: str) -> None:
    node.reconsider(_hash(blockhash))


def setfeeestimate(node: Node, units_per_kvb: int | None) -> None:
    """Not Bitcoin Core's: what `estimatesmartfee` shall say; None for no answer."""
    node.fee_estimate_units_per_kvb = units_per_kvb


def setminingfee(node: Node, units_per_kvb: int) -> None:
    """Not Bitcoin Core's method but its `-blockmintxfee`: what packages must pay to be mined."""
    node.mining_units_per_kvb = units_per_kvb


METHODS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        estimatesmartfee,
        generateblock,
        generatetoaddress,
        getbestblockhash,
        getblock,
        getblockchaininfo,
        getblockcount,
        getblockhash,
        getblockheader,
        getchaintips,
        getmempoolentry,
        getmempoolinfo,
        getnetworkinfo,
        getrawmempool,
        getrawtransaction,
        gettxout,
        invalidateblock,
        reconsiderblock,
        scantxoutset,
        sendrawtransaction,
        setfeeestimate,
        setminingfee,
        submitblock,
    )
} | {"testmempoolaccept": would_accept}  # whose name pytest would take for a test


def _block(node: Node, block_hash: str) -> Block:
    return node.chain.block(_hash(block_hash))


def _find(node: Node, txid: str, block_hash: str | None) -> tuple[Tx, Block | None]:
    if block_hash is None and txid in node.mempool.entries:
        return node.mempool.entries[txid].tx, None
    if block_hash is None:
        block_hash = node.chain.mined_in.get(txid) if node.txindex else None
        if block_hash is None:
            raise RpcRefusal(NOT_FOUND, NOWHERE if node.txindex else NO_INDEX)
    block = _block(node, block_hash)
    for tx in block.txs:
        if tx.txid == txid:
            return tx, block
    raise RpcRefusal(NOT_FOUND, "No such transaction found in the provided block.")


def _require_modest(fee: int, tx: Tx, maxfeerate: Coins | str) -> None:
    limit = int(Decimal(str(maxfeerate)) * shapes.COIN_UNITS)
    if limit and fee * 1000 > limit * tx.vsize:
        reason = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
        raise RpcRefusal(BAD_TRANSACTION, reason)


def _described(given: str | dict[str, Any]) -> bytes:
    text = str(given["desc"] if isinstance(given, dict) else given).partition("#")[0]
    kind, _, content = text.partition("(")
    if kind == "addr" and content.endswith(")"):
        return _script(content[:-1])
    if kind == "raw" and content.endswith(")"):
        return _hex(content[:-1])
    raise RpcRefusal(NOT_FOUND, f"'{text}' is not a valid descriptor function")


def _script(address: str) -> bytes:
    try:
        script = bytes(address_to_scriptpubkey(address).data)
    except Exception as error:  # embit raises whatever the text makes it stumble over
        raise RpcRefusal(NOT_FOUND, "Error: Invalid address") from error
    if shapes.address_of(script) != address:
        raise RpcRefusal(NOT_FOUND, "Error: Invalid address")
    return script


def _hash(text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise RpcRefusal(BAD_PARAMETER, f"hash must be of length 64 and hexadecimal (not '{text}')")
    return text


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise RpcRefusal(UNREADABLE, "TX decode failed. Make sure the tx is in hex.") from error
