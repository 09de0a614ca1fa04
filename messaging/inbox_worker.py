"""Feeds stored updates to a dispatcher: in order within a chat, several chats at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiogram.types import Update
from pydantic import ValidationError

from casino import inbox, outbox
from casino.nursery import Nursery
from casino.telemetry import updates_total

if TYPE_CHECKING:
    from aiogram import Bot, Dispatcher
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from casino.inbox import Event
    from messaging.doorbell import Doorbell

log = structlog.get_logger(__name__)

PARALLEL = 8
IDLE_SECONDS = 1.0
HANDLE_SECONDS = 25.0  # less than the inbox lease, so no other worker starts on the same update
FINISH_SECONDS = 10.0


class InboxWorker:
    """Claims updates of one source and hands each to the dispatcher, at least once.

    A handler that fails gives its update back for later; after the last attempt the update is
    kept as a dead letter and staff is told. `stop` ends it: no new claims, what is running gets
    ten seconds, and what does not finish is handled by the next worker when its lease runs out.
    """

    def __init__(
        self,
        *,
        database: Database,
        source: str,
        dispatcher: Dispatcher,
        bot: Bot,
        doorbell: Doorbell | None = None,
        parallel: int = PARALLEL,
    ) -> None:
        self._database = database
        self._source = source
        self._dispatcher = dispatcher
        self._bot = bot
        self._doorbell = doorbell
        self._parallel = parallel
        self._running: set[asyncio.Task[None]] = set()
        self.ended = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises what the database raises, so keep it in a nursery."""
        async with Nursery() as nursery:
            try:
                while not stop.is_set():
                    await self._step(nursery, stop)
            finally:
                await self._finish()
        self.ended.set()

    async def drain(self) -> int:
        """Handle everything that is due now, one update after another; returns how many."""
        count = 0
        while events := await self._claim(1):
            for event in events:
                await self._handle(event)
                count += 1
        return count

    async def _step(self, nursery: Nursery, stop: asyncio.Event) -> None:
        events = await self._claim(self._parallel - len(self._running))
        for event in events:
            task = nursery.start(self._handle(event), name=f"update:{event.external_id}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if len(self._running) >= self._parallel:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        elif not events:
            await self._idle(nursery, stop)

    async def _idle(self, nursery: Nursery, stop: asyncio.Event) -> None:
        # Whatever comes first: a bell, a finished update (the next of its chat is due), the end.
        waits = [nursery.start(_set(stop), name="inbox:stop")]
        if self._doorbell is not None:
            ring = self._doorbell.wait(self._source, seconds=IDLE_SECONDS)
            waits.append(nursery.start(ring, name="inbox:bell"))
        await asyncio.wait(
            [*waits, *self._running],
            timeout=IDLE_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in waits:
            task.cancel()

    async def _claim(self, limit: int) -> list[Event]:
        async with self._database.transaction() as session:
            return list(await inbox.claim(session, source=self._source, limit=limit))

    async def _handle(self, event: Event) -> None:
        if event.attempts > inbox.ATTEMPTS_MAX:
            # Claimed that often and never answered: it ends the process each time.
            await self._bury(event, reason="no attempt came to an end")
            return
        # The edge of a handler: whatever it raised, the update must be given back, not lost.
        try:
            update = Update.model_validate(event.payload, context={"bot": self._bot})
        except ValidationError as error:
            await self._bury(event, reason=f"unreadable: {error.error_count()} faults")
            return
        last = event.attempts >= inbox.ATTEMPTS_MAX
        try:
            async with asyncio.timeout(HANDLE_SECONDS):
                await self._dispatcher.feed_update(
                    self._bot, update, attempt=event.attempts, last_attempt=last
                )
        except Exception as error:  # noqa: BLE001
            log.warning("update.failed", update=event.external_id, error=repr(error))
            await self._give_back(event, error=repr(error))
            return
        async with self._database.transaction() as session:
            await inbox.done(session, event_id=event.id)
        updates_total.labels(bot=self._source, result="handled").inc()

    async def _give_back(self, event: Event, *, error: str) -> None:
        async with self._database.transaction() as session:
            dead = await inbox.failed(session, event=event, error=error)
            if dead:
                await _alert(session, event=event, reason=error)
        result = "dead" if dead else "failed"
        updates_total.labels(bot=self._source, result=result).inc()

    async def _bury(self, event: Event, *, reason: str) -> None:
        log.error("update.buried", update=event.external_id, reason=reason)
        async with self._database.transaction() as session:
            await inbox.done(session, event_id=event.id, outcome=f"dead: {reason}")
            await _alert(session, event=event, reason=reason)
        updates_total.labels(bot=self._source, result="dead").inc()

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=FINISH_SECONDS)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _alert(session: AsyncSession, *, event: Event, reason: str) -> None:
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=event.id,
        kind="alert.dead_letter",
        payload={"source": event.source, "external_id": event.external_id, "reason": reason[:300]},
    )
