"""Delivers waiting effects of one consumer, at least once, in order per key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.nursery import Nursery
from messaging.pace import speaking_news

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from casino.db import Database
    from casino.outbox import Effect
    from messaging.doorbell import Doorbell

    Deliver = Callable[[Effect], Awaitable[str]]
    Unreachable = Callable[[Effect], Awaitable[None]]

log = structlog.get_logger(__name__)

PARALLEL = 8
IDLE_SECONDS = 0.5
DELIVER_SECONDS = 50.0  # less than the outbox lease
ATTEMPTS_MAX = 12
PAUSE_MAX = timedelta(minutes=5)


class NotNow(Exception):
    """The way is there and busy: the effect may go in `after`."""

    def __init__(self, after: timedelta) -> None:
        super().__init__(f"after {after}")
        self.after = after


class NobodyThere(Exception):
    """Who should hear of it does not want to, or is gone; the text says how that was told."""


class NotAccepted(Exception):
    """It can never be delivered as it is; the text says why."""


class OutboxWorker:
    """Claims effects of `consumer` and calls `deliver(effect)`, whose text becomes the outcome.

    NotNow waits as long as it says; NobodyThere calls `unreachable` and ends the effect;
    NotAccepted ends it with its reason, since sending the same again changes nothing; anything
    else is tried again, later each time, and after the last attempt ends with an alert to staff.
    """

    def __init__(
        self,
        *,
        database: Database,
        consumer: str,
        deliver: Deliver,
        unreachable: Unreachable | None = None,
        doorbell: Doorbell | None = None,
        parallel: int = PARALLEL,
    ) -> None:
        self._database = database
        self._consumer = consumer
        self._deliver = deliver
        self._unreachable = unreachable
        self._doorbell = doorbell
        self._parallel = parallel
        self.ended = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises what the database raises, so keep it in a nursery."""
        while not stop.is_set():
            if await self.deliver_due():
                continue
            if self._doorbell is not None:
                await self._doorbell.wait(self._consumer, seconds=IDLE_SECONDS)
            else:
                await asyncio.sleep(IDLE_SECONDS)
        self.ended.set()

    async def deliver_due(self) -> int:
        """Claim one batch of effects, one a key, and deliver it; returns how many there were."""
        async with self._database.transaction() as session:
            effects = await outbox.claim(session, consumer=self._consumer, limit=self._parallel)
        if not effects:
            return 0
        async with Nursery() as nursery:
            tasks = [
                nursery.start(self._settle(effect), name=f"effect:{effect.id}")
                for effect in effects
            ]
            await asyncio.wait(tasks)
        return len(effects)

    async def _settle(self, effect: Effect) -> None:
        # The edge of a delivery: every fault becomes an outcome or another attempt.
        try:
            with speaking_news():
                async with asyncio.timeout(DELIVER_SECONDS):
                    outcome = await self._deliver(effect)
        except NotNow as error:
            await self._retry(effect, after=error.after)
        except NobodyThere as error:
            if self._unreachable is not None:
                await self._unreachable(effect)
            await self._end(effect, outcome=f"unreachable: {error}")
        except NotAccepted as error:
            log.warning("effect.refused", effect=effect.id, kind=effect.kind, error=str(error))
            await self._end(effect, outcome=f"refused: {error}")
        except Exception as error:  # noqa: BLE001
            await self._failed(effect, error=repr(error))
        else:
            await self._end(effect, outcome=outcome)

    async def _failed(self, effect: Effect, *, error: str) -> None:
        log.warning("effect.failed", effect=effect.id, kind=effect.kind, error=error)
        if effect.attempts < ATTEMPTS_MAX:
            await self._retry(effect, after=min(PAUSE_MAX, timedelta(seconds=2**effect.attempts)))
            return
        async with self._database.transaction() as session:
            await outbox.delivered(session, effect_id=effect.id, outcome=f"dead: {error[:500]}")
            if self._consumer != outbox.STAFF:
                await outbox.write(
                    session,
                    consumer=outbox.STAFF,
                    key=effect.id,
                    kind="alert.dead_letter",
                    payload={
                        "source": f"outbox:{effect.consumer}",
                        "external_id": str(effect.id),
                        "reason": f"{effect.kind}: {error[:300]}",
                    },
                )

    async def _retry(self, effect: Effect, *, after: timedelta) -> None:
        async with self._database.transaction() as session:
            await outbox.retry(session, effect_id=effect.id, after=after)

    async def _end(self, effect: Effect, *, outcome: str) -> None:
        async with self._database.transaction() as session:
            await outbox.delivered(session, effect_id=effect.id, outcome=outcome[:500])
