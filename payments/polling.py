"""Asks again and again: every so many seconds, counted from when the last look began."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from casino.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def poll(
    look: Callable[[], Awaitable[None]], *, seconds: int, on_trouble: Callable[[OutsideError], None]
) -> None:
    """Look every `seconds` until cancelled, however long a look takes; trouble with the outside
    is told to `on_trouble` and waited out.

    What appears right after a look is found one interval later, not an interval and a look. A
    look that takes longer still leaves half an interval to others who ask the same machine."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await look()
        except OutsideError as error:
            on_trouble(error)
            began = loop.time()
        await asyncio.sleep(max(began + seconds - loop.time(), seconds / 2))
