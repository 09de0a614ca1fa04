"""Wakes workers when a row is written for them: PostgreSQL's LISTEN, never more than a hint."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK_SECONDS = 15.0


class Doorbell:
    """One listening connection of a process. A worker waits on its own topic with a time limit,
    so that a lost connection makes it slower and never deaf."""

    def __init__(self, dsn: str, *, channels: Sequence[str]) -> None:
        self._dsn = dsn
        self._channels = tuple(channels)
        self._bells: dict[str, asyncio.Event] = {}
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until the connection is lost or the task is cancelled; keep it in a nursery."""
        connection = await asyncpg.connect(
            self._dsn, timeout=10, server_settings={"application_name": "fairhouse-doorbell"}
        )
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._rung)
            self.listening.set()
            self._ring_all()  # whatever was written before we listened
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                await connection.execute("SELECT 1", timeout=10)
        finally:
            self.listening.clear()
            connection.terminate()

    async def wait(self, topic: str, *, seconds: float) -> None:
        """Return when somebody rang for `topic` since the last wait, or after `seconds`."""
        bell = self._bell(topic)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await bell.wait()
        bell.clear()

    def ring(self, topic: str) -> None:
        """Wake the worker of `topic` from inside this process."""
        self._bell(topic).set()

    def _rung(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.ring(str(payload))

    def _ring_all(self) -> None:
        for bell in self._bells.values():
            bell.set()

    def _bell(self, topic: str) -> asyncio.Event:
        return self._bells.setdefault(topic, asyncio.Event())
