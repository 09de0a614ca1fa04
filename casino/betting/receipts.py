"""Proof of a settled round: its canonical hash, chained to the player's receipt before it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from casino.ids import public

if TYPE_CHECKING:
    from casino.betting.state import Round

GENESIS = hashlib.sha256(b"fairhouse receipts").digest()


def content(round_: Round, *, before: bytes) -> dict[str, object]:
    """What a receipt says, as JSON-able data with a fixed set of names."""
    return {
        "receipt": 1,
        "round": public(round_.id),
        "player": public(round_.player_id),
        "game": round_.game,
        "algorithm": round_.algorithm,
        "asset": round_.asset.value,
        "stake": str(round_.stake),
        "payout": str(round_.payout),
        "multiplier": [str(round_.multiplier.numerator), str(round_.multiplier.denominator)],
        "choice": dict(round_.choice),
        "steps": list(round_.steps) if round_.steps is not None else None,
        "details": dict(round_.details) if round_.details is not None else None,
        "commitment": round_.commitment,
        "client_seed": round_.client_seed,
        "seed_nonce": round_.seed_nonce,
        "previous": before.hex(),
    }


def receipt_hash(round_: Round, *, before: bytes) -> bytes:
    """SHA-256 over the content as JSON with sorted names and no spaces."""
    canonical = json.dumps(
        content(round_, before=before), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(canonical.encode()).digest()
