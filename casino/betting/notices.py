"""What is worth telling about settled rounds: large wins to staff, rounds that the house ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.ids import public
from casino.money import REFERENCE_DECIMALS
from casino.outbox import LIVE, PLAYER, STAFF, Written, write_all_on

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from casino.betting.state import PlayState, Round
    from casino.ids import PlayerId, RoundId

LARGE_WIN = 250 * 10**REFERENCE_DECIMALS
ABANDONED = "round.closed"


async def write(
    connection: asyncpg.Connection,
    rounds: Sequence[Round],
    states: Mapping[PlayerId, PlayState],
    *,
    abandoned: Collection[RoundId],
) -> None:
    """Write an alert for each settled round whose winnings reach LARGE_WIN, and tell the players
    of `abandoned` rounds what became of them; in the transaction that settled them."""
    told: list[Written] = []
    for round_ in rounds:
        if round_.id in abandoned:
            told += _ended_by_us(round_)
        winnings = round_.payout - round_.stake
        rate = states[round_.player_id].batch.now.rates.get(round_.asset)
        if winnings <= 0 or rate is None or rate.to_reference(winnings) < LARGE_WIN:
            continue
        payload: dict[str, object] = {
            "round_id": round_.id,
            "round": public(round_.id),
            "player_id": round_.player_id,
            "game": round_.game,
            "stake": {"units": round_.stake, "asset": round_.asset.value},
            "payout": {"units": round_.payout, "asset": round_.asset.value},
        }
        told.append(Written(STAFF, round_.id, "alert.large_win", payload))
    if told:
        await write_all_on(connection, told)


def _ended_by_us(round_: Round) -> list[Written]:
    closed: dict[str, object] = {
        "round_id": round_.id,
        "round": public(round_.id),
        "game": round_.game,
        "amount": {"units": round_.payout, "asset": round_.asset.value},
        "steps": len(round_.steps or ()),
    }
    changed: dict[str, object] = {
        "because": ABANDONED,
        "asset": round_.asset.value,
        "round_id": round_.id,
    }
    return [
        Written(PLAYER, round_.player_id, ABANDONED, closed),
        Written(LIVE, round_.player_id, "wallet.changed", changed),
    ]
