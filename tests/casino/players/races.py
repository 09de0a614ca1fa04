"""Two transactions that truly overlap: the second starts while the first holds its locks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino.db import Database

Got = TypeVar("Got")

WAITING_FOR_US = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
)


async def overlapping(
    db: Database,
    first: Callable[[AsyncSession], Awaitable[object]],
    second: Callable[[AsyncSession], Awaitable[Got]],
) -> Got:
    """Run `first`, start `second` before its commit, commit once `second` waits for a lock; what
    `second` returns or raises. Fails if `second` ends without waiting."""

    async def follow() -> Got:
        async with db.transaction() as session:
            return await second(session)

    async with db.transaction() as session:
        await first(session)
        follower = asyncio.create_task(follow())
        while not follower.done() and not await session.scalar(WAITING_FOR_US):
            await asyncio.wait({follower}, timeout=0.02)
        assert not follower.done(), "the second did not wait for the first"
    return await follower
