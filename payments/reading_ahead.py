"""Reading ahead: what comes next is read while what came before it is being booked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from casino.cashier.coins import CoinMoves
    from payments.chains.blocks import Header, Incoming


ReadT = TypeVar("ReadT")


@dataclass(frozen=True, slots=True)
class Read:
    """Headers on top of a known block, what their blocks brought, and where the chain keeps coins
    as outputs, what they did to ours."""

    headers: Sequence[Header]
    incoming: Sequence[Incoming]
    moves: CoinMoves | None = None


@dataclass(slots=True)
class ReadingAhead(Generic[ReadT]):
    """At most one reading, begun before anybody wants it.

    What was read follows one place, named by a text (a block's hash, say); it is worth nothing
    after another one."""

    _after: str = ""
    _task: asyncio.Task[ReadT | None] | None = field(default=None)

    def begin(self, after: str, reading: Coroutine[None, None, ReadT | None]) -> None:
        """Read what follows `after`. Nothing else may be under way."""
        self._after = after
        self._task = asyncio.create_task(reading)  # noqa: TID251 - awaited in take or stop

    async def take(self, after: str) -> ReadT | None:
        """What was read after `after`; None if nothing was, or something that is not that. Raises
        whatever the reading raised."""
        if self._task is None or self._after != after:
            await self.stop()
            return None
        task, self._task = self._task, None
        return await task

    async def stop(self) -> None:
        """Give up what is under way: nobody wants it any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            # Its end is waited for, not its outcome: only whoever cancels us raises here.
            await asyncio.wait((task,))
            if not task.cancelled():
                task.exception()
