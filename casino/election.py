"""One active process per role: whoever holds an advisory lock of PostgreSQL leads.

The lock lives on a connection of its own. When that connection goes, the work is cancelled at once
and a new election begins; whatever the work had not committed has not happened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHECK_SECONDS = 2
ANSWER_SECONDS = 5

log = structlog.get_logger(__name__)


class LeadershipLost(ConnectionError):
    """The connection that held the lock is gone; somebody else may lead now."""


async def lead(dsn: str, *, role: str, work: Callable[[], Awaitable[None]]) -> None:
    """Wait until this process may act as `role`, then run `work` for as long as it leads.

    Returns when the work returns; raises what it raises, or LeadershipLost."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": role})
    try:
        # Waits in the server, without polling, until the present leader ends.
        await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", role)
        log.info("election.won", role=role)
        await _work_while_connected(connection, work)
    finally:
        connection.terminate()
        log.info("election.left", role=role)


async def _work_while_connected(
    connection: asyncpg.Connection, work: Callable[[], Awaitable[None]]
) -> None:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(connection, lost))
            await work()
            watch.cancel()
    except* LeadershipLost as group_of_losses:
        raise LeadershipLost from group_of_losses


async def _watch(connection: asyncpg.Connection, lost: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await lost.wait()
            raise LeadershipLost
        except TimeoutError:
            pass
        try:
            await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise LeadershipLost from error
