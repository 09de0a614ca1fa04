"""Message bodies of one plain cell, as nearly all comments are, read without building the cell.

The format is that of a bag of cells (serialized_boc in boc.tlb of ton-blockchain/ton); whatever is
not exactly one ordinary cell of whole bytes is left to the library."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

import google_crc32c
import msgspec

from payments.chains.ton_cells import TEXT_OPCODE, CellError, opcode, read_cell, read_comment

if TYPE_CHECKING:
    from ton_core import Cell

MAGIC = bytes.fromhex("b5ee9c72")
WITH_CHECKSUM = 0x40
INDEX_BYTES = 1
# One cell, one root, none absent; its size; the root is cell 0.
COUNTS = b"\x01\x01\x00"
CELL_AT = 11
CHECKSUM_BYTES = 4
OPCODE_BYTES = 4


class PlainBody(msgspec.Struct, frozen=True, gc=False):
    """The content of a single ordinary cell without references, and the bytes that it came in."""

    boc: bytes
    content: bytes

    def cell(self) -> Cell:
        """The same as a cell."""
        return read_cell(self.boc)

    def opcode(self) -> int | None:
        """What the body asks for, as `opcode` of its cell would tell it."""
        if len(self.content) < OPCODE_BYTES:
            return None
        return int.from_bytes(self.content[:OPCODE_BYTES], "big")

    def comment(self) -> str | None:
        """The text of the body, as `read_comment` would tell it."""
        if self.opcode() != TEXT_OPCODE:
            return None
        try:
            return self.content[OPCODE_BYTES:].decode()
        except UnicodeDecodeError:
            return None


def read_body(text: str) -> Cell | PlainBody:
    """A message body from base64; raises CellError where it is not a bag of one cell."""
    try:
        boc = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise CellError("not base64") from error
    return _plain(boc) or read_cell(boc)


def comment_of(body: Cell | PlainBody) -> str | None:
    """The text of a body of either form; None unless it is a whole, plain, UTF-8 comment."""
    return body.comment() if isinstance(body, PlainBody) else read_comment(body)


def opcode_of(body: Cell | PlainBody) -> int | None:
    """The first 32 bits of a body of either form, None if it has fewer."""
    return body.opcode() if isinstance(body, PlainBody) else opcode(body)


def _plain(boc: bytes) -> PlainBody | None:
    if len(boc) < CELL_AT + 2 or boc[:4] != MAGIC or boc[6:9] != COUNTS:
        return None
    flags, size, root = boc[4], boc[9], boc[10]
    if flags & ~WITH_CHECKSUM != INDEX_BYTES or boc[5] != 1 or root != 0:
        return None
    end = CELL_AT + size
    references, bits = boc[CELL_AT], boc[CELL_AT + 1]
    # An odd second byte says that the last byte is not whole.
    if references or bits % 2 or size != 2 + bits // 2 or end > len(boc):
        return None
    checksum = boc[end:]
    if flags & WITH_CHECKSUM:
        # Castagnoli's polynomial (RFC 3720), the low byte first.
        if checksum != google_crc32c.value(boc[:end]).to_bytes(CHECKSUM_BYTES, "little"):
            return None
    elif checksum:
        return None
    return PlainBody(boc, boc[CELL_AT + 2 : end])
