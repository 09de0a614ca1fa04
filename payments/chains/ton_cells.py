"""TON cells without a network: text comments both ways, message hashes, bodies we recognise."""

from __future__ import annotations

import base64
import binascii

from ton_core import Address, Builder, Cell, Slice, begin_cell

from payments.addresses import TonAddress

TEXT_OPCODE = 0
INTERNAL_TRANSFER_OPCODE = 0xAE42E5A4
FUEL_OPCODE = 0x4655454C
"""Marks coins that we send to an address of ours; believed only from our own hot wallet."""
ORDINARY = -1
SNAKE_ROOT_BYTES = 123
SNAKE_TAIL_BYTES = 127
COMMENT_BYTES_MAX = 1024


class CellError(ValueError):
    """Bytes that are not the cell they should be."""


class Fields:
    """The content of an ordinary cell, read in order. Every read raises CellError when the cell
    ends before the field does, and an address of any kind can be read: strangers choose both."""

    def __init__(self, cell: Cell) -> None:
        if cell.type_ != ORDINARY:
            raise CellError("not an ordinary cell")
        self._slice: Slice = cell.begin_parse()

    @property
    def bits(self) -> int:
        """How many bits are left."""
        return int(self._slice.remaining_bits)

    @property
    def refs(self) -> int:
        """How many references are left."""
        return int(self._slice.remaining_refs)

    def uint(self, bits: int) -> int:
        """An unsigned number of so many bits."""
        self._require(bits)
        return int(self._slice.load_uint(bits)) if bits else 0

    def skip(self, bits: int) -> None:
        """Leave out so many bits."""
        self._require(bits)
        self._slice.skip_bits(bits)

    def coins(self) -> int:
        """An amount: VarUInteger 16 (block.tlb)."""
        return self.uint(8 * self.uint(4))

    def address(self) -> TonAddress | None:
        """A MsgAddress (block.tlb) of any kind; None for those that are not a plain account: none,
        external, variable, anycast."""
        kind = self.uint(2)
        if kind == 0:
            return None
        if kind == 1:
            self.skip(self.uint(9))
            return None
        anycast = bool(self.uint(1))
        if anycast:
            self.skip(self.uint(5))
        if kind == 3:
            length = self.uint(9)
            self.skip(32 + length)
            return None
        workchain = int.from_bytes(self.uint(8).to_bytes(1, "big"), "big", signed=True)
        account = self.uint(256).to_bytes(32, "big")
        return None if anycast else TonAddress(workchain, account)

    def ref(self) -> Cell:
        """The next referenced cell."""
        if not self.refs:
            raise CellError("a reference is missing")
        return self._slice.load_ref()

    def rest(self) -> Cell:
        """What is left, as a cell of its own."""
        return self._slice.to_cell()

    def _require(self, bits: int) -> None:
        if self.bits < bits:
            raise CellError("the cell is cut short")


def read_cell(boc: bytes) -> Cell:
    """The one root cell of a bag of cells."""
    try:
        return Cell.one_from_boc(boc)
    except Exception as error:  # the library itself raises bare Exception on bad bytes
        raise CellError("not a bag of one cell") from error


def read_cell_base64(text: str) -> Cell:
    """The same from base64."""
    try:
        return read_cell(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise CellError("not base64") from error


def write_boc(cell: Cell) -> bytes:
    """Bytes that hold the cell; read back and compared, since serialisers have had faults."""
    boc: bytes = cell.to_boc()
    if read_cell(boc).hash != cell.hash:
        raise CellError("the bytes do not hold the cell")
    return boc


def library_address(address: TonAddress) -> Address:
    """Our address as the cell library's."""
    return Address((address.workchain, address.account))


def comment_cell(text: str) -> Cell:
    """A message body that wallets show as text; an empty text is an empty body."""
    if not text:
        return Cell.empty()
    encoded = text.encode()
    if len(encoded) > COMMENT_BYTES_MAX:
        raise CellError("comment is too long")
    chunks = [encoded[:SNAKE_ROOT_BYTES]]
    rest = encoded[SNAKE_ROOT_BYTES:]
    chunks += [rest[at : at + SNAKE_TAIL_BYTES] for at in range(0, len(rest), SNAKE_TAIL_BYTES)]
    tail: Cell | None = None
    for chunk in reversed(chunks[1:]):
        tail = _snake_link(begin_cell(), chunk, tail)
    return _snake_link(begin_cell().store_uint(TEXT_OPCODE, 32), chunks[0], tail)


def read_comment(body: Cell) -> str | None:
    """The text of a body, exactly as sent; None unless it is a whole, plain, UTF-8 comment.

    Encrypted and binary bodies, half bytes, forked or over-long chains and exotic cells are all
    not text: guessing at them could credit the wrong player."""
    if opcode(body) != TEXT_OPCODE or body.type_ != ORDINARY:
        return None
    link = body.begin_parse()
    link.skip_bits(32)
    encoded = b""
    while True:
        if link.remaining_bits % 8 or link.remaining_refs > 1:
            return None
        encoded += link.load_bytes(link.remaining_bits // 8)
        if len(encoded) > COMMENT_BYTES_MAX:
            return None
        if not link.remaining_refs:
            break
        following = link.load_ref()
        if following.type_ != ORDINARY or not following.bits:
            return None
        link = following.begin_parse()
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        return None


def transfer_query_id(body: Cell) -> int | None:
    """The query id of a highload wallet's message to itself; None for any other body."""
    if opcode(body) != INTERNAL_TRANSFER_OPCODE or len(body.bits) < 96:
        return None
    content = Fields(body)
    content.skip(32)
    return content.uint(64)


def opcode(body: Cell) -> int | None:
    """The first 32 bits of a body, which say what it asks for; None if it has fewer."""
    if len(body.bits) < 32:
        return None
    return int(body.begin_parse().load_uint(32))


def fuel_cell() -> Cell:
    """The body that marks coins as fuel."""
    return begin_cell().store_uint(FUEL_OPCODE, 32).end_cell()


def normalised_hash(destination: TonAddress, body: Cell) -> str:
    """The hash by which an external message is found, however its sender packed it."""
    cell = (
        begin_cell()
        .store_uint(0b10, 2)
        .store_uint(0b00, 2)
        .store_address(library_address(destination))
        .store_coins(0)
        .store_bit(0)
        .store_bit(1)
        .store_ref(body)
        .end_cell()
    )
    return bytes(cell.hash).hex()


def _snake_link(builder: Builder, chunk: bytes, tail: Cell | None) -> Cell:
    builder.store_bytes(chunk)
    if tail is not None:
        builder.store_ref(tail)
    return builder.end_cell()
