"""Blocks and transactions as Bitcoin Core's JSON; amounts are numbers with eight decimals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from embit import base58, bech32
from embit.networks import NETWORKS

from sandbox.btc.policy import script_type

if TYPE_CHECKING:
    from sandbox.btc.mempool import Entry
    from sandbox.btc.node import Node
    from sandbox.btc.records import Block, Tx

COIN_UNITS = 10**8
NETWORK = NETWORKS["regtest"]
COINBASE_ID = "00" * 32


def amount(units: int) -> msgspec.Raw:
    """Satoshis as the number of coins that Bitcoin Core prints."""
    whole, part = divmod(abs(units), COIN_UNITS)
    return msgspec.Raw(f"{'-' if units < 0 else ''}{whole}.{part:08d}".encode())


def address_of(script: bytes) -> str | None:
    """The address of a script, if it has one."""
    kind = script_type(script)
    if kind.startswith("witness"):
        version = script[0] - 0x50 if script[0] else 0
        text: str | None = bech32.encode(NETWORK["bech32"], version, list(script[2:]))
        return text
    if kind == "pubkeyhash":
        return str(base58.encode_check(NETWORK["p2pkh"] + script[3:23]))
    if kind == "scripthash":
        return str(base58.encode_check(NETWORK["p2sh"] + script[2:22]))
    return None


def header(node: Node, block: Block) -> dict[str, Any]:
    """What `getblockheader` says of a block."""
    chain = node.chain
    height = chain.heights[block.hash]
    confirmations = chain.confirmations(block.hash)
    raw = block.header
    shown = {
        "hash": block.hash,
        "confirmations": confirmations,
        "height": height,
        "version": int.from_bytes(raw[:4], "little"),
        "merkleroot": raw[36:68][::-1].hex(),
        "time": block.time,
        "mediantime": chain.median_time(block.hash),
        "nonce": int.from_bytes(raw[76:80], "little"),
        "bits": raw[72:76][::-1].hex(),
        "nTx": len(block.txs),
    }
    if height:
        shown["previousblockhash"] = block.parent
    if confirmations > 1:
        shown["nextblockhash"] = chain.chain[height + 1]
    return shown


def block(node: Node, wanted: Block, *, whole: bool) -> dict[str, Any]:
    """What `getblock` says of a block: with ids, or with whole transactions."""
    txs: list[Any] = [one.txid for one in wanted.txs]
    if whole:
        txs = [transaction(one) for one in wanted.txs]
        for shown in txs:
            if shown["txid"] in node.chain.fees:
                shown["fee"] = amount(node.chain.fees[shown["txid"]])
    size = {"size": len(wanted.raw), "weight": 4 * 80 + sum(one.weight for one in wanted.txs)}
    return {**header(node, wanted), **size, "tx": txs}


def transaction(tx: Tx) -> dict[str, Any]:
    """A decoded transaction."""
    return {
        "txid": tx.txid,
        "hash": tx.wtxid,
        "version": tx.version,
        "size": len(tx.raw),
        "vsize": tx.vsize,
        "weight": tx.weight,
        "locktime": tx.locktime,
        "vin": [_input(tx, number) for number in range(len(tx.inputs))],
        "vout": [
            {"value": amount(one.units), "n": number, "scriptPubKey": script(one.script)}
            for number, one in enumerate(tx.outputs)
        ],
        "hex": tx.raw.hex(),
    }


def script(content: bytes) -> dict[str, Any]:
    """A script, with the address that it has, if any."""
    shown = {"hex": content.hex(), "type": script_type(content)}
    address = address_of(content)
    return shown if address is None else {**shown, "address": address}


def mempool_entry(node: Node, entry: Entry) -> dict[str, Any]:
    """What `getmempoolentry` says of a waiting transaction."""
    pool = node.mempool
    above = [pool.entries[one] for one in pool.ancestors(entry.tx)]
    below = [pool.entries[one] for one in pool.descendants(entry.tx.txid)]
    return {
        "vsize": entry.tx.vsize,
        "weight": entry.tx.weight,
        "time": entry.time,
        "height": node.chain.height,
        "descendantcount": len(below) + 1,
        "ancestorcount": len(above) + 1,
        "fees": {
            "base": amount(entry.fee),
            "modified": amount(entry.fee),
            "ancestor": amount(entry.fee + sum(one.fee for one in above)),
            "descendant": amount(entry.fee + sum(one.fee for one in below)),
        },
        "depends": [one.tx.txid for one in above],
        "spentby": [one.tx.txid for one in below],
        "bip125-replaceable": any(one.sequence < 0xFFFFFFFE for one in entry.tx.inputs),
    }


def _input(tx: Tx, number: int) -> dict[str, Any]:
    spent = tx.inputs[number]
    if spent.outpoint.txid == COINBASE_ID:
        shown: dict[str, Any] = {"coinbase": spent.script_sig.hex()}
    else:
        shown = {
            "txid": spent.outpoint.txid,
            "vout": spent.outpoint.vout,
            "scriptSig": {"hex": spent.script_sig.hex()},
        }
    if spent.witness:
        shown["txinwitness"] = [item.hex() for item in spent.witness]
    return {**shown, "sequence": spent.sequence}
