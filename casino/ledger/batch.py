"""Group commit: many waiting commands, one transaction; no timer, bounded queues."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeAlias

import asyncpg
import structlog

from casino.clock import utc_now
from casino.db import SERVER_SETTINGS, transaction_open
from casino.errors import IdempotencyConflict, OutsideUnavailable
from casino.ledger import sql
from casino.ledger.desk import AnswerT, CommandT, Desk, StateT
from casino.ledger.journal import Result, apply, transaction_on
from casino.nursery import Nursery
from casino.telemetry import batch_size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from datetime import datetime

    from casino.errors import Refusal
    from casino.ids import PlayerId

log = structlog.get_logger(__name__)

COMMANDS_MAX = 256
# Of one process, those under way included; each lane has its equal share, so that a lane that
# waits for a lock leaves the others their room.
WAITING_MAX = 4096

# A lane waits for nobody for ever: not for a lock that somebody else holds, not for a statement,
# not for a server or a wire that has gone silent.
CONNECT_SECONDS = 10
LOCK_SECONDS = 3
STATEMENT_SECONDS = 10
SILENCE_SECONDS = 20
DRAIN_SECONDS = 30

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


Waiting: TypeAlias = "dict[asyncio.Future[Result[AnswerT]], CommandT]"


class Lane(Generic[CommandT, StateT, AnswerT]):
    """One connection that settles whatever is waiting as its next batch."""

    def __init__(
        self,
        dsn: str,
        desk: Desk[CommandT, StateT, AnswerT],
        clock: Callable[[], datetime],
        connect: Callable[[str], Awaitable[asyncpg.Connection]],
        waiting_max: int,
        live_house: bool,
    ) -> None:
        self._dsn = dsn
        self._desk = desk
        self._clock = clock
        self._connect = connect
        self._waiting_max = waiting_max
        self._live_house = live_house
        # In the order of arrival, and quick to leave for a caller who gives up.
        self._waiting: dict[asyncio.Future[Result[AnswerT]], CommandT] = {}
        self._under_way: dict[asyncio.Future[Result[AnswerT]], CommandT] = {}
        self._arrived = asyncio.Event()
        self._closed = False
        self._connection: asyncpg.Connection | None = None

    def put(self, command: CommandT) -> asyncio.Future[Result[AnswerT]]:
        """Queue a command; raises OutsideUnavailable when there is no room (try again)."""
        if self._closed:
            raise OutsideUnavailable(reason="stopped")
        if self.load >= self._waiting_max:
            raise OutsideUnavailable(reason="busy")
        future: asyncio.Future[Result[AnswerT]] = asyncio.get_running_loop().create_future()
        self._waiting[future] = command
        self._arrived.set()
        return future

    def forget(self, future: asyncio.Future[Result[AnswerT]]) -> None:
        """Take back a command whose caller has gone, unless it is under way already."""
        self._waiting.pop(future, None)

    @property
    def load(self) -> int:
        """How many commands wait or are under way."""
        return len(self._waiting) + len(self._under_way)

    async def run(self) -> None:
        """Settle batches until cancelled."""
        while True:
            await self._arrived.wait()
            self._under_way = dict(islice(self._waiting.items(), COMMANDS_MAX))
            for future in self._under_way:
                del self._waiting[future]
            if not self._waiting:
                self._arrived.clear()
            try:
                if self._under_way:
                    await self._settle(self._under_way)
            finally:
                _refuse(self._under_way, reason="stopped")
                self._under_way = {}

    async def drain(self) -> None:
        """Wait until nothing is queued or under way, but no longer than a stop may take."""
        futures = [*self._under_way, *self._waiting]
        if futures:
            await asyncio.wait(futures, timeout=DRAIN_SECONDS)

    async def close(self) -> None:
        """Refuse what still waits and all that comes, and close the connection."""
        self._closed = True
        _refuse(self._waiting, reason="stopped")
        self._waiting.clear()
        if self._connection is None or self._connection.is_closed():
            return
        try:
            await self._connection.close(timeout=5)
        except LOST as error:
            log.warning("batch.goodbye_unheard", error=repr(error))
            self._connection.terminate()

    async def _settle(self, batch: Waiting[AnswerT, CommandT], *, waited: bool = False) -> None:
        batch_size.observe(len(batch))
        try:
            answers = await self._transact(list(batch.values()))
        except LOST as error:
            self._lose(batch, error)
        except asyncpg.LockNotAvailableError:
            if waited:
                _refuse(batch, reason="busy")
            else:
                await self._settle_free(batch)
        except Exception as error:  # noqa: BLE001 - one command is bad; it is found by halving
            await self._bisect(batch, error)
        else:
            for future, answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Result):
                    future.set_result(answer)
                else:
                    future.set_exception(answer)

    async def _settle_free(self, batch: Waiting[AnswerT, CommandT]) -> None:
        """Settle a batch without the players whom somebody else holds for too long.

        They are told to come again; nothing has happened under their references. The others have
        waited once and are not made to wait for them a second time.
        """
        try:
            free = await self._free_players({command.player_id for command in batch.values()})
        except LOST as error:
            self._lose(batch, error)
            return
        held = {future: one for future, one in batch.items() if one.player_id not in free}
        log.warning("batch.lock_held", commands=len(held), of=len(batch))
        _refuse(held, reason="busy")
        rest = {future: one for future, one in batch.items() if future not in held}
        if rest:
            await self._settle(rest, waited=True)

    async def _bisect(self, batch: Waiting[AnswerT, CommandT], error: Exception) -> None:
        if len(batch) > 1:
            entries = list(batch.items())
            middle = len(entries) // 2
            await self._settle(dict(entries[:middle]))
            await self._settle(dict(entries[middle:]))
            return
        log.error("batch.command_failed", error=repr(error), exc_info=error)
        ((future, command),) = batch.items()
        if isinstance(error, asyncpg.UniqueViolationError):
            error = IdempotencyConflict(reference=command.key.reference)
        if not future.done():
            future.set_exception(error)

    def _lose(self, batch: Waiting[AnswerT, CommandT], error: Exception) -> None:
        """The commit may or may not have happened: a repeat of the reference will tell."""
        log.warning("batch.database_lost", error=repr(error), commands=len(batch))
        if self._connection is not None:
            # The next batch starts on a new one: this one may be half dead.
            self._connection.terminate()
            self._connection = None
        _refuse(batch, reason="database")

    async def _transact(
        self, commands: list[CommandT]
    ) -> list[Result[AnswerT] | Refusal | IdempotencyConflict]:
        connection = await self._connected()
        with _watched(connection):
            async with transaction_open(), transaction_on(connection, commands):
                return await apply(
                    connection,
                    commands,
                    self._desk,
                    now=self._clock(),
                    locked=True,
                    live_house=self._live_house,
                )

    async def _free_players(self, player_ids: set[PlayerId]) -> set[PlayerId]:
        connection = await self._connected()
        with _watched(connection):
            return await sql.free_players(connection, player_ids)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect(self._dsn)
        return self._connection


class Batch(Generic[CommandT, StateT, AnswerT]):
    """A process's lanes; a player's commands always take the same lane, in order."""

    def __init__(self, lanes: list[Lane[CommandT, StateT, AnswerT]]) -> None:
        self._lanes = lanes

    async def submit(self, command: CommandT) -> Result[AnswerT]:
        """Settle a command with whatever waits beside it; returns after the commit.

        Raises the refusal, IdempotencyConflict, or OutsideUnavailable: send the same reference
        again. Its reason says what is known: "busy" (nothing happened: no room, or somebody else
        holds the player), "database" or "stopped" (the outcome is not known). A caller who is
        cancelled before his command is under way takes it back.
        """
        lane = self._lanes[hash(command.player_id) % len(self._lanes)]
        future = lane.put(command)
        try:
            return await future
        except asyncio.CancelledError:
            lane.forget(future)
            raise

    @property
    def load(self) -> int:
        """How many commands of this process wait or are under way; never above WAITING_MAX."""
        return sum(lane.load for lane in self._lanes)

    async def drain(self) -> None:
        """Wait until every queued command is answered."""
        await asyncio.gather(*(lane.drain() for lane in self._lanes))


async def connect(
    dsn: str, *, connection_class: type[asyncpg.Connection] = asyncpg.Connection
) -> asyncpg.Connection:
    """A lane's own connection.

    Every statement of the bet path looks rows up by their keys, so the plan is told: nested index
    look-ups, planned once. Left to itself a plan made on an empty table would scan every stored
    key once the table has grown, and planning anew each time costs a lone player a third.
    """
    return await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        connection_class=connection_class,
        server_settings={
            **SERVER_SETTINGS,
            "lock_timeout": f"{LOCK_SECONDS}s",
            "statement_timeout": f"{STATEMENT_SECONDS}s",
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "jit": "off",
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
    live_house: bool = True,
) -> AsyncIterator[Batch[CommandT, StateT, AnswerT]]:
    """Run lanes until the context ends; commands in flight are settled first."""
    share = WAITING_MAX // lanes
    running = [Lane(dsn, desk, clock, connect, share, live_house) for _ in range(lanes)]
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


@contextmanager
def _watched(connection: asyncpg.Connection) -> Iterator[None]:
    """Cut the connection when the server says nothing for too long.

    Cutting wakes whoever waits for an answer, where a time-out would go on to ask the same silent
    server for a rollback.
    """
    axe = asyncio.get_running_loop().call_later(SILENCE_SECONDS, connection.terminate)
    try:
        yield
    finally:
        axe.cancel()


def _refuse(futures: Iterable[asyncio.Future[Result[AnswerT]]], *, reason: str) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(OutsideUnavailable(reason=reason))
