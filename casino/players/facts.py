"""What the rules read about players, loaded and stored in one statement each: the bet path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.clock import Window
from casino.db import driver_connection
from casino.errors import NotFound
from casino.players.rules import Counters, Limit, LimitKind, PlayerFacts, Status, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

_LOAD = """
SELECT p.id, p.status, p.excluded_until, p.excluded_for_life, p.cooling_off_until, p.kyc_level,
       p.terms_version,
       c.day, c.day_staked, c.day_lost, c.day_deposited,
       c.week, c.week_staked, c.week_lost, c.week_deposited,
       c.month, c.month_staked, c.month_lost, c.month_deposited, c.rate_id,
       l.kinds, l.windows, l.units, l.pending_units, l.pending_at
FROM players p
JOIN player_counters c ON c.player_id = p.id
CROSS JOIN LATERAL (
    SELECT array_agg(kind) AS kinds, array_agg(limit_window) AS windows, array_agg(units) AS units,
           array_agg(pending_units) AS pending_units, array_agg(pending_at) AS pending_at
    FROM player_limits WHERE player_id = p.id
) l
WHERE p.id = ANY($1::bigint[])
"""

_STORE = """
UPDATE player_counters c SET
    day = n.day, day_staked = n.day_staked, day_lost = n.day_lost,
    day_deposited = n.day_deposited,
    week = n.week, week_staked = n.week_staked, week_lost = n.week_lost,
    week_deposited = n.week_deposited,
    month = n.month, month_staked = n.month_staked, month_lost = n.month_lost,
    month_deposited = n.month_deposited,
    rate_id = n.rate_id
FROM unnest($1::bigint[],
            $2::date[], $3::bigint[], $4::bigint[], $5::bigint[],
            $6::date[], $7::bigint[], $8::bigint[], $9::bigint[],
            $10::date[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])
    AS n(player_id, day, day_staked, day_lost, day_deposited,
         week, week_staked, week_lost, week_deposited,
         month, month_staked, month_lost, month_deposited, rate_id)
WHERE c.player_id = n.player_id
RETURNING c.player_id
"""


async def load(connection: asyncpg.Connection, player_ids: Sequence[int]) -> dict[int, PlayerFacts]:
    """The facts of the players that exist among `player_ids`; lock them first."""
    rows = await connection.fetch(_LOAD, list(player_ids))
    return {row["id"]: _read(row) for row in rows}


async def load_one(session: AsyncSession, *, player_id: int) -> PlayerFacts:
    """The facts of one player inside a session's transaction; raises NotFound."""
    await session.flush()
    found = await load(await driver_connection(session), [player_id])
    if player_id not in found:
        raise NotFound(thing="player", key=player_id)
    return found[player_id]


async def store_counters(
    connection: asyncpg.Connection, counters: Sequence[tuple[int, Counters]]
) -> None:
    """Store the counters of locked players, each player once; raises NotFound for an unknown
    one."""
    if not counters:
        return
    columns: list[list[object]] = [[] for _ in range(14)]
    for player_id, sums in counters:
        row: list[object] = [player_id]
        for tally in (sums.day, sums.week, sums.month):
            row += (tally.start, tally.staked, tally.lost, tally.deposited)
        row.append(sums.rate_id)
        for column, entry in zip(columns, row, strict=True):
            column.append(entry)
    stored = await connection.fetch(_STORE, *columns)
    if len(stored) != len(counters):
        missing = {player_id for player_id, _ in counters} - {row["player_id"] for row in stored}
        raise NotFound(thing="player", key=sorted(missing))


async def store_counters_of(session: AsyncSession, *, player_id: int, counters: Counters) -> None:
    """Store one locked player's counters inside a session's transaction."""
    await store_counters(await driver_connection(session), [(player_id, counters)])


def _read(row: asyncpg.Record) -> PlayerFacts:
    return PlayerFacts(
        player_id=row["id"],
        status=Status(row["status"]),
        excluded_until=row["excluded_until"],
        excluded_for_life=row["excluded_for_life"],
        cooling_off_until=row["cooling_off_until"],
        kyc_level=row["kyc_level"],
        terms_version=row["terms_version"],
        limits=_read_limits(row),
        counters=Counters(
            day=_read_tally(row, "day"),
            week=_read_tally(row, "week"),
            month=_read_tally(row, "month"),
            rate_id=row["rate_id"],
        ),
    )


def _read_limits(row: asyncpg.Record) -> tuple[Limit, ...]:
    if row["kinds"] is None:
        return ()
    return tuple(
        Limit(LimitKind(kind), Window(window), units, pending_units, pending_at)
        for kind, window, units, pending_units, pending_at in zip(
            row["kinds"],
            row["windows"],
            row["units"],
            row["pending_units"],
            row["pending_at"],
            strict=True,
        )
    )


def _read_tally(row: asyncpg.Record, window: str) -> Tally:
    return Tally(
        row[window], row[f"{window}_staked"], row[f"{window}_lost"], row[f"{window}_deposited"]
    )
