"""Asks Telegram for updates and stores them in the inbox before it asks for more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from aiogram.exceptions import TelegramConflictError, TelegramNetworkError, TelegramRetryAfter
from aiogram.methods.base import TelegramMethod

from messaging.updates import record_update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiogram import Bot

    from casino.db import Database

    RawUpdates = TelegramMethod[list[dict[str, Any]]]
else:
    RawUpdates = TelegramMethod

log = structlog.get_logger(__name__)

POLL_SECONDS = 25
PAUSE_SECONDS = 1.0
CONFLICT_SECONDS = 5.0


class GetRawUpdates(RawUpdates):
    """getUpdates whose answer stays as Telegram wrote it, so that nothing is lost in storing it."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str] | None = None


class Poller:
    """One getUpdates loop. The offset moves only after the transaction that stored the updates
    has committed, so a crash at any point brings them again and the inbox keeps each once."""

    def __init__(
        self, bot: Bot, database: Database, *, source: str, allowed_updates: Sequence[str]
    ) -> None:
        self._bot = bot
        self._database = database
        self._source = source
        self._allowed = list(allowed_updates)
        self._offset: int | None = None

    async def run(self) -> None:
        """Poll until cancelled; Telegram being away is waited for, not raised."""
        while True:
            try:
                await self.poll_once(seconds=POLL_SECONDS)
            except TelegramConflictError as error:
                log.warning("poller.conflict", source=self._source, error=str(error))
                await asyncio.sleep(CONFLICT_SECONDS)
            except TelegramRetryAfter as error:
                await asyncio.sleep(error.retry_after)
            except TelegramNetworkError as error:
                log.warning("poller.telegram_away", source=self._source, error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)

    async def poll_once(self, *, seconds: int = 0) -> int:
        """Fetch and store one page; returns how many updates were new."""
        updates = await self._bot(
            GetRawUpdates(offset=self._offset, timeout=seconds, allowed_updates=self._allowed),
            request_timeout=seconds + 15,
        )
        if not updates:
            return 0
        new = 0
        async with self._database.transaction() as session:
            for update in updates:
                new += await record_update(session, source=self._source, update=update)
        self._offset = max(int(update["update_id"]) for update in updates) + 1
        return new
