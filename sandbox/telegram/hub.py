"""Tells whoever listens that something happened: long polls, waiting people, open pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")

EVENTS_KEPT = 2000
LISTENER_EVENTS_MAX = 5000


class Doorbell:
    """Wakes everyone who waits at the moment it rings; nobody is woken late or twice."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake all who wait now."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def wait(self, seconds: float | None) -> None:
        """Return when it rings or when the time is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._waiting.discard(future)

    async def until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """What `look` finds, looked for now and at every ring, or None when the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            found = look()
            left = deadline - loop.time()
            if found is not None or left <= 0:
                return found
            await self.wait(left)


class Hub:
    """Numbers events in order, keeps the last of them, and hands each to every open page."""

    def __init__(self) -> None:
        self.seq = 0
        self.bell = Doorbell()
        self.events: list[Json] = []
        self._listeners: set[asyncio.Queue[Json | None]] = set()

    def next_seq(self) -> int:
        """The number of the next change."""
        self.seq += 1
        return self.seq

    def publish(self, kind: str, **facts: Any) -> None:
        """Tell everyone; `facts` must be JSON."""
        event = {"type": kind, "seq": facts.pop("seq", None) or self.next_seq(), **facts}
        self.events.append(event)
        if len(self.events) > EVENTS_KEPT:
            del self.events[: EVENTS_KEPT // 2]
        for queue in self._listeners:
            # A page that stopped reading is cut off; it reloads everything when it comes back.
            if queue.qsize() >= LISTENER_EVENTS_MAX:
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)
        self.bell.ring()

    def listen(self) -> asyncio.Queue[Json | None]:
        """A queue that gets every event from now on; None means: hang up."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Json | None]) -> None:
        """Stop filling the queue."""
        self._listeners.discard(queue)

    def hang_up(self) -> None:
        """End every open listener, so that the server can stop."""
        for queue in self._listeners:
            queue.put_nowait(None)
        self.bell.ring()
