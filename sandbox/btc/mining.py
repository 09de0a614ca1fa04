"""Putting blocks together: the best-paying packages first, a coinbase, and the proof of work."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from embit.script import Script, Witness
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from sandbox.btc.records import Block, Tx, double_sha256, merkle_root, read_block, varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.btc.chainstate import Chainstate
    from sandbox.btc.mempool import Entry, Mempool

VERSION = 0x20000000
REGTEST_BITS = 0x207FFFFF
SUBSIDY_UNITS = 50 * 10**8
HALVING_BLOCKS = 150
BLOCK_VBYTES_MAX = 990_000
# Nobody has the key of this script: where blocks pay that nobody shall earn.
NOBODY = b"\x00\x14" + bytes(20)
SIGNATURE_OF_COMMITMENT = b"\x6a\x24\xaa\x21\xa9\xed"


def choose(mempool: Mempool, *, min_units_per_kvb: int) -> list[Entry]:
    """What goes into the next block: packages of a transaction and what it stands on, by their
    common fee rate, until none pays the miner's minimum or the block is full."""
    entries = mempool.entries
    if not min_units_per_kvb and sum(one.tx.vsize for one in entries.values()) < BLOCK_VBYTES_MAX:
        return list(entries.values())
    place = {txid: number for number, txid in enumerate(entries)}
    above = {txid: mempool.ancestors(entry.tx) for txid, entry in entries.items()}
    chosen: dict[str, Entry] = {}
    room = BLOCK_VBYTES_MAX
    while True:
        packages: list[tuple[int, int, int, list[str]]] = []
        for txid in entries:
            if txid in chosen:
                continue
            package = [one for one in (*above[txid], txid) if one not in chosen]
            fee = sum(entries[one].fee for one in package)
            size = sum(entries[one].tx.vsize for one in package)
            if size <= room and fee * 1000 >= size * min_units_per_kvb:
                packages.append((fee * 1000 // size, -place[txid], size, package))
        if not packages:
            return list(chosen.values())
        _rate, _place, size, package = max(packages)
        chosen.update((one, entries[one]) for one in sorted(package, key=place.__getitem__))
        room -= size


def mine(
    chain: Chainstate, script: bytes, txs: Sequence[Tx], *, fees: int, now: int, salt: int
) -> Block:
    """A block on the tip that holds `txs` and pays subsidy and `fees` to `script`; `salt` makes it
    differ from every other block of the same second."""
    height = chain.height + 1
    coinbase = _coinbase(height, script, txs, fees=fees, salt=salt)
    ids = [coinbase.txid()[::-1], *(bytes.fromhex(tx.txid)[::-1] for tx in txs)]
    time = max(now, chain.median_time() + 1)
    parent = bytes.fromhex(chain.tip.hash)[::-1]
    header = _worked(VERSION, parent, merkle_root(ids), time)
    body = varint(len(ids)) + coinbase.serialize() + b"".join(tx.raw for tx in txs)
    return read_block(header + body)


def _coinbase(
    height: int, script: bytes, txs: Sequence[Tx], *, fees: int, salt: int
) -> Transaction:
    reserved = bytes(32)
    wtxids = [bytes(32), *(bytes.fromhex(tx.wtxid)[::-1] for tx in txs)]
    commitment = double_sha256(merkle_root(wtxids) + reserved)
    subsidy = SUBSIDY_UNITS >> (height // HALVING_BLOCKS)
    return Transaction(
        version=2,
        vin=[
            TransactionInput(
                bytes(32),
                0xFFFFFFFF,
                script_sig=Script(_height_push(height) + b"\x08" + salt.to_bytes(8, "little")),
                witness=Witness([reserved]),
            )
        ],
        vout=[
            TransactionOutput(subsidy + fees, Script(script)),
            TransactionOutput(0, Script(SIGNATURE_OF_COMMITMENT + commitment)),
        ],
        locktime=0,
    )


def _height_push(height: int) -> bytes:
    """The height as the first push of the coinbase (BIP34)."""
    if height <= 16:
        return bytes([0x50 + height])
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    return bytes([len(number)]) + number


def _worked(version: int, parent: bytes, root: bytes, time: int) -> bytes:
    nonce = 0
    while True:
        header = struct.pack("<I32s32sIII", version, parent, root, time, REGTEST_BITS, nonce)
        if double_sha256(header)[31] < 0x80:
            return header
        nonce += 1
