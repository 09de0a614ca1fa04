"""Two transactions that truly overlap: the second starts while the first holds its locks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino.db import Database

Got = TypeVar("Got")

WAITING = text(
    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE NOT l.granted AND a.datname = current_database()"
)


async def someone_waits(db: Database) -> bool:
    """Whether a session of this database waits for a lock. Asked in a transaction of its own each
    time: the activity view does not change within one."""
    async with db.transaction() as session:
        return bool(await session.scalar(WAITING))


async def overlapping(
    db: Database,
    first: Callable[[AsyncSession], Awaitable[object]],
    second: Callable[[AsyncSession], Awaitable[Got]],
    *,
    then: Callable[[AsyncSession], Awaitable[object]] | None = None,
) -> Got:
    """Run `first`, start `second` before its commit, commit once `second` waits for a lock; what
    `second` returns or raises. Fails if `second` ends without waiting. `then` is what the first
    transaction does before its commit: where it takes what `second` holds, the two are a deadlock.
    """

    async def follow() -> Got:
        async with db.transaction() as session:
            return await second(session)

    async with db.transaction() as session:
        await first(session)
        follower = asyncio.create_task(follow())
        while not follower.done() and not await someone_waits(db):
            await asyncio.wait({follower}, timeout=0.02)
        assert not follower.done(), "the second did not wait for the first"
        if then is not None:
            await then(session)
    return await follower
