"""Money out: hands stored bytes to the network, again and again, until they have landed.

No keys. A payout's replay key is committed before the signer sees it, its bytes before they are
sent; after a crash or an error the same bytes go out again until the settler has seen them or
proven them dead. Nothing at all is done while the watcher is behind."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.cashier import payouts
from casino.cashier.batches import open_payouts
from casino.clock import utc_now
from casino.errors import OutsideError
from payments.chains.base import Outcome

if TYPE_CHECKING:
    from casino.cashier.batches import Attempt, Payout
    from casino.db import Database
    from payments.desks.desk import Desk

RESEND_AFTER_SECONDS = 10.0
BEHIND_ALERT_AFTER_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Sender:
    """Sends the payouts of one rail."""

    database: Database
    desk: Desk
    poll_seconds: int
    _sent_at: dict[tuple[int, int], float] = field(default_factory=dict)
    _behind_since: float | None = None
    _alerted: bool = False

    async def run(self) -> None:
        """Send until cancelled."""
        structlog.contextvars.bind_contextvars(chain=self.desk.chain, rail=self.desk.rail)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("sender.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Claim what is approved and affordable, then send what is signed."""
        behind = await self.desk.behind()
        if behind is None or not await self._watcher_is_current(behind):
            return
        await self.desk.prepare()
        await self._send()

    async def _watcher_is_current(self, behind: int) -> bool:
        if behind <= self.desk.blocks_behind_max:
            self._behind_since, self._alerted = None, False
            return True
        now = time.monotonic()
        self._behind_since = self._behind_since or now
        log.info("sender.waits_for_watcher", behind_blocks=behind)
        if now - self._behind_since >= BEHIND_ALERT_AFTER_SECONDS and not self._alerted:
            await self._alert(behind)
        return False

    async def _alert(self, behind: int) -> None:
        self._alerted = True
        async with self.database.transaction() as session:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=0,
                kind="alert.chain_lag",
                payload={"chain": self.desk.chain, "rail": self.desk.rail, "blocks": behind},
            )

    async def _send(self) -> None:
        async with self.database.transaction() as session:
            waiting = await open_payouts(session, rail=self.desk.rail)
        versions = {(payout.id, one.number) for payout in waiting for one in payout.attempts}
        self._sent_at = {key: at for key, at in self._sent_at.items() if key in versions}
        for payout in waiting:
            newest = payout.newest
            if newest is None or not self._due(payout, newest):
                continue
            if await self.desk.sendable(payout):
                await self._broadcast(payout, newest)

    def _due(self, payout: Payout, version: Attempt) -> bool:
        before = self._sent_at.get((payout.id, version.number))
        return before is None or time.monotonic() - before >= RESEND_AFTER_SECONDS

    async def _broadcast(self, payout: Payout, version: Attempt) -> None:
        # Said before it is done: after a crash in between nobody may believe it never happened.
        async with self.database.transaction() as session:
            await payouts.mark_broadcast(session, payout_id=payout.id, now=utc_now())
        outcome = await self.desk.broadcast(version.signed or b"")
        self._sent_at[payout.id, version.number] = time.monotonic()
        level = log.info if outcome is Outcome.SUCCEEDED else log.warning
        level("payout.sent", payout_id=payout.id, outcome=outcome)
