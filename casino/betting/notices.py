"""What is worth telling about settled rounds: large wins, to staff."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from casino.ids import public
from casino.money import REFERENCE_DECIMALS
from casino.outbox import CHANNEL, STAFF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from casino.betting.state import PlayState, Round
    from casino.ids import PlayerId

LARGE_WIN = 250 * 10**REFERENCE_DECIMALS

WRITE = """
INSERT INTO outbox (consumer, key, kind, payload)
SELECT $1, key, 'alert.large_win', payload::jsonb
FROM unnest($2::bigint[], $3::text[]) AS n(key, payload)
"""


async def write(
    connection: asyncpg.Connection,
    rounds: Sequence[Round],
    states: Mapping[PlayerId, PlayState],
) -> None:
    """Write an alert for each settled round whose winnings reach LARGE_WIN."""
    told: list[tuple[int, str]] = []
    for round_ in rounds:
        winnings = round_.payout - round_.stake
        rate = states[round_.player_id].batch.now.rates.get(round_.asset)
        if winnings <= 0 or rate is None or rate.to_reference(winnings) < LARGE_WIN:
            continue
        payload = {
            "round_id": round_.id,
            "round": public(round_.id),
            "player_id": round_.player_id,
            "game": round_.game,
            "stake": {"units": round_.stake, "asset": round_.asset.value},
            "payout": {"units": round_.payout, "asset": round_.asset.value},
        }
        told.append((round_.id, json.dumps(payload)))
    if told:
        await connection.execute(WRITE, STAFF, [one[0] for one in told], [one[1] for one in told])
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, STAFF)
