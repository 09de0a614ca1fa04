"""Lost connections at named points of a transaction: armed by the seed, counted when they strike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import asyncpg

STILL_THERE = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)"
END = "SELECT pg_terminate_backend($1, 1000)"
TRIES_MAX = 60


class Point(StrEnum):
    """Where, between two statements of a transaction that moves money, the connection is lost."""

    BEFORE_LOCK = "before-lock"
    AFTER_LOCK = "after-lock"
    AFTER_LOAD = "after-load"
    BEFORE_STORE = "before-store"
    AFTER_STORE = "after-store"
    BEFORE_COMMIT = "before-commit"
    AFTER_COMMIT = "after-commit-before-answer"


class Manner(StrEnum):
    """Broken: our end of the wire fell silent. Terminated: the server ended the session."""

    BROKEN = "broken"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Fault:
    """One lost connection that is to come."""

    point: Point
    manner: Manner


@dataclass(slots=True)
class Faults:
    """At most one fault is armed at a time; it strikes the next transaction that gets there."""

    administrator: asyncpg.Connection
    injected: Counter[Point] = field(default_factory=Counter)
    terminated: int = 0
    armed: Fault | None = None
    struck: Fault | None = None
    _locked: bool = False
    _loaded: bool = False

    def arm(self, fault: Fault) -> None:
        """Let the next transaction that reaches the point lose its connection."""
        self.armed, self.struck = fault, None

    def disarm(self) -> Fault | None:
        """Take back what did not strike; returns what did since it was armed."""
        struck, self.armed, self.struck = self.struck, None, None
        return struck

    async def before(self, connection: asyncpg.Connection, statement: str) -> None:
        """Called in front of a statement."""
        if statement.startswith("BEGIN"):
            self._locked = self._loaded = False
        if _locks(statement) and not self._locked:
            await self._reach(connection, Point.BEFORE_LOCK)
        elif _stores(statement):
            await self._reach(connection, Point.BEFORE_STORE)
        elif statement.startswith("COMMIT"):
            await self._reach(connection, Point.BEFORE_COMMIT)

    async def after(self, connection: asyncpg.Connection, statement: str) -> None:
        """Called when a statement's answer has arrived."""
        if _locks(statement):
            self._locked = True
            await self._reach(connection, Point.AFTER_LOCK)
        elif _stores(statement):
            await self._reach(connection, Point.AFTER_STORE)
        elif statement.startswith("COMMIT"):
            await self._reach(connection, Point.AFTER_COMMIT)
        elif self._locked and not self._loaded and not statement.startswith("ROLLBACK"):
            self._loaded = True
            await self._reach(connection, Point.AFTER_LOAD)

    async def _reach(self, connection: asyncpg.Connection, point: Point) -> None:
        if self.armed is None or self.armed.point is not point:
            return
        self.armed, self.struck = None, self.armed
        self.injected[point] += 1
        session = connection.get_server_pid()
        terminated = self.struck.manner is Manner.TERMINATED
        if terminated:
            self.terminated += 1
        else:
            connection.terminate()
        await self._end(session)
        if terminated and point is not Point.AFTER_COMMIT:
            return  # the next statement finds out by itself
        raise asyncpg.ConnectionDoesNotExistError(f"lost on purpose: {point}")

    async def _end(self, session: int) -> None:
        """End a session and see it gone, with its locks: nothing depends on who is faster."""
        for _ in range(TRIES_MAX):
            if not await self.administrator.fetchval(STILL_THERE, session):
                return
            await self.administrator.fetchval(END, session)
        raise RuntimeError("a session did not end")


def connection_class(faults: Faults) -> type[asyncpg.Connection]:
    """A driver's connection that passes every statement by `faults`."""

    class Watched(asyncpg.Connection):
        """The driver's own connection but for the look in front of and behind each statement."""

        async def execute(self, query: str, *args: Any, **more: Any) -> Any:
            await faults.before(self, query)
            answer = await super().execute(query, *args, **more)
            await faults.after(self, query)
            return answer

        async def fetch(self, query: str, *args: Any, **more: Any) -> Any:
            await faults.before(self, query)
            answer = await super().fetch(query, *args, **more)
            await faults.after(self, query)
            return answer

        async def fetchrow(self, query: str, *args: Any, **more: Any) -> Any:
            await faults.before(self, query)
            answer = await super().fetchrow(query, *args, **more)
            await faults.after(self, query)
            return answer

        async def fetchval(self, query: str, *args: Any, **more: Any) -> Any:
            await faults.before(self, query)
            answer = await super().fetchval(query, *args, **more)
            await faults.after(self, query)
            return answer

    return Watched


def _locks(statement: str) -> bool:
    return "ledger_players" in statement and "FOR UPDATE" in statement


def _stores(statement: str) -> bool:
    return "INTO transfers" in statement
