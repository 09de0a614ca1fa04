"""What a receipt of a settled round says, its canonical form and its hash; pure.

The canonical form is a JSON array in the order of FIELDS: no spaces, names of objects sorted,
UTF-8, nothing escaped that need not be. Ids, amounts and both parts of the multiplier are decimal
text, so that no reader loses digits. `docs/fairness.md` shows how to recompute it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.betting.state import Round

GENESIS = hashlib.sha256(b"fairhouse receipts").digest()
FORM = "fairhouse.receipt/2"
FILE_FORM = "fairhouse.receipt-file/1"
FIELDS = (
    "form",
    "round",
    "player",
    "game",
    "algorithm",
    "table_hash",
    "asset",
    "stake",
    "payout",
    "multiplier",
    "choice",
    "steps",
    "details",
    "commitment",
    "client_seed",
    "seed_nonce",
    "transfer",
    "previous",
)

_canonical = msgspec.json.Encoder(order="deterministic").encode


def receipt_hash(round_: Round, *, table_hash: str, before: bytes) -> bytes:
    """SHA-256 over the canonical form; `before` is the hash of the player's receipt before it.

    Every settled round pays for this, so it is one array and one digest: ids stand as the numbers
    that they are, not in their public dress.
    """
    return hashlib.sha256(_canonical(_facts(round_, table_hash, before))).digest()


def content(round_: Round, *, table_hash: str, before: bytes) -> dict[str, object]:
    """The same facts by name, as a receipt file carries them."""
    return dict(zip(FIELDS, _facts(round_, table_hash, before), strict=True))


def hash_of_content(named: Mapping[str, object]) -> bytes:
    """The hash that facts given by name would have; raises KeyError for a missing one,
    OverflowError or TypeError for values that no receipt holds."""
    return hashlib.sha256(_canonical([named[name] for name in FIELDS])).digest()


def _facts(round_: Round, table_hash: str, before: bytes) -> tuple[object, ...]:
    reached = round_.multiplier
    number = str(round_.id)
    return (
        FORM,
        number,
        str(round_.player_id),
        round_.game,
        round_.algorithm,
        table_hash,
        round_.asset.value,
        str(round_.stake),
        str(round_.payout),
        (str(reached.numerator), str(reached.denominator)),
        round_.choice,
        round_.steps,
        round_.details,
        round_.commitment,
        round_.client_seed,
        round_.seed_nonce,
        # The entry that took the stake: a round is numbered by it, and every transfer of the
        # round names that number as its subject.
        number,
        before.hex(),
    )
