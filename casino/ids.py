"""Names of things: 64-bit time-ordered ids inside, UUIDv7 text where people see them.

The database function `next_id()` makes the inner ids: milliseconds since `EPOCH_MS` in the upper
41 bits, a sequence in the lower 22. The public form is the same number dressed as a UUIDv7 (RFC
9562): its timestamp field is the id's, its random fields carry the sequence and a check value, so
that a mistyped id is refused and nothing needs a second column.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import NewType
from uuid import UUID

import uuid_utils

from casino.errors import NotFound

PlayerId = NewType("PlayerId", int)
StaffId = NewType("StaffId", int)
RoundId = NewType("RoundId", int)
EntryId = NewType("EntryId", int)
SeedPairId = NewType("SeedPairId", int)
DepositId = NewType("DepositId", int)
WithdrawalId = NewType("WithdrawalId", int)
CaseId = NewType("CaseId", int)

EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
SEQUENCE_BITS = 22
_SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
_CHECK_BITS = 52
_EPOCH = datetime.fromtimestamp(0, UTC)
_UUID7 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)


def public(inner: int) -> str:
    """The UUIDv7 text that people see for an inner id."""
    milliseconds = (inner >> SEQUENCE_BITS) + EPOCH_MS
    sequence = inner & _SEQUENCE_MASK
    bits = milliseconds << 80 | 0x7 << 76 | (sequence >> 10) << 64 | 0b10 << 62
    bits |= (sequence & 0x3FF) << _CHECK_BITS | _check(inner)
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def internal(text: str) -> int:
    """The inner id behind its public text; raises NotFound for any other text."""
    try:
        bits = UUID(text).int
    except ValueError as error:
        raise NotFound(thing="id", key=text[:64]) from error
    milliseconds = bits >> 80
    sequence = (bits >> 64 & 0xFFF) << 10 | bits >> _CHECK_BITS & 0x3FF
    inner = (milliseconds - EPOCH_MS) << SEQUENCE_BITS | sequence
    if not 0 <= inner < 2**63 or public(inner) != text.lower():
        raise NotFound(thing="id", key=text[:64])
    return inner


def moment_of(inner: int) -> datetime:
    """When an inner id was made, to the millisecond."""
    return datetime.fromtimestamp(0, UTC) + timedelta(
        milliseconds=(inner >> SEQUENCE_BITS) + EPOCH_MS
    )


def first_id_at(moment: datetime) -> int:
    """The smallest inner id of a moment; partitions and time windows are cut here."""
    milliseconds = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    return (milliseconds - EPOCH_MS) << SEQUENCE_BITS


def new_reference(at: datetime | None = None) -> str:
    """A fresh UUIDv7 of a moment, else of now: for callers that need an idempotency key."""
    if at is None:
        return str(uuid_utils.uuid7())
    return str(uuid_utils.uuid7(nanoseconds=(at - _EPOCH) // timedelta(microseconds=1) * 1000))


def first_reference_at(moment: datetime) -> str:
    """How every UUIDv7 of a moment begins; they sort by their time, so two of these bound them."""
    digits = f"{(moment - _EPOCH) // timedelta(milliseconds=1):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def is_reference(text: str) -> bool:
    """Whether a text is a UUIDv7."""
    return _UUID7.fullmatch(text) is not None


def _check(inner: int) -> int:
    digest = hashlib.sha256(b"fairhouse-id:%d" % inner).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _CHECK_BITS)
