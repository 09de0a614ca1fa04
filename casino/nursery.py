"""Supervised tasks: none is forgotten, none fails in silence, all end with their owner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

log = structlog.get_logger(__name__)

RESTART_SECONDS_MAX = 30.0
CANCEL_AGAIN_SECONDS = 1.0


class Nursery:
    """Owns background tasks. `start` runs one to its end; `keep` runs a loop again after a
    failure, with a growing pause. Leaving the context cancels and awaits all of them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def start(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Run `work` once in the background; a failure is logged with its name."""
        task = asyncio.create_task(self._guard(work, name), name=name)  # noqa: TID251
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never awaits its work.
        task.add_done_callback(lambda _task: work.close())
        return task

    def keep(self, work: Callable[[], Awaitable[None]], *, name: str) -> asyncio.Task[None]:
        """Run `work()` for as long as the nursery lives; after a failure wait, then run again."""
        return self.start(self._again(work, name), name=name)

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        tasks = set(self._tasks)
        while tasks:
            # A library may swallow a cancellation, so it is said again until it is heard.
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_SECONDS)

    async def _guard(self, work: Coroutine[object, object, None], name: str) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("task.failed", task=name)

    async def _again(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        pause = 0.5
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("task.restarted", task=name, pause_seconds=pause)
            if loop.time() - started > RESTART_SECONDS_MAX:
                pause = 0.5
            await asyncio.sleep(pause)
            pause = min(pause * 2, RESTART_SECONDS_MAX)
