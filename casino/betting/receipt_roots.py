"""A signed root: what the house key signs over each second's receipts, and how it is checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from datetime import datetime

FORM = "fairhouse.root/1"
FIRST = hashlib.sha256(b"fairhouse roots").digest()
KEY_BYTES = 32
_KEY_ID_HEX = 16


@dataclass(frozen=True, slots=True)
class Root:
    """The Merkle root over `count` receipts, made in a UTC second; `second` is its text.

    `previous` is the hash of the record before it: whoever keeps one record can hold the house to
    all earlier ones.
    """

    second: str
    count: int
    root: bytes
    previous: bytes

    def message(self) -> bytes:
        """What is signed: a JSON array without spaces."""
        return msgspec.json.encode(
            (FORM, self.second, self.count, self.root.hex(), self.previous.hex())
        )

    def record_hash(self) -> bytes:
        """What the next record names as the one before it."""
        return hashlib.sha256(self.message()).digest()


class HouseKey:
    """The Ed25519 key that signs roots; only the worker holds one."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public_key)

    @classmethod
    def from_text(cls, text: str) -> HouseKey:
        """The key of a seed of 64 hex digits; raises ValueError for any other text."""
        try:
            seed = bytes.fromhex(text)
        except ValueError:
            seed = b""
        if len(seed) != KEY_BYTES:
            # The text is a secret, wrong or not: it must not end up in a log.
            raise ValueError("RECEIPTS_SIGNING_KEY must be 64 hex digits: openssl rand -hex 32")
        return cls(seed)

    def sign(self, root: Root) -> bytes:
        """The signature over a root's message."""
        return self._key.sign(root.message())


def is_signed(root: Root, *, signature: bytes, public_key: bytes) -> bool:
    """Did the owner of this public key sign the root?"""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, root.message())
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public_key: bytes) -> str:
    """The short name of a key: the first 16 hex digits of the SHA-256 of its public part."""
    return hashlib.sha256(public_key).hexdigest()[:_KEY_ID_HEX]


def second_text(moment: datetime) -> str:
    """A moment in UTC cut to its second, with Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
