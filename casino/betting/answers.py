"""What betting answers, and how an answer is kept with its idempotency key for repeats."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import replace

from casino.betting.state import Round
from casino.money import Asset

if TYPE_CHECKING:
    from casino.betting.state import SeedState, SeedView
    from casino.ids import RoundId


class RotationAnswer(msgspec.Struct, frozen=True, gc=False):
    """The pair that was revealed, and what is committed to now."""

    pair_id: int
    server_seed: str
    commitment: str
    client_seed: str
    rounds: int
    current_pair_id: int
    current_commitment: str
    current_client_seed: str
    current_client_seed_by: str
    next_commitment: str

    @classmethod
    def of(cls, old: SeedState, now: SeedView) -> RotationAnswer:
        """The answer to a rotation from `old` to `now`."""
        return cls(
            old.pair_id,
            old.server_seed,
            old.commitment,
            old.client_seed,
            old.used,
            now.pair_id,
            now.commitment,
            now.client_seed,
            now.client_seed_by,
            now.next_commitment,
        )


class SeamlessAnswer(msgspec.Struct, frozen=True, gc=False):
    """Units moved by an aggregator's call; the rollback of an unseen debit moves none."""

    units: int
    asset: Asset


Answer: TypeAlias = Round | RotationAnswer | SeamlessAnswer
"""A command in a game is answered with its round as it then stood."""


class _Moment(msgspec.Struct, array_like=True):
    round_id: int
    steps: int
    ended: bool
    multiplier_n: int
    multiplier_d: int


def keep_round(round_: Round) -> bytes:
    """Which moment of a round of several steps was answered."""
    steps = len(round_.steps or ())
    reached = round_.multiplier
    return msgspec.json.encode(
        _Moment(round_.id, steps, round_.status != "open", reached.numerator, reached.denominator)
    )


def round_id_of(kept: bytes) -> RoundId:
    """The round that a kept answer is about."""
    return msgspec.json.decode(kept, type=_Moment).round_id  # type: ignore[return-value]


def recall_round(kept: bytes, round_: Round) -> Round:
    """The round as it stood at the kept moment; an ended one is the stored one."""
    moment = msgspec.json.decode(kept, type=_Moment)
    if moment.ended:
        return round_
    return replace(
        round_,
        status="open",
        payout=0,
        steps=(round_.steps or ())[: moment.steps],
        details=None,
        multiplier=Fraction(moment.multiplier_n, moment.multiplier_d),
        receipt_hash=None,
        receipt_before=None,
        settled_at=None,
    )


def keep(answer: RotationAnswer | SeamlessAnswer) -> bytes:
    """An answer as it is kept with its key."""
    return msgspec.json.encode(answer)


def recall_rotation(kept: bytes) -> RotationAnswer:
    """The rotation's answer."""
    return msgspec.json.decode(kept, type=RotationAnswer)


def recall_seamless(kept: bytes) -> SeamlessAnswer:
    """The aggregator call's answer."""
    return msgspec.json.decode(kept, type=SeamlessAnswer)
