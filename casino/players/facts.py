"""What the rules read about players, loaded and stored in one statement each: the bet path."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from casino.arrays import literals, numbers, parameters
from casino.clock import Window
from casino.db import driver_connection
from casino.errors import NotFound
from casino.players.rules import Counters, Limit, LimitKind, PlayerFacts, Status, Tally

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

# The columns of a row of counters, by their types.
COUNTERS = "bigint" + " date bigint bigint bigint" * 3 + " bigint"
_StoredLimit: TypeAlias = tuple[LimitKind, Window, int | None, int | None, datetime | None]
_STATUSES = {status.value: status for status in Status}

# The columns that `read` takes, in its order, and where they come from.
COLUMNS = """
p.id, p.status, p.excluded_until, p.excluded_for_life, p.cooling_off_until, p.kyc_level,
p.terms_version,
c.day, c.day_staked, c.day_lost, c.day_deposited,
c.week, c.week_staked, c.week_lost, c.week_deposited,
c.month, c.month_staked, c.month_lost, c.month_deposited, c.rate_id,
l.limits
"""
SOURCE = """
players p
JOIN player_counters c ON c.player_id = p.id
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(kind, limit_window, units, pending_units, pending_at)
                    ORDER BY kind, limit_window)::text AS limits
    FROM player_limits WHERE player_id = p.id
) l
"""
COLUMNS_COUNT = 21

_LOAD = f"SELECT {COLUMNS} FROM {SOURCE} WHERE p.id = ANY($1::text::bigint[])"  # noqa: S608

_STORE = """
UPDATE player_counters c SET
    day = n.day, day_staked = n.day_staked, day_lost = n.day_lost,
    day_deposited = n.day_deposited,
    week = n.week, week_staked = n.week_staked, week_lost = n.week_lost,
    week_deposited = n.week_deposited,
    month = n.month, month_staked = n.month_staked, month_lost = n.month_lost,
    month_deposited = n.month_deposited,
    rate_id = n.rate_id
FROM unnest({arrays})
    AS n(player_id, day, day_staked, day_lost, day_deposited,
         week, week_staked, week_lost, week_deposited,
         month, month_staked, month_lost, month_deposited, rate_id)
WHERE c.player_id = n.player_id
RETURNING c.player_id
"""


def store_statement(first: int) -> str:
    """The update of counters, its arguments numbered from `first`: 14 arrays."""
    return _STORE.format(arrays=parameters(first, COUNTERS))


async def load(connection: asyncpg.Connection, player_ids: Sequence[int]) -> dict[int, PlayerFacts]:
    """The facts of the players that exist among `player_ids`; lock them first."""
    rows = await connection.fetch(_LOAD, numbers(player_ids))
    return {row[0]: read(row) for row in rows}


async def load_one(session: AsyncSession, *, player_id: int) -> PlayerFacts:
    """The facts of one player inside a session's transaction; raises NotFound."""
    return (await load_all(session, player_ids=[player_id]))[player_id]


async def load_all(session: AsyncSession, *, player_ids: Collection[int]) -> dict[int, PlayerFacts]:
    """The facts of these players inside a session's transaction; raises NotFound for one that
    does not exist."""
    if not player_ids:
        return {}
    await session.flush()
    found = await load(await driver_connection(session), [*player_ids])
    missing = set(player_ids) - found.keys()
    if missing:
        raise NotFound(thing="player", key=min(missing))
    return found


async def store_counters(
    connection: asyncpg.Connection, counters: Sequence[tuple[int, Counters]]
) -> None:
    """Store the counters of locked players, each player once; raises NotFound for an unknown
    one."""
    if not counters:
        return
    stored = await connection.fetch(store_statement(1), *counter_columns(counters))
    if len(stored) != len(counters):
        missing = {player_id for player_id, _ in counters} - {row["player_id"] for row in stored}
        raise NotFound(thing="player", key=sorted(missing))


async def store_counters_of(session: AsyncSession, counters: Mapping[int, Counters]) -> None:
    """Store locked players' counters inside a session's transaction."""
    if counters:
        await store_counters(await driver_connection(session), list(counters.items()))


def counter_columns(counters: Sequence[tuple[int, Counters]]) -> list[str]:
    """The arguments of the store statement."""
    rows = [
        (
            player_id,
            *(day.start, day.staked, day.lost, day.deposited),
            *(week.start, week.staked, week.lost, week.deposited),
            *(month.start, month.staked, month.lost, month.deposited),
            sums.rate_id,
        )
        for player_id, sums in counters
        for day, week, month in ((sums.day, sums.week, sums.month),)
    ]
    return literals(COUNTERS, rows)


def read(row: Sequence[Any]) -> PlayerFacts:
    """The facts in the first columns of a row."""
    return PlayerFacts(
        row[0],
        _STATUSES[row[1]],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        () if row[20] is None else _read_limits(row[20]),
        Counters(Tally(*row[7:11]), Tally(*row[11:15]), Tally(*row[15:19]), row[19]),
    )


@lru_cache(maxsize=4096)
def _read_limits(text: str) -> tuple[Limit, ...]:
    """A player's limits from their JSON; they change seldom and are read with every bet."""
    return tuple(Limit(*stored) for stored in msgspec.json.decode(text, type=list[_StoredLimit]))
