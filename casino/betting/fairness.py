"""Fair numbers from seeds; pure.

The stream of the Stake family: block i is HMAC-SHA256 keyed with the server seed's text over
"<client seed>:<nonce>:<i>"; every four bytes, big-endian, are one 32-bit number u, and a draw of n
is floor(u * n / 2^32), computed in integers so that every language agrees.
"""

from __future__ import annotations

import hashlib
import re
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from casino.errors import BadChoice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from hashlib import _Hash

SERVER_SEED_BYTES = 32
CLIENT_SEED = re.compile(r"[!-9;-~]{1,64}")
# Read from the back and upside down, so that the first number of a block is the last of a list.
_BLOCK = struct.Struct("<8I")
_BLOCK_BYTES = 64
_SEEDS_KEPT = 4096
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Seeds(msgspec.Struct, frozen=True, gc=False):
    """What a round is drawn from."""

    server_seed: str
    client_seed: str
    nonce: int

    def stream(self) -> Draws:
        """The round's numbers from the first one on."""
        return Draws(self.server_seed, self.client_seed, self.nonce)


class Draws:
    """Numbers of one round; blocks are made as they are needed."""

    __slots__ = ("_block", "_numbers", "_prefix", "_server_seed")

    def __init__(self, server_seed: str, client_seed: str, nonce: int) -> None:
        self._server_seed = server_seed
        self._prefix = f"{client_seed}:{nonce}:"
        self._block = 0
        self._numbers: list[int] = []

    def draw(self, n: int) -> int:
        """The next number of 0 .. n-1."""
        if not self._numbers:
            self._numbers += self._next_block()
        return self._numbers.pop() * n >> 32

    def draw_all(self, sizes: Sequence[int]) -> list[int]:
        """The next numbers, one of 0 .. n-1 for each n of `sizes`, in order."""
        numbers, count = self._numbers, len(sizes)
        while len(numbers) < count:
            numbers[:0] = self._next_block()
        taken = numbers[: -count - 1 : -1]
        del numbers[len(numbers) - count :]
        return [number * n >> 32 for number, n in zip(taken, sizes, strict=True)]

    def _next_block(self) -> tuple[int, ...]:
        message = f"{self._prefix}{self._block}".encode()
        self._block += 1
        return _BLOCK.unpack(_hmac_sha256(self._server_seed, message)[::-1])


def _hmac_sha256(key: str, message: bytes) -> bytes:
    # RFC 2104 by its definition: the standard library's takes three times as long for a message of
    # a line, since it looks its digest up and pads its key anew each time.
    begun, ended = _keyed(key)
    inner, outer = begun.copy(), ended.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=_SEEDS_KEPT)
def _keyed(server_seed: str) -> tuple[_Hash, _Hash]:
    """The inner and the outer digest after the padded key, which every block begins with."""
    key = server_seed.encode()
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK_BYTES, b"\0")
    return hashlib.sha256(key.translate(_INNER_PAD)), hashlib.sha256(key.translate(_OUTER_PAD))


def commitment(server_seed: str) -> str:
    """What is shown before the first bet: SHA-256 over the seed's text, in hex."""
    return hashlib.sha256(server_seed.encode()).hexdigest()


def require_client_seed(text: str) -> str:
    """A client seed of 1-64 printable ASCII characters without spaces or colons, or BadChoice."""
    if CLIENT_SEED.fullmatch(text) is None:
        raise BadChoice(field="client_seed")
    return text
