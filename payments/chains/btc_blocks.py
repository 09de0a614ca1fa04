"""Raw Bitcoin blocks and transactions, read at the speed that plain Python allows.

The formats are those of BIP144 (segwit serialisation) and BIP141 (weight); hashes are written as
people write them, with their bytes turned round."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from operator import eq

from payments.chains.blocks import Header

HEADER_BYTES = 80
HEADER_TIME = slice(68, 72)
OUTPOINT_BYTES = 36
NOTHING: frozenset[bytes] = frozenset()


class RawBytesError(ValueError):
    """These bytes are not a whole block or transaction, or do not hang together."""


@dataclass(frozen=True, slots=True)
class TxOutput:
    """Satoshis and the script that guards them."""

    units: int
    script: bytes


@dataclass(frozen=True, slots=True)
class TxInput:
    """What an input spends: `outpoint` is `txid:vout`."""

    outpoint: str
    sequence: int


@dataclass(frozen=True, slots=True)
class RawTx:
    """A transaction that was read in full."""

    txid: str
    inputs: tuple[TxInput, ...]
    outputs: tuple[TxOutput, ...]
    vsize: int


@dataclass(frozen=True, slots=True)
class FoundOutput:
    """An output that pays to one of the wanted scripts. `parent` is the transaction that made it,
    as its id commits to it: without witnesses."""

    txid: str
    vout: int
    units: int
    script: bytes
    coinbase: bool
    parent: bytes = b""


@dataclass(frozen=True, slots=True)
class FoundSpend:
    """A transaction that spends one of the wanted outpoints, and all that it pays."""

    outpoint: str
    txid: str
    outputs: tuple[TxOutput, ...]


@dataclass(frozen=True, slots=True)
class ScannedBlock:
    """A block whose transactions add up to its header, and what was looked for in it."""

    hash: str
    parent: str
    at: datetime
    hashes: tuple[bytes, ...]
    outputs: tuple[FoundOutput, ...]
    spends: tuple[FoundSpend, ...]

    @property
    def txids(self) -> tuple[str, ...]:
        """The ids of all its transactions, in their order."""
        return tuple(map(_shown, self.hashes))


@dataclass(slots=True)
class _Seen:
    """What was read of a block so far."""

    hashes: list[bytes] = field(default_factory=list)
    outputs: list[FoundOutput] = field(default_factory=list)
    spends: list[FoundSpend] = field(default_factory=list)


def read_header(raw: bytes, height: int) -> Header:
    """A header from its 80 bytes; its hash is computed here, so that it cannot be a lie.

    Raises RawBytesError."""
    if len(raw) != HEADER_BYTES:
        raise RawBytesError("a header has 80 bytes")
    seconds = int.from_bytes(raw[HEADER_TIME], "little")
    return Header(
        height=height,
        hash=_shown(_hash(raw)),
        parent=_shown(raw[4:36]),
        at=datetime.fromtimestamp(seconds, UTC),
    )


def read_transaction(raw: bytes) -> RawTx:
    """A transaction from its bytes, all of them. Raises RawBytesError."""
    try:
        end, id_hash, inputs_at, outputs_at = _pass(raw, 0)
        inputs = _inputs(raw, inputs_at)
        outputs = _outputs(raw, outputs_at)
    except IndexError as error:
        raise RawBytesError("cut short") from error
    if end != len(raw):
        raise RawBytesError("cut short" if end > len(raw) else "more than a transaction")
    weight = _stripped_length(inputs_at, outputs_at, raw) * 3 + len(raw)
    return RawTx(_shown(id_hash), inputs, outputs, (weight + 3) // 4)


def scan_block(
    raw: bytes,
    *,
    scripts: Container[bytes] = NOTHING,
    outpoints: Container[bytes] = NOTHING,
) -> ScannedBlock:
    """Look through a block for outputs to any of `scripts` and for inputs that spend any of
    `outpoints`, each as the 36 bytes that `outpoint_bytes` makes.

    Raises RawBytesError for bytes that are not a whole block, and for transactions that are not
    those of the header: a node cannot leave one out or slip one in."""
    header = read_header(raw[:HEADER_BYTES], 0)
    try:
        count, at = _number(raw, HEADER_BYTES)
        if not 0 < count <= len(raw):
            raise RawBytesError("no transactions")
        seen = _Seen()
        at = _scan_transactions(raw, at, count, scripts, outpoints, seen)
    except IndexError as error:
        raise RawBytesError("cut short") from error
    if at != len(raw):
        raise RawBytesError("cut short" if at > len(raw) else "more than a block")
    if _merkle_root(seen.hashes) != raw[36:68]:
        raise RawBytesError("transactions are not those of the header")
    return ScannedBlock(
        hash=header.hash,
        parent=header.parent,
        at=header.at,
        hashes=tuple(seen.hashes),
        outputs=tuple(seen.outputs),
        spends=tuple(seen.spends),
    )


def outpoint_bytes(outpoint: str) -> bytes:
    """`txid:vout` as inputs hold it. Raises RawBytesError."""
    txid, _, vout = outpoint.partition(":")
    try:
        packed = bytes.fromhex(txid)[::-1] + int(vout).to_bytes(4, "little")
    except (ValueError, OverflowError) as error:
        raise RawBytesError("not an outpoint") from error
    if len(packed) != OUTPOINT_BYTES:
        raise RawBytesError("not an outpoint")
    return packed


def _scan_transactions(  # noqa: C901, PLR0912, PLR0915 - flat, because a watcher spends its time here
    raw: bytes,
    at: int,
    count: int,
    scripts: Container[bytes],
    outpoints: Container[bytes],
    seen: _Seen,
) -> int:
    """Read so many transactions from `at` on; returns where the last one ends.

    Lengths below 253 are one byte, and nearly all of them are: that case is written out."""
    searched, hashes = outpoints is not NOTHING, seen.hashes
    for _ in range(count):
        start = at
        at += 4
        segwit = raw[at] == 0
        if segwit:
            if raw[at + 1] != 1:
                raise RawBytesError("not a segwit marker")
            at += 2
        body, inputs = at, raw[at]
        if inputs < 0xFD:
            at += 1
        else:
            inputs, at = _number(raw, at)
        hits: tuple[str, ...] = ()
        for _input in range(inputs):
            if searched and raw[at : at + 36] in outpoints:
                hits = (*hits, _shown_outpoint(raw[at : at + 36]))
            length = raw[at + 36]
            if length < 0xFD:
                at += length + 41
            else:
                length, at = _number(raw, at + 36)
                at += length + 4
        outputs_at, outputs = at, raw[at]
        if outputs < 0xFD:
            at += 1
        else:
            outputs, at = _number(raw, at)
        found: tuple[tuple[int, int, bytes], ...] = ()
        for vout in range(outputs):
            units_at, length = at, raw[at + 8]
            if length < 0xFD:
                at += 9
            else:
                length, at = _number(raw, at + 8)
            script = raw[at : at + length]
            at += length
            if script in scripts:
                units = int.from_bytes(raw[units_at : units_at + 8], "little")
                found = (*found, (vout, units, script))
        if segwit:
            body_end = at
            for _input in range(inputs):
                items = raw[at]
                if items < 0xFD:
                    at += 1
                else:
                    items, at = _number(raw, at)
                for _item in range(items):
                    length = raw[at]
                    if length < 0xFD:
                        at += length + 1
                    else:
                        length, at = _number(raw, at)
                        at += length
            at += 4
            stripped = raw[start : start + 4] + raw[body:body_end] + raw[at - 4 : at]
        else:
            at += 4
            stripped = raw[start:at]
        id_hash = sha256(sha256(stripped).digest()).digest()
        hashes.append(id_hash)
        if found or hits:
            txid, coinbase = _shown(id_hash), len(hashes) == 1
            seen.outputs += (FoundOutput(txid, *one, coinbase, stripped) for one in found)
            seen.spends += (FoundSpend(hit, txid, _outputs(raw, outputs_at)) for hit in hits)
    return at


def _pass(raw: bytes, start: int) -> tuple[int, bytes, int, int]:
    """Where a lone transaction ends, its hash, and where its inputs and outputs begin."""
    seen = _Seen()
    end = _scan_transactions(raw, start, 1, NOTHING, NOTHING, seen)
    inputs_at = start + (6 if raw[start + 4] == 0 else 4)
    count, at = _number(raw, inputs_at)
    if not count:
        raise RawBytesError("no inputs")
    for _ in range(count):
        length, at = _number(raw, at + 36)
        at += length + 4
    return end, seen.hashes[0], inputs_at, at


def _inputs(raw: bytes, at: int) -> tuple[TxInput, ...]:
    count, at = _number(raw, at)
    inputs = []
    for _ in range(count):
        outpoint = _shown_outpoint(raw[at : at + 36])
        length, at = _number(raw, at + 36)
        at += length + 4
        inputs.append(TxInput(outpoint, int.from_bytes(raw[at - 4 : at], "little")))
    return tuple(inputs)


def _outputs(raw: bytes, at: int) -> tuple[TxOutput, ...]:
    count, at = _number(raw, at)
    outputs = []
    for _ in range(count):
        units = int.from_bytes(raw[at : at + 8], "little")
        length, at = _number(raw, at + 8)
        outputs.append(TxOutput(units, raw[at : at + length]))
        at += length
    return tuple(outputs)


def _stripped_length(inputs_at: int, outputs_at: int, raw: bytes) -> int:
    count, at = _number(raw, outputs_at)
    for _ in range(count):
        length, at = _number(raw, at + 8)
        at += length
    return 4 + at - inputs_at + 4


def _number(raw: bytes, at: int) -> tuple[int, int]:
    """A length as Bitcoin writes it, and where what follows begins."""
    first = raw[at]
    if first < 0xFD:
        return first, at + 1
    width = 1 << (first - 0xFC)
    if at + 1 + width > len(raw):
        raise RawBytesError("cut short")
    return int.from_bytes(raw[at + 1 : at + 1 + width], "little"), at + 1 + width


def _merkle_root(hashes: list[bytes]) -> bytes:
    row = hashes
    while len(row) > 1:
        # Two equal neighbours at the end are how one list of transactions can be passed off as
        # another one with the same root (CVE-2012-2459).
        if any(map(eq, row[::2], row[1::2])):
            raise RawBytesError("a transaction stands there twice")
        if len(row) % 2:
            row = [*row, row[-1]]
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(sha256(one + two).digest()).digest() for one, two in pairs]
    return row[0]


def _hash(content: bytes) -> bytes:
    return sha256(sha256(content).digest()).digest()


def _shown(id_hash: bytes) -> str:
    return id_hash[::-1].hex()


def _shown_outpoint(packed: bytes) -> str:
    if len(packed) != OUTPOINT_BYTES:
        raise RawBytesError("cut short")
    return f"{_shown(packed[:32])}:{int.from_bytes(packed[32:], 'little')}"
