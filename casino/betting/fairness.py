"""Fair numbers from seeds; pure.

The stream of the Stake family: block i is HMAC-SHA256 keyed with the server seed's text over
"<client seed>:<nonce>:<i>"; every four bytes, big-endian, are one 32-bit number u, and a draw of n
is floor(u * n / 2^32), computed in integers so that every language agrees.
"""

from __future__ import annotations

import hashlib
import re
import struct

import msgspec

from casino.errors import BadChoice

SERVER_SEED_BYTES = 32
CLIENT_SEED = re.compile(r"[!-9;-~]{1,64}")
_BLOCK = struct.Struct(">8I")
_BLOCK_BYTES = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Seeds(msgspec.Struct, frozen=True, gc=False):
    """What a round is drawn from."""

    server_seed: str
    client_seed: str
    nonce: int

    def stream(self) -> Draws:
        """The round's numbers from the first one on."""
        return Draws(self.server_seed.encode(), self.client_seed, self.nonce)


class Draws:
    """Numbers of one round; blocks are made as they are needed."""

    __slots__ = ("_block", "_key", "_numbers", "_prefix")

    def __init__(self, key: bytes, client_seed: str, nonce: int) -> None:
        self._key = key
        self._prefix = f"{client_seed}:{nonce}:"
        self._block = 0
        self._numbers: list[int] = []

    def draw(self, n: int) -> int:
        """The next number of 0 .. n-1."""
        if not self._numbers:
            message = f"{self._prefix}{self._block}".encode()
            self._numbers = list(_BLOCK.unpack(_hmac_sha256(self._key, message)))
            self._numbers.reverse()
            self._block += 1
        return self._numbers.pop() * n >> 32


def _hmac_sha256(key: bytes, message: bytes) -> bytes:
    # RFC 2104 by its definition: the standard library's takes three times as long for a message of
    # a line, since it looks its digest up anew each time.
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(key.translate(_INNER_PAD) + message).digest()
    return hashlib.sha256(key.translate(_OUTER_PAD) + inner).digest()


def commitment(server_seed: str) -> str:
    """What is shown before the first bet: SHA-256 over the seed's text, in hex."""
    return hashlib.sha256(server_seed.encode()).hexdigest()


def require_client_seed(text: str) -> str:
    """A client seed of 1-64 printable ASCII characters without spaces or colons, or BadChoice."""
    if CLIENT_SEED.fullmatch(text) is None:
        raise BadChoice(field="client_seed")
    return text
