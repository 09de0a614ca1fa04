"""A Merkle tree over receipt hashes, as RFC 9162 builds it: its root, its paths, their check; pure.

Leaves are SHA-256(0x00 | hash), inner nodes SHA-256(0x01 | left | right), so neither can pass for
the other. A node without a neighbour rises to the next level as it is.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH_BYTES = 32


def levels(receipt_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """All levels of the tree from the leaves to the root; needs at least one receipt."""
    level = [leaf(one) for one in receipt_hashes]
    built = [level]
    while len(level) > 1:
        level = [_node(*pair) for pair in list(pairwise(level))[::2]] + level[len(level) & ~1 :]
        built.append(level)
    return built


def flatten(built: Sequence[Sequence[bytes]]) -> bytes:
    """The levels below the root in one string, as a tree is stored."""
    return b"".join(node for level in built[:-1] for node in level)


def offsets(*, place: int, count: int) -> list[int]:
    """Where the nodes of a path begin in the stored tree of `count` receipts, from the leaf up."""
    found: list[int] = []
    base, size = 0, count
    while size > 1:
        neighbour = place ^ 1
        if neighbour < size:
            found.append((base + neighbour) * HASH_BYTES)
        base += size
        place, size = place // 2, (size + 1) // 2
    return found


def root_from_path(
    receipt_hash: bytes, *, place: int, count: int, path: Sequence[bytes]
) -> bytes | None:
    """The root that a receipt at `place` of `count` leads to, or None for a path that no tree of
    this size has at this place."""
    if not 0 <= place < count:
        return None
    node, size, rest = leaf(receipt_hash), count, list(path)
    while size > 1:
        neighbour = place ^ 1
        if neighbour < size:
            if not rest:
                return None
            other = rest.pop(0)
            node = _node(other, node) if neighbour < place else _node(node, other)
        place, size = place // 2, (size + 1) // 2
    return None if rest else node


def leaf(receipt_hash: bytes) -> bytes:
    """The leaf of a receipt."""
    return hashlib.sha256(b"\x00" + receipt_hash).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
