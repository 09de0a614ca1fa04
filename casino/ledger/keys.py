"""Idempotency keys: what a caller's reference stands for, and what was stored under it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.ids import EntryId, PlayerId

TOMBSTONE = b""
_CANONICAL = msgspec.json.Encoder(order="sorted")


class Key(msgspec.Struct, frozen=True, gc=False):
    """A caller's idempotency key; `scope` is `<source>/<kind>`."""

    scope: str
    reference: str


class StoredKey(msgspec.Struct, frozen=True, gc=False):
    """A key that was seen before, with the entry it led to.

    An empty fingerprint marks a tombstone: nothing happened under the key and nothing may.
    """

    entry_id: EntryId
    player_id: PlayerId
    fingerprint: bytes
    answer: bytes | None

    @property
    def is_tombstone(self) -> bool:
        """Whether the key was refused before its command came."""
        return self.fingerprint == TOMBSTONE


def fingerprint(request: Mapping[str, object]) -> bytes:
    """Sixteen bytes that stand for a request's content in its idempotency key."""
    return hashlib.sha256(_CANONICAL.encode(request)).digest()[:16]
