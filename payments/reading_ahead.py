"""Reading ahead: the next stretch of blocks is read while the one before it is being booked."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from casino.cashier.coins import CoinMoves
    from payments.chains.blocks import Header, Incoming


@dataclass(frozen=True, slots=True)
class Read:
    """Headers on top of a known block, what their blocks brought, and where the chain keeps coins
    as outputs, what they did to ours."""

    headers: Sequence[Header]
    incoming: Sequence[Incoming]
    moves: CoinMoves | None = None


@dataclass(slots=True)
class ReadingAhead:
    """At most one reading, begun before anybody wants it.

    What was read stands on one block, named by its hash; it is worth nothing on another one."""

    _below: str = ""
    _task: asyncio.Task[Read | None] | None = field(default=None)

    def begin(self, below: str, reading: Coroutine[None, None, Read | None]) -> None:
        """Read what stands on the block `below`. Nothing else may be under way."""
        self._below = below
        self._task = asyncio.create_task(reading)  # noqa: TID251 - awaited in take or stop

    async def take(self, below: str) -> Read | None:
        """What was read on top of `below`; None if nothing was, or something that is not that.
        Raises whatever the reading raised."""
        if self._task is None or self._below != below:
            await self.stop()
            return None
        task, self._task = self._task, None
        return await task

    async def stop(self) -> None:
        """Give up what is under way: nobody wants it any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
