"""Months of the book: which are attached, and how an old one is put away without losing a unit.

A month is detached as a whole: every table that is cut by the time of its ids gives its partition.
What the month moved stays in the opening, from which balances, replays and sums go on.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from casino import audit
from casino.db import driver_connection
from casino.errors import Conflict
from casino.ids import first_id_at
from casino.ledger import marks
from casino.ledger.chart import Account
from casino.ledger.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database

# Keys of bets are looked for in this month and the one before; one more lies between for safety.
MONTHS_KEPT = 3
LOCK_TRIES = 20
LOCK_PAUSE_SECONDS = 0.5

PARTITIONS = """
SELECT p.relname, c.relname FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE c.relkind = 'r' AND c.relname = p.relname || '_' || :part
ORDER BY p.relname
"""

ATTACHED = """
SELECT right(c.relname, 7) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'transfers'::regclass ORDER BY 1
"""

# A round of several steps is open while its stake has not left `house:open_rounds` again.
OPEN_ROUNDS = """
SELECT count(*) FROM transfers s
WHERE s.entry_id >= :low AND s.entry_id < :high AND s.credit_account = :open
  AND NOT EXISTS (SELECT FROM transfers e
                  WHERE e.subject_id = s.subject_id AND e.subject_id <> e.entry_id
                    AND e.debit_account = :open)
"""

NOT_ROLLED_UP = """
SELECT count(*) FROM (
    SELECT DISTINCT v.account, t.asset FROM transfers t
    CROSS JOIN LATERAL (VALUES (t.credit_account), (t.debit_account)) v(account)
    WHERE t.entry_id >= :low AND t.entry_id < :high AND v.account > :players_last) moved
LEFT JOIN house_rollups h USING (account, asset)
WHERE coalesce(h.upto_entry_id, 0) < :high - 1
"""

# What tells a row of a table from all others: its primary key, or else its unique index.
KEY_COLUMNS = """
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY k(number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = $1::regclass AND i.indisunique
GROUP BY i.indexrelid, i.indisprimary ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1
"""


class MonthNeeded(Conflict):
    """The month cannot be detached; data: why, as a sentence for the operator."""

    code = "error.month_needed"

    @property
    def why(self) -> str:
        """What stands in the way."""
        return str(self.data["why"])


@dataclass(frozen=True, slots=True)
class Part:
    """A detached table: its rows, and SHA-256 over `COPY (SELECT * FROM it ORDER BY its primary
    key) TO STDOUT` with the time zone UTC."""

    table: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Detached:
    """What was put away, and the entry that the book opens after."""

    month: str
    opens_after: int
    parts: tuple[Part, ...]

    def as_json(self) -> dict[str, object]:
        """The same as JSON-able data."""
        return asdict(self)


def month_of(text_: str) -> date:
    """The first day of a month given as YYYY-MM; raises ArgumentTypeError."""
    try:
        return datetime.strptime(text_, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text_} is not a month like 2026-01") from error


def after(month: date, months: int = 1) -> date:
    """The first day of the month that comes `months` later (or earlier, when negative)."""
    number = month.year * 12 + month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


async def detach(
    database: Database, *, month: date, now: datetime, progress: Progress | None = None
) -> Detached:
    """Take a month out of all tables in one transaction, with its sums carried into the opening
    and the hashes of what left on the audit log.

    The tables stay in the database under their own names, to be copied elsewhere and dropped, or
    attached again. Raises MonthNeeded. Prove the book first: a fault would be carried along.
    """
    progress = progress or Progress()
    if after(month, MONTHS_KEPT) > now.astimezone(UTC).date().replace(day=1):
        raise MonthNeeded(why="it is the current month, or one of the two before that are kept")
    low, high = _first_id(month), _first_id(after(month))
    async with database.transaction() as session:
        tables = await _tables(session, month)
        await _require_free(session, low=low, high=high)
        parts = await _hash(session, [child for _, child in tables], progress)
        start = await marks.opening(session)
        await marks.fold(session, start, upto=high - 1)
        await _lock(session, [parent for parent, _ in tables])
        for parent, child in tables:
            await session.execute(text(f'ALTER TABLE "{parent}" DETACH PARTITION "{child}"'))
        detached = Detached(f"{month:%Y-%m}", high - 1, parts)
        await audit.append(
            session,
            actor="system",
            action="ledger.detached",
            subject=f"month:{detached.month}",
            after=detached.as_json() | {"parts": [asdict(part) for part in parts]},
            now=now,
        )
    return detached


async def _tables(session: AsyncSession, month: date) -> Sequence[tuple[str, str]]:
    part = f"p{month:%Y_%m}"
    found = [
        (str(row[0]), str(row[1]))
        for row in await session.execute(text(PARTITIONS).bindparams(part=part))
    ]
    if not found:
        raise MonthNeeded(why="no table has it: it was detached before, or never made")
    oldest = await session.scalar(text(ATTACHED))
    if oldest is not None and str(oldest) < f"{month:%Y_%m}":
        raise MonthNeeded(why=f"{str(oldest).replace('_', '-')} is older and comes first")
    # Nobody changes the month between its hash and its leaving.
    for _, child in found:
        await session.execute(text(f'LOCK TABLE "{child}" IN SHARE MODE'))
    # Bets take the tables in this order; taking it too, we wait for them and they for us.
    first = {"bet_keys": 0, "rounds": 1, "transfers": 2}
    return sorted(found, key=lambda pair: (first.get(pair[0], 3), pair[0]))


async def _require_free(session: AsyncSession, *, low: int, high: int) -> None:
    bounds = {"low": low, "high": high}
    open_rounds = await session.scalar(
        text(OPEN_ROUNDS).bindparams(**bounds, open=int(Account.HOUSE_OPEN_ROUNDS))
    )
    if open_rounds:
        raise MonthNeeded(why=f"{open_rounds} of its rounds are still open")
    behind = await session.scalar(
        text(NOT_ROLLED_UP).bindparams(**bounds, players_last=int(Account.PLAYER_DEFICIT))
    )
    if behind:
        raise MonthNeeded(why="the house's roll-ups have not passed it: is the worker running?")


async def _hash(
    session: AsyncSession, tables: Sequence[str], progress: Progress
) -> tuple[Part, ...]:
    connection = await driver_connection(session)
    parts = []
    for table in tables:
        rows = int(await connection.fetchval(f'SELECT count(*) FROM "{table}"'))  # noqa: S608
        progress.begin(f"hashing {table}", rows)
        parts.append(Part(table, rows, await _digest(connection, table)))
        progress.add(rows)
        progress.end()
    return tuple(parts)


async def _digest(connection: asyncpg.Connection, table: str) -> str:
    columns = await connection.fetchval(KEY_COLUMNS, table)
    order = ", ".join(f'"{column}"' for column in columns)
    digest = hashlib.sha256()

    async def take(chunk: bytes) -> None:
        digest.update(chunk)

    await connection.copy_from_query(
        f'SELECT * FROM "{table}" ORDER BY {order}',  # noqa: S608
        output=take,
    )
    return digest.hexdigest()


async def _lock(session: AsyncSession, parents: Sequence[str]) -> None:
    """Keep everybody out of the tables for the moment of detaching.

    Gives up sooner than the server looks for deadlocks, so that it is never a bet that fails.
    """
    names = ", ".join(f'"{parent}"' for parent in parents)
    await session.execute(text("SET LOCAL lock_timeout = '700ms'"))
    for _ in range(LOCK_TRIES):
        try:
            async with session.begin_nested():
                await session.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        except DBAPIError:
            await asyncio.sleep(LOCK_PAUSE_SECONDS)
        else:
            return
    raise MonthNeeded(why="somebody uses the tables all the time; try again in a quiet hour")


def _first_id(day: date) -> int:
    return first_id_at(datetime(day.year, day.month, day.day, tzinfo=UTC))
