"""The house under simulation: a database with simulated ids and clock, one lane, seeded secrets."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TextIO, TypeVar

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from casino.betting.floor import GamingFloor, open_floor
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.ledger.batch import LOST, connect
from casino.vault import Vault
from games.registry import STEPS
from tests.simulation.faults import Fault, Faults, Manner, Point, connection_class

Answer = TypeVar("Answer")

VAULT = Vault({1: bytes(range(32))})
ATTEMPTS_MAX = 4

# The house's ids with the simulated clock in the place of the real one. A sequence carries it:
# its value is seen by every session at once, inside transactions too.
SIMULATED_IDS = """
CREATE SEQUENCE simulated_milliseconds;
CREATE OR REPLACE FUNCTION next_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT ((SELECT last_value FROM simulated_milliseconds) - 1735689600000) << 22
         | (nextval('id_sequence') & 4194303)
$$
"""


class SimulationFailed(AssertionError):
    """The house did something else than the model of it foretold."""


def require(fact: bool, what: str, **facts: object) -> None:
    """Raise SimulationFailed with `facts` unless `fact` holds."""
    if not fact:
        raise SimulationFailed(f"{what}: {facts}")


class SimulatedDatabase(Database):
    """The product's own database whose connections pass by the faults."""

    def __init__(self, url: str, faults: Faults) -> None:
        super().__init__(url, connections_max=2)
        watched = connection_class(faults)

        def use_ours(_dialect: Any, _record: Any, _args: Any, settings: dict[str, Any]) -> None:
            settings["connection_class"] = watched

        event.listen(self._engine.sync_engine, "do_connect", use_ours)


@dataclass(slots=True)
class Trace:
    """Everything that happened, as one running hash and the last lines for whoever looks."""

    lines: list[str] = field(default_factory=list)
    count: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    copy: TextIO | None = None
    _hash: Any = field(default_factory=hashlib.sha256)

    def note(self, **facts: object) -> None:
        """Add an event."""
        line = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
        self.add(line)
        self.lines = [*self.lines[-19:], line]
        self.count += 1
        refused = " refused" if facts.get("refused") else ""
        self.kinds[f"{facts.get('kind', 'other')}{refused}"] += 1

    def add(self, line: str) -> None:
        """Hash a line; the copy, if one is kept, shows where two runs part."""
        self._hash.update(line.encode() + b"\n")
        if self.copy is not None:
            self.copy.write(f"{line}\n")

    @property
    def digest(self) -> str:
        """The hash over all lines so far."""
        return str(self._hash.hexdigest())


@dataclass(slots=True)
class World:
    """What a deed needs: the way in, the clock, the dice of fate, the faults and the trace."""

    random: random.Random
    administrator: asyncpg.Connection
    faults: Faults
    database: SimulatedDatabase
    trace: Trace
    fault_share: int
    now: datetime
    tokens: dict[str, str] = field(default_factory=dict)
    _floor: GamingFloor | None = None

    @property
    def floor(self) -> GamingFloor:
        """The one process's tables."""
        assert self._floor is not None
        return self._floor

    async def move_clock(self, moment: datetime) -> None:
        """Let it be `moment` for the code and for the ids."""
        require(moment >= self.now, "the clock goes forward", now=self.now, moment=moment)
        self.now = moment
        milliseconds = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
        await self.administrator.execute(
            "SELECT setval('simulated_milliseconds', $1)", milliseconds
        )

    def clock(self) -> datetime:
        """The simulated moment."""
        return self.now

    def token_hex(self, count: int) -> str:
        """The source of the house's seeds; remembers each by its commitment."""
        token = self.random.randbytes(count).hex()
        self.tokens[hashlib.sha256(token.encode()).hexdigest()] = token
        return token

    def reference(self) -> str:
        """A fresh UUIDv7 of the simulated moment."""
        milliseconds = (self.now - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
        noise = self.random.getrandbits(74)
        bits = milliseconds << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62
        text = f"{bits | noise & (1 << 62) - 1:032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    async def once(self, start: Callable[[], Awaitable[Answer]]) -> tuple[Answer, Fault | None]:
        """Do something that is named by a reference, again for as long as connections are lost.

        Returns the answer of the last try, and the fault that struck on the way. Refusals and
        conflicts pass through; so does a loss that nobody arranged.
        """
        if self.random.randrange(100) < self.fault_share:
            # Only what goes through is stored, so those points are drawn more often.
            often = (Point.BEFORE_STORE, Point.AFTER_STORE)
            point = self.random.choice((*Point, *often, *often))
            self.faults.arm(Fault(point, self.random.choice(list(Manner))))
        first: Fault | None = None
        for _ in range(ATTEMPTS_MAX):
            try:
                answer = await start()
            except (*LOST, DBAPIError, OutsideUnavailable):
                struck = self.faults.disarm()
                if struck is None:
                    raise
                first = first or struck
                self.trace.note(fault=struck.point, manner=struck.manner)
            except Exception as error:
                if self.faults.disarm() is not None:
                    raise SimulationFailed(f"a lost connection became {error!r}") from error
                if first is not None:
                    error.add_note(STRUCK + first.point)
                raise
            else:
                require(self.faults.disarm() is None, "a lost connection went unnoticed")
                return answer, first
        raise SimulationFailed("a command did not come through in four tries")

    async def transact(
        self, work: Callable[[AsyncSession], Awaitable[Answer]]
    ) -> tuple[Answer, Fault | None]:
        """`once` for work in one transaction of the product's database."""

        async def start() -> Answer:
            async with self.database.transaction() as session:
                return await work(session)

        return await self.once(start)


STRUCK = "after a connection lost at "


def struck_before(error: BaseException) -> Point | None:
    """Where the connection of an earlier try was lost, if this error answers a repeat."""
    for note in getattr(error, "__notes__", ()):
        if note.startswith(STRUCK):
            return Point(note.removeprefix(STRUCK))
    return None


@asynccontextmanager
async def open_world(
    url: str,
    *,
    seed: int,
    start: datetime,
    fault_share: int = 12,
    copy: TextIO | None = None,
) -> AsyncIterator[World]:
    """The house in the freshly migrated, empty database at `url`, at the moment `start`.

    `fault_share` of a hundred commands have a lost connection arranged for them.
    """
    administrator = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://", 1))
    try:
        await administrator.execute(SIMULATED_IDS)
        faults = Faults(administrator)
        database = SimulatedDatabase(url, faults)
        world = World(
            random=random.Random(seed),
            administrator=administrator,
            faults=faults,
            database=database,
            trace=Trace(copy=copy),
            fault_share=0,
            now=start,
        )
        await world.move_clock(start)
        try:
            async with open_floor(
                database.dsn,
                VAULT,
                step_games=STEPS,
                lanes=1,
                clock=world.clock,
                connect=partial(connect, connection_class=connection_class(faults)),
                token_hex=world.token_hex,
            ) as floor:
                world._floor = floor
                world.fault_share = fault_share
                yield world
        finally:
            await database.close()
    finally:
        await administrator.close()
