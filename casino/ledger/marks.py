"""Marks: the book summed up to an entry, so that a proof need not read all history again.

A mark never holds a transaction open for long: transfers up to its entry can no longer change, so
they are added up slice by slice, each slice in a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino.errors import InvariantViolation
from casino.ids import first_id_at, moment_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from casino.ledger.progress import Progress

OPENING = "opening"
PROVEN = "proven"
SLICE_ROWS = 500_000

# Entries younger than this may belong to transactions that the activity view does not show yet.
SETTLES_IN = timedelta(seconds=15)

# A transaction takes its entry ids under a player's lock, which gives it a transaction id first:
# readers, however long they run, write no entries.
OLDEST_WRITER = """
SELECT min(xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type = 'client backend' AND backend_xid IS NOT NULL
"""

SLICE_END = """
SELECT entry_id FROM transfers WHERE entry_id > :low AND entry_id <= :high
ORDER BY entry_id OFFSET :rows LIMIT 1
"""

FOLD = """
INSERT INTO ledger_sums AS s
    (mark_id, player_id, asset, kind, debit_account, credit_account, units)
SELECT :mark, coalesce(player_id, 0), asset, kind, debit_account, credit_account,
       sum(amount)::bigint
FROM transfers WHERE entry_id > :low AND entry_id <= :high
GROUP BY 2, 3, 4, 5, 6
ON CONFLICT (mark_id, player_id, asset, kind, debit_account, credit_account)
    DO UPDATE SET units = s.units + excluded.units
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything up to `upto` (an entry id) is in the mark's sums; `strays` counts the entries
    among them that stand under no key."""

    id: int
    name: str
    upto: int
    strays: int
    made_at: datetime


async def find(session: AsyncSession, name: str) -> Mark | None:
    """A mark by its name."""
    row = (
        await session.execute(
            text(
                "SELECT id, name, upto_entry_id, strays, made_at FROM ledger_marks"
                " WHERE name = :name"
            ).bindparams(name=name)
        )
    ).one_or_none()
    return Mark(*row) if row is not None else None


async def opening(session: AsyncSession) -> Mark:
    """Where the book that is still attached begins."""
    mark = await find(session, OPENING)
    if mark is None:
        raise InvariantViolation(reason="the book has no opening")
    return mark


async def settled_before(session: AsyncSession, *, now: datetime) -> datetime:
    """A moment behind the oldest running writer: no entry of before can appear any more."""
    oldest = await session.scalar(text(OLDEST_WRITER))
    # Nor is it ahead of the ids themselves, whatever our own clock says.
    newest = moment_of(int(await session.scalar(text("SELECT next_id()")) or 0))
    return min(min(now, oldest or now) - SETTLES_IN, newest)


async def copy_opening(database: Database, *, name: str, now: datetime) -> Mark:
    """A new mark at the book's opening; replaces one of the same name."""
    await drop(database, name)
    async with database.transaction() as session:
        start = await opening(session)
        mark_id = await session.scalar(
            text(
                "INSERT INTO ledger_marks (name, upto_entry_id, strays, made_at)"
                " VALUES (:name, :upto, :strays, :now) RETURNING id"
            ).bindparams(name=name, upto=start.upto, strays=start.strays, now=now)
        )
        await session.execute(
            text(
                "INSERT INTO ledger_sums SELECT :mark, player_id, asset, kind, debit_account,"
                " credit_account, units FROM ledger_sums WHERE mark_id = :opening"
            ).bindparams(mark=mark_id, opening=start.id)
        )
    return Mark(int(mark_id or 0), name, start.upto, start.strays, now)


async def advance(
    database: Database,
    mark: Mark,
    *,
    upto: int,
    progress: Progress | None = None,
    slice_rows: int = SLICE_ROWS,
) -> Mark:
    """Move a mark on to the entry `upto`, which must be settled; stops half-way without harm."""
    while mark.upto < upto:
        async with database.transaction() as session:
            edge = await session.scalar(
                text(SLICE_END).bindparams(low=mark.upto, high=upto, rows=slice_rows - 1)
            )
            high = int(edge) if edge is not None else upto
            await fold(session, mark, upto=high)
        if progress is not None:
            progress.add(slice_rows if edge is not None else 0)
        mark = replace(mark, upto=high)
    return mark


async def fold(session: AsyncSession, mark: Mark, *, upto: int) -> None:
    """Add the transfers after a mark and up to `upto` to its sums, in the caller's transaction.

    Raises InvariantViolation when somebody else has moved the mark meanwhile.
    """
    moved = await session.scalar(
        text(
            "UPDATE ledger_marks SET upto_entry_id = :high"
            " WHERE id = :mark AND upto_entry_id = :low RETURNING id"
        ).bindparams(mark=mark.id, low=mark.upto, high=upto)
    )
    if moved is None:
        raise InvariantViolation(reason="a mark of the book was moved by two", mark=mark.name)
    await session.execute(text("SET LOCAL work_mem = '64MB'"))
    await session.execute(text(FOLD).bindparams(mark=mark.id, low=mark.upto, high=upto))


async def rename(database: Database, mark: Mark, *, name: str, strays: int) -> None:
    """Put a mark in the place of the one that has the name now."""
    async with database.transaction() as session:
        await _drop(session, name)
        await session.execute(
            text(
                "UPDATE ledger_marks SET name = :name, strays = :strays WHERE id = :mark"
            ).bindparams(name=name, strays=strays, mark=mark.id)
        )


async def drop(database: Database, name: str) -> None:
    """Forget a mark; nothing happens when there is none."""
    async with database.transaction() as session:
        await _drop(session, name)


async def _drop(session: AsyncSession, name: str) -> None:
    await session.execute(
        text(
            "DELETE FROM ledger_sums WHERE mark_id IN"
            " (SELECT id FROM ledger_marks WHERE name = :name)"
        ).bindparams(name=name)
    )
    await session.execute(text("DELETE FROM ledger_marks WHERE name = :name").bindparams(name=name))


async def settled_entry(database: Database, *, now: datetime) -> int:
    """The last entry id that a mark may stand at now."""
    async with database.transaction() as session:
        return first_id_at(await settled_before(session, now=now)) - 1
