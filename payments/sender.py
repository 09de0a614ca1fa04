"""Money out: puts approved withdrawals into payouts and hands stored bytes to the network.

No keys. A payout's replay key is committed before the signer sees it, its bytes before they are
sent; after a crash or an error the same bytes go out again until the watcher has seen them or
proven them dead. The sender does nothing at all while the watcher is behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.cashier import deposits, payouts
from casino.cashier.batches import open_payouts
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import OutsideError
from payments.addresses import parse_ton
from payments.chains.base import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import AccountState, Chain

BATCH_MEMBERS = 100
CREATED_BEFORE = timedelta(seconds=30)
"""How far in the past a payout is dated: the wallet refuses what comes from its future."""
RESEND_AFTER = timedelta(seconds=10)
BEHIND_ALERT_AFTER = timedelta(seconds=60)
MEMBER_FEE_UNITS = 2_000_000
PAYOUT_FEE_UNITS = 100_000_000
"""Kept back for a payout's own gas and its message to itself; most of it stays in the wallet."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Sender:
    """Sends the payouts of one chain's rails."""

    database: Database
    chain: Chain
    rails: tuple[str, ...]
    poll_seconds: int
    lag_blocks_max: int
    timeout: timedelta
    _sent_at: dict[int, datetime] = field(default_factory=dict)
    _behind_since: datetime | None = None
    _alerted: bool = False

    async def run(self) -> None:
        """Send until cancelled."""
        structlog.contextvars.bind_contextvars(chain=self.chain.name)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("sender.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Claim what is approved and affordable, then send what is signed."""
        for rail in self.rails:
            async with self.database.transaction() as session:
                address = (await get_rail(session, rail)).address
            if address is None:
                continue
            account = parse_ton(address, testnet=True).raw
            state = await self.chain.account(account)
            if not await self._watcher_is_current(rail, account, state):
                continue
            await self._claim(rail, state)
            await self._send(rail, state)

    async def _watcher_is_current(self, rail: str, account: str, state: AccountState) -> bool:
        """Whether the watcher has read the account up to about what the node knows."""
        async with self.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain=self.chain.name, account=account)
        behind = max(0, state.block - cursor.block)
        if behind <= self.lag_blocks_max:
            self._behind_since, self._alerted = None, False
            return True
        now = utc_now()
        self._behind_since = self._behind_since or now
        log.info("sender.waits_for_watcher", rail=rail, behind_blocks=behind)
        if now - self._behind_since >= BEHIND_ALERT_AFTER and not self._alerted:
            await self._alert(rail, behind)
        return False

    async def _alert(self, rail: str, behind: int) -> None:
        self._alerted = True
        async with self.database.transaction() as session:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=0,
                kind="alert.chain_lag",
                payload={"chain": self.chain.name, "rail": rail, "blocks": behind},
            )

    async def _claim(self, rail: str, state: AccountState) -> None:
        async with self.database.transaction() as session:
            in_flight = await open_payouts(session, rail=rail)
            available = state.units - reserved_units(in_flight) - PAYOUT_FEE_UNITS
            if available <= 0:
                return
            payout = await payouts.claim(
                session,
                rail=rail,
                limit=BATCH_MEMBERS,
                available_units=available,
                member_fee_units=MEMBER_FEE_UNITS,
                created_at=state.at - CREATED_BEFORE,
                timeout=self.timeout,
                now=utc_now(),
            )
        if payout is not None:
            log.info("payout.claimed", payout_id=payout.id, members=len(payout.members))

    async def _send(self, rail: str, state: AccountState) -> None:
        async with self.database.transaction() as session:
            waiting = await open_payouts(session, rail=rail)
        open_ids = {payout.id for payout in waiting}
        self._sent_at = {key: at for key, at in self._sent_at.items() if key in open_ids}
        for payout in waiting:
            if payout.signed is None or payout.seen_at is not None:
                continue
            if state.at >= payout.expires_at or not self._due(payout):
                continue
            await self._broadcast(payout, payout.signed)

    def _due(self, payout: Payout) -> bool:
        before = self._sent_at.get(payout.id)
        return before is None or utc_now() - before >= RESEND_AFTER

    async def _broadcast(self, payout: Payout, signed: bytes) -> None:
        # Said before it is done: after a crash in between nobody may believe it never happened.
        async with self.database.transaction() as session:
            await payouts.mark_broadcast(session, payout_id=payout.id, now=utc_now())
        outcome = await self.chain.broadcast(signed)
        self._sent_at[payout.id] = utc_now()
        level = log.info if outcome is Outcome.SUCCEEDED else log.warning
        level("payout.sent", payout_id=payout.id, outcome=outcome)


def reserved_units(in_flight: Sequence[Payout]) -> int:
    """What open payouts may still take from the wallet, all fees included; too much rather than
    too little, since some of it may have left already."""
    return sum(
        PAYOUT_FEE_UNITS
        + sum(
            member.units + MEMBER_FEE_UNITS
            for member in payout.members
            if member.outcome == "pending"
        )
        for payout in in_flight
    )
