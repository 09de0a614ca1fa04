"""Ends payouts by what landed: each payment is final, provably dead, or still unknown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from casino.cashier import foreign_sends, fuel, moves, payouts, recovery, unclear_payments
from casino.cashier.batches import open_payouts
from casino.clock import utc_now
from casino.errors import IllegalMove, OutsideError
from payments.chains.base import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import Landed, MemberVerdict, PayoutVerdict
    from payments.desks.desk import Desk

ATTEMPTS_MAX = 3

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Settler:
    """Settles the payouts of one rail."""

    database: Database
    desk: Desk
    poll_seconds: int
    _seen: dict[int, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Judge until cancelled; a node in trouble is asked again later."""
        structlog.contextvars.bind_contextvars(chain=self.desk.chain, rail=self.desk.rail)
        while True:
            try:
                await self.step()
            except OutsideError as error:
                log.warning("settler.node_in_trouble", error=str(error))
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> None:
        """Judge everything that is open."""
        async with self.database.transaction() as session:
            waiting = await open_payouts(session, rail=self.desk.rail)
        self._seen = {one.id: self._seen[one.id] for one in waiting if one.id in self._seen}
        for payout in waiting:
            with structlog.contextvars.bound_contextvars(payout_id=payout.id):
                await self._judge(payout)

    async def _judge(self, payout: Payout) -> None:
        verdict = await self.desk.judge(payout)
        # Another version than the one that was seen first may be the one that waits now.
        if verdict.seen and self._seen.get(payout.id) != verdict.tx_hash:
            self._seen[payout.id] = verdict.tx_hash
            async with self.database.transaction() as session:
                await payouts.payout_seen(
                    session, payout_id=payout.id, tx_hash=verdict.tx_hash, now=utc_now()
                )
        if verdict.burnt is not None:
            # Also of what landed in another way than it should: the coins are gone.
            async with self.database.transaction() as session:
                await fuel.charge(session, rail=payout.rail, burnt=verdict.burnt, now=utc_now())
        for judged in verdict.members:
            if judged.landed is not None:
                await self._put_before_staff(payout, verdict.tx_hash, judged.landed)
        if payout.move is not None:
            for judged in verdict.members:
                await self._end_move(payout, judged, verdict)
            return
        ended = {member.withdrawal_id for member in payout.members if member.outcome != "pending"}
        for judged in verdict.members:
            if judged.withdrawal_id not in ended:
                await self._end(payout, judged, verdict)

    async def _put_before_staff(self, payout: Payout, tx_hash: str, landed: Landed) -> None:
        """Of a payout with one payment, which is final with another amount."""
        wanted = payout.move.units if payout.move is not None else payout.members[0].units
        async with self.database.transaction() as session:
            new = await unclear_payments.note(
                session,
                payout_id=payout.id,
                rail=payout.rail,
                withdrawal_id=payout.members[0].withdrawal_id if payout.members else None,
                wanted_units=wanted,
                landed=unclear_payments.Landed(
                    tx_hash, landed.height, landed.arrived_units, landed.left_units
                ),
                now=utc_now(),
            )
        if new:
            log.error("payout.unclear", tx_hash=tx_hash, wanted=wanted, landed=landed)

    async def _end(self, payout: Payout, verdict: MemberVerdict, whole: PayoutVerdict) -> None:
        if verdict.outcome is Outcome.SUCCEEDED:
            async with self.database.transaction() as session:
                await payouts.complete_member(
                    session,
                    payout_id=payout.id,
                    withdrawal_id=verdict.withdrawal_id,
                    tx_hash=verdict.tx_hash,
                    now=utc_now(),
                )
                await _book_costs(session, payout, whole, now=utc_now())
            log.info("withdrawal.confirmed", withdrawal_id=verdict.withdrawal_id)
        elif verdict.outcome is Outcome.FAILED:
            await self._bury(payout, verdict, whole)

    async def _bury(self, payout: Payout, verdict: MemberVerdict, whole: PayoutVerdict) -> None:
        """Declare a payment dead. What may succeed in another payout is tried again a few times;
        staff decide on the rest."""
        now, withdrawal_id = utc_now(), verdict.withdrawal_id
        async with self.database.transaction() as session:
            dead = await payouts.member_dead(
                session,
                payout_id=payout.id,
                withdrawal_id=withdrawal_id,
                proof=verdict.proof,
                now=now,
            )
            await _book_costs(session, payout, whole, now=now)
            if verdict.lost_units:
                await payouts.book_network_fee(
                    session,
                    rail=payout.rail,
                    units=verdict.lost_units,
                    reference=f"return:{payout.id}/{withdrawal_id}",
                    now=now,
                )
        log.warning("withdrawal.dead", withdrawal_id=withdrawal_id, proof=verdict.proof)
        if not verdict.retriable or dead.attempts >= ATTEMPTS_MAX:
            return
        try:
            async with self.database.transaction() as session:
                await recovery.reassign(session, withdrawal_id=withdrawal_id, now=now)
        except IllegalMove as error:
            log.warning("withdrawal.not_retried", withdrawal_id=withdrawal_id, reason=str(error))

    async def _end_move(self, payout: Payout, verdict: MemberVerdict, whole: PayoutVerdict) -> None:
        if verdict.outcome is Outcome.UNKNOWN:
            return
        now = utc_now()
        async with self.database.transaction() as session:
            if verdict.outcome is Outcome.SUCCEEDED:
                await moves.finish(session, payout_id=payout.id, tx_hash=verdict.tx_hash, now=now)
            else:
                await moves.bury(session, payout_id=payout.id, proof=verdict.proof, now=now)
            await _book_costs(session, payout, whole, now=now)
        log.info("move.ended", outcome=verdict.outcome, proof=verdict.proof)


async def _book_costs(
    session: AsyncSession, payout: Payout, verdict: PayoutVerdict, *, now: datetime
) -> None:
    """Book what final transactions cost, in the transaction that ends what they were for; and note
    a stranger who took the replay key, so that nothing is claimed until people have looked."""
    await payouts.book_fees(session, rail=payout.rail, fees=verdict.fees, now=now)
    if verdict.stranger:
        await foreign_sends.note(
            session,
            rail=payout.rail,
            account=payout.account,
            tx_hash=verdict.stranger,
            evidence={
                "payout_id": payout.id,
                "replay_number": payout.replay_number,
                **verdict.evidence,
            },
            now=now,
        )
