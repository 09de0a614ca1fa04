"""Transactions and blocks as the node keeps them, read from raw bytes by embit and the kernel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import pbk
from embit import compact
from embit.transaction import Transaction

from sandbox.btc.refusals import UNREADABLE, RpcRefusal

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER_BYTES = 80
TX_UNREADABLE = "TX decode failed. Make sure the tx has at least one input."
BLOCK_UNREADABLE = "Block decode failed"


class Outpoint(NamedTuple):
    """An output by the transaction that made it."""

    txid: str
    vout: int


class Spent(NamedTuple):
    """An input: what it spends and how."""

    outpoint: Outpoint
    sequence: int
    script_sig: bytes
    witness: tuple[bytes, ...]


class Output(NamedTuple):
    """Satoshis and the script that guards them."""

    units: int
    script: bytes


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction; ids are hex as people write them."""

    raw: bytes
    txid: str
    wtxid: str
    version: int
    locktime: int
    inputs: tuple[Spent, ...]
    outputs: tuple[Output, ...]
    weight: int

    @property
    def vsize(self) -> int:
        """Virtual bytes (BIP141)."""
        return (self.weight + 3) // 4


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its transactions."""

    raw: bytes
    hash: str
    parent: str
    time: int
    txs: tuple[Tx, ...]

    @property
    def header(self) -> bytes:
        """The 80 bytes that the hash covers."""
        return self.raw[:HEADER_BYTES]


def read_tx(raw: bytes) -> Tx:
    """A transaction from its bytes, all of them. Raises RpcRefusal -22."""
    try:
        pbk.Transaction(raw)
    except RuntimeError as error:
        raise RpcRefusal(UNREADABLE, TX_UNREADABLE) from error
    stream = BytesIO(raw)
    tx = _next_tx(raw, stream)
    if stream.tell() != len(raw):  # the kernel does not mind what follows
        raise RpcRefusal(UNREADABLE, TX_UNREADABLE)
    return tx


def read_block(raw: bytes) -> Block:
    """A block from its bytes, all of them. Raises RpcRefusal -22."""
    try:
        pbk.Block(raw)
    except RuntimeError as error:
        raise RpcRefusal(UNREADABLE, BLOCK_UNREADABLE) from error
    stream = BytesIO(raw)
    stream.seek(HEADER_BYTES)
    txs = tuple(_next_tx(raw, stream) for _ in range(compact.read_from(stream)))
    if stream.tell() != len(raw):
        raise RpcRefusal(UNREADABLE, BLOCK_UNREADABLE)
    return Block(
        raw=raw,
        hash=double_sha256(raw[:HEADER_BYTES])[::-1].hex(),
        parent=raw[4:36][::-1].hex(),
        time=int.from_bytes(raw[68:72], "little"),
        txs=txs,
    )


def double_sha256(content: bytes) -> bytes:
    """The hash that names blocks and transactions, in the order of the wire."""
    return hashlib.sha256(hashlib.sha256(content).digest()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes in the order of the wire."""
    row = list(leaves)
    while len(row) > 1:
        if len(row) % 2:
            row.append(row[-1])
        row = [double_sha256(row[at] + row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def varint(number: int) -> bytes:
    """A length as Bitcoin writes it."""
    for limit, prefix, width in ((0xFD, b"", 1), (1 << 16, b"\xfd", 2), (1 << 32, b"\xfe", 4)):
        if number < limit:
            return prefix + number.to_bytes(width, "little")
    return b"\xff" + number.to_bytes(8, "little")


def _next_tx(raw: bytes, stream: BytesIO) -> Tx:
    """The transaction at the stream's place in bytes that the kernel could read."""
    start = stream.tell()
    parsed = Transaction.read_from(stream)
    own = raw[start : stream.tell()]
    return Tx(
        raw=own,
        txid=parsed.txid().hex(),
        wtxid=double_sha256(own)[::-1].hex(),
        version=parsed.version,
        locktime=parsed.locktime,
        inputs=tuple(
            Spent(
                Outpoint(one.txid.hex(), one.vout),
                one.sequence,
                bytes(one.script_sig.data),
                tuple(bytes(item) for item in one.witness.items),
            )
            for one in parsed.vin
        ),
        outputs=tuple(Output(one.value, bytes(one.script_pubkey.data)) for one in parsed.vout),
        weight=_stripped_length(parsed) * 3 + len(own),
    )


def _stripped_length(parsed: Transaction) -> int:
    frame = 8 + len(varint(len(parsed.vin))) + len(varint(len(parsed.vout)))
    moved = (len(one.serialize()) for one in (*parsed.vin, *parsed.vout))
    return frame + sum(moved)
