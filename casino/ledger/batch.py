"""Group commit: many waiting commands, one transaction; no timer, bounded queues."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import asyncpg
import structlog

from casino.clock import utc_now
from casino.db import SERVER_SETTINGS, transaction_open
from casino.errors import CasinoError, IdempotencyConflict, OutsideUnavailable
from casino.ledger.journal import Command, Desk, Result, apply
from casino.nursery import Nursery
from casino.telemetry import batch_size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from casino.errors import Refusal

log = structlog.get_logger(__name__)

CommandT = TypeVar("CommandT", bound=Command)
StateT = TypeVar("StateT")
AnswerT = TypeVar("AnswerT")

COMMANDS_MAX = 256
WAITING_MAX = 4096

# The server or the wire to it failed, not a command: what happened to a commit is not known. The
# driver's "internal" error is what it says when the server's goodbye met a statement half-way.
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


@dataclass(slots=True)
class _Waiting(Generic[CommandT, AnswerT]):
    command: CommandT
    answer: asyncio.Future[Result[AnswerT]]


class Lane(Generic[CommandT, StateT, AnswerT]):
    """One connection that settles whatever is waiting as its next batch."""

    def __init__(
        self,
        dsn: str,
        desk: Desk[CommandT, StateT, AnswerT],
        clock: Callable[[], datetime],
        connect: Callable[[str], Awaitable[asyncpg.Connection]],
    ) -> None:
        self._dsn = dsn
        self._desk = desk
        self._clock = clock
        self._connect = connect
        self._waiting: deque[_Waiting[CommandT, AnswerT]] = deque()
        self._arrived = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._pending: set[asyncio.Future[Result[AnswerT]]] = set()

    def put(self, command: CommandT) -> asyncio.Future[Result[AnswerT]]:
        """Queue a command; raises OutsideUnavailable when the queue is full (try again)."""
        if len(self._waiting) >= WAITING_MAX:
            raise OutsideUnavailable(reason="busy")
        future: asyncio.Future[Result[AnswerT]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(command, future))
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        self._arrived.set()
        return future

    async def run(self) -> None:
        """Settle batches until cancelled."""
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(COMMANDS_MAX, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            try:
                await self._settle(batch)
            finally:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(OutsideUnavailable(reason="stopped"))

    async def drain(self) -> None:
        """Wait until nothing is queued or under way."""
        if self._pending:
            await asyncio.wait(set(self._pending))

    async def close(self) -> None:
        """Refuse what still waits and close the connection."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                waiting.answer.set_exception(OutsideUnavailable(reason="stopped"))
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=5)

    async def _settle(self, batch: list[_Waiting[CommandT, AnswerT]]) -> None:
        batch_size.observe(len(batch))
        try:
            answers = await self._transact([waiting.command for waiting in batch])
        except LOST as error:
            # The commit may or may not have happened: a repeat of the reference will tell.
            log.warning("batch.database_lost", error=repr(error), commands=len(batch))
            self._let_go()
            self._give_all(batch, OutsideUnavailable(reason="database"))
        except Exception as error:  # noqa: BLE001 - one command is bad; it is found by halving
            await self._bisect(batch, error)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if waiting.answer.done():
                    continue
                if isinstance(answer, Result):
                    waiting.answer.set_result(answer)
                else:
                    waiting.answer.set_exception(answer)

    async def _bisect(self, batch: list[_Waiting[CommandT, AnswerT]], error: Exception) -> None:
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
            return
        log.error("batch.command_failed", error=repr(error), exc_info=error)
        if isinstance(error, asyncpg.UniqueViolationError):
            error = IdempotencyConflict(reference=batch[0].command.key.reference)
        self._give_all(batch, error)

    def _give_all(self, batch: list[_Waiting[CommandT, AnswerT]], error: Exception) -> None:
        for waiting in batch:
            if not waiting.answer.done():
                copy = type(error)(**error.data) if isinstance(error, CasinoError) else error
                waiting.answer.set_exception(copy)

    def _let_go(self) -> None:
        """Start the next batch on a new connection: this one may be half dead."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _transact(
        self, commands: list[CommandT]
    ) -> list[Result[AnswerT] | Refusal | IdempotencyConflict]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect(self._dsn)
        async with transaction_open(), self._connection.transaction():
            return await apply(self._connection, commands, self._desk, now=self._clock())


class Batch(Generic[CommandT, StateT, AnswerT]):
    """A process's lanes; a player's commands always take the same lane, in order."""

    def __init__(self, lanes: list[Lane[CommandT, StateT, AnswerT]]) -> None:
        self._lanes = lanes

    async def submit(self, command: CommandT) -> Result[AnswerT]:
        """Settle a command with whatever waits beside it; returns after the commit.

        Raises the refusal, IdempotencyConflict, or OutsideUnavailable when the outcome is not
        known or the house is busy: send the same reference again.
        """
        lane = self._lanes[hash(command.player_id) % len(self._lanes)]
        return await lane.put(command)

    async def drain(self) -> None:
        """Wait until every queued command is answered."""
        await asyncio.gather(*(lane.drain() for lane in self._lanes))


async def connect(dsn: str) -> asyncpg.Connection:
    """A lane's own connection.

    Custom plans always: a generic plan cached on an empty table would scan every stored key once
    the table has grown.
    """
    return await asyncpg.connect(
        dsn,
        timeout=10,
        server_settings={
            **SERVER_SETTINGS,
            "plan_cache_mode": "force_custom_plan",
            "application_name": "fairhouse-lane",
        },
    )


@asynccontextmanager
async def open_batch(
    dsn: str,
    desk: Desk[CommandT, StateT, AnswerT],
    *,
    lanes: int = 2,
    clock: Callable[[], datetime] = utc_now,
    connect: Callable[[str], Awaitable[asyncpg.Connection]] = connect,
) -> AsyncIterator[Batch[CommandT, StateT, AnswerT]]:
    """Run lanes until the context ends; commands in flight are settled first."""
    running = [Lane(dsn, desk, clock, connect) for _ in range(lanes)]
    async with Nursery() as nursery:
        for number, lane in enumerate(running):
            nursery.keep(lane.run, name=f"lane-{number}")
        batch = Batch(running)
        try:
            yield batch
            await batch.drain()
        finally:
            await nursery.close()
            for lane in running:
                await lane.close()
