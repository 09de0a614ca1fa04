"""What is worth telling about settled rounds: large wins to staff, rounds that the house ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from casino.ids import public
from casino.money import REFERENCE_DECIMALS
from casino.outbox import CHANNEL, LIVE, PLAYER, STAFF

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from casino.betting.state import PlayState, Round
    from casino.ids import PlayerId, RoundId

LARGE_WIN = 250 * 10**REFERENCE_DECIMALS
ABANDONED = "round.closed"

WRITE = """
INSERT INTO outbox (consumer, key, kind, payload)
SELECT consumer, key, kind, payload::jsonb
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS n(consumer, key, kind, payload)
"""


async def write(
    connection: asyncpg.Connection,
    rounds: Sequence[Round],
    states: Mapping[PlayerId, PlayState],
    *,
    abandoned: Collection[RoundId],
) -> None:
    """Write an alert for each settled round whose winnings reach LARGE_WIN, and tell the players
    of `abandoned` rounds what became of them; in the transaction that settled them."""
    told: list[tuple[str, int, str, dict[str, object]]] = []
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
        told.append((STAFF, round_.id, "alert.large_win", payload))
    if told:
        consumers, keys, kinds, payloads = zip(*told, strict=True)
        texts = [json.dumps(payload) for payload in payloads]
        await connection.execute(WRITE, consumers, keys, kinds, texts)
        for consumer in sorted(set(consumers)):
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, consumer)


def _ended_by_us(round_: Round) -> list[tuple[str, int, str, dict[str, object]]]:
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
        (PLAYER, round_.player_id, ABANDONED, closed),
        (LIVE, round_.player_id, "wallet.changed", changed),
    ]
