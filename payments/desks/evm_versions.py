"""Further versions of what is under way: dearer when it is stuck, a cancellation when nobody signs.

A nonce is never left open and never filled with another payment: everything behind it would wait,
or be paid in the wrong place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from casino.cashier import attempts, payout_notices
from casino.clock import utc_now
from casino.errors import IllegalMove
from payments.chains.evm_plan import EvmPlan
from payments.chains.evm_wallet import COIN_TRANSFER_GAS, Fees, bumped

if TYPE_CHECKING:
    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.evm_wallet import FeeMarket

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FeeCaps:
    """The most that a unit of gas may cost, in wei, and its tip."""

    max_fee: int
    tip: int

    def fees(self, market: FeeMarket) -> Fees | None:
        """What to offer now; None while the market asks for more than may be paid."""
        wanted = market.fees
        tip = min(wanted.tip, self.tip)
        if market.base_fee + tip > self.max_fee:
            return None
        return Fees(min(wanted.max_fee, self.max_fee), tip)

    def hold(self, fees: Fees) -> bool:
        """Whether these fees may be paid."""
        return fees.max_fee <= self.max_fee and fees.tip <= self.tip


@dataclass(slots=True)
class Versions:
    """Plans versions of open payouts of one rail."""

    database: Database
    rail: str
    caps: FeeCaps
    bump_after: timedelta
    unsigned_after: timedelta

    async def renew(self, payout: Payout, *, next_nonce: int, market: FeeMarket) -> None:
        """Plan another version if it is time. `next_nonce` is the account's own, by the newest
        block: what waits behind another nonce is not stuck itself."""
        now = utc_now()
        waiting, newest = payout.unsigned, payout.newest
        if waiting is not None:
            if newest is None and now - waiting.planned_at >= self.unsigned_after:
                await self._cancel(payout, EvmPlan.read(waiting.plan), market)
            return
        if newest is None:
            # Planned never: the process died between, or a person took the version away.
            if now - payout.claimed_at >= self.unsigned_after:
                await self._cancel(payout, None, market)
            return
        sent = payout.broadcast_at is not None and payout.replay_number == next_nonce
        if sent and newest.signed_at is not None and now - newest.signed_at >= self.bump_after:
            await self._bump(payout, EvmPlan.read(newest.plan), market)

    async def _cancel(self, payout: Payout, plan: EvmPlan | None, market: FeeMarket) -> None:
        if plan is not None and plan.cancels:
            return
        fees = self.caps.fees(market)
        if fees is None:
            return
        cancelling = EvmPlan(COIN_TRANSFER_GAS, fees, cancels=True)
        if await self._plan(payout, cancelling, after=0):
            log.warning("payout.cancelling", payout_id=payout.id, nonce=payout.replay_number)

    async def _bump(self, payout: Payout, plan: EvmPlan, market: FeeMarket) -> None:
        fees = bumped(plan.fees, market=self.caps.fees(market))
        if not self.caps.hold(fees):
            fees = bumped(plan.fees)
        if self.caps.hold(fees):
            signed = sum(one.signed is not None for one in payout.attempts)
            dearer = EvmPlan(
                plan.gas,
                fees,
                cancels=plan.cancels,
                number=plan.number,
                authorization=plan.authorization,
                wei=plan.wei,
            )
            if await self._plan(payout, dearer, after=signed):
                log.warning("payout.bumped", payout_id=payout.id, max_fee=fees.max_fee)
            return
        async with self.database.transaction() as session:
            await payout_notices.tell_once(
                session,
                subject_id=payout.id,
                kind="alert.gas_capped",
                payload={
                    "rail": self.rail,
                    "payout_id": payout.id,
                    "nonce": payout.replay_number,
                    "tx_hash": payout.newest.tx_hash if payout.newest else None,
                },
                now=utc_now(),
            )

    async def _plan(self, payout: Payout, plan: EvmPlan, *, after: int) -> bool:
        """False when the payout went on meanwhile."""
        try:
            async with self.database.transaction() as session:
                await attempts.plan(
                    session, payout_id=payout.id, plan=plan.as_json(), after=after, now=utc_now()
                )
        except IllegalMove as error:
            log.info("payout.not_planned", payout_id=payout.id, reason=str(error))
            return False
        return True
