"""The name of a game's rules: a hash over everything that decides what a round pays."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_canonical = msgspec.json.Encoder(order="deterministic").encode


def table_hash(table: Mapping[str, object]) -> str:
    """SHA-256, in hex, over the table as JSON with sorted names and no spaces."""
    return hashlib.sha256(_canonical(table)).hexdigest()
