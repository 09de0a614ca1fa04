"""Payouts that are final and moved another amount than they should: people say what they were.

Their bytes have taken the replay key, so nothing of such a payout can ever land again; what is left
to decide is what the book shall say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier import moves, payouts, review
from casino.cashier.batches import lock_payout
from casino.cashier.settling_tables import UnclearPaymentRow
from casino.cashier.withdrawal_states import lock, lock_owner, tell_staff
from casino.errors import BadChoice, IdempotencyConflict, IllegalMove, NotFound
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member


class Answer(StrEnum):
    """What people can say of such a payout."""

    ACCEPTED = "accepted"
    """It is paid; what our account lost beyond or short of the amount is the house's."""
    MADE_GOOD = "made_good"
    """It is paid with what arrived; the rest of the amount goes back to the player."""
    NOT_PAID = "not_paid"
    """Nothing arrived: the payment is dead, and may be made again or refunded."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What a final transaction of ours moved, in units: to the recipient, and out of our account;
    `block` is its height."""

    tx_hash: str
    block: int
    arrived_units: int
    left_units: int


@dataclass(frozen=True, slots=True)
class UnclearPayment:
    """A payout with another amount, as people see it; `withdrawal_id` is None for a move of our
    own coins."""

    payout_id: int
    rail: str
    withdrawal_id: int | None
    wanted_units: int
    landed: Landed
    noted_at: datetime
    answer: Answer | None

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What may be said of it: never anything by which somebody is paid twice."""
        if not self.landed.arrived_units:
            return (Answer.NOT_PAID,)
        if self.withdrawal_id is not None and self.landed.arrived_units < self.wanted_units:
            return (Answer.ACCEPTED, Answer.MADE_GOOD)
        return (Answer.ACCEPTED,)


async def note(
    session: AsyncSession,
    *,
    payout_id: int,
    rail: str,
    withdrawal_id: int | None,
    wanted_units: int,
    landed: Landed,
    now: datetime,
) -> bool:
    """Remember what the final chain shows of a payout and tell staff, once; True if it is new."""
    new = await session.scalar(
        insert(UnclearPaymentRow)
        .values(
            payout_id=payout_id,
            rail=rail,
            withdrawal_id=withdrawal_id,
            tx_hash=landed.tx_hash,
            block=landed.block,
            wanted_units=wanted_units,
            arrived_units=landed.arrived_units,
            left_units=landed.left_units,
            noted_at=now,
        )
        .on_conflict_do_nothing()
        .returning(UnclearPaymentRow.payout_id)
    )
    if new is None:
        return False
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=payout_id,
        kind="alert.payout_unclear",
        payload={"rail": rail, "payout_id": payout_id, "tx_hash": landed.tx_hash},
    )
    return True


async def get(session: AsyncSession, *, payout_id: int) -> UnclearPayment:
    """One of them, decided or not; raises NotFound."""
    row = await session.get(UnclearPaymentRow, payout_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="unclear_payment", key=payout_id)
    return _view(row)


async def waiting(session: AsyncSession, *, limit: int = 50) -> Sequence[UnclearPayment]:
    """Those that nobody has decided on, the oldest first."""
    rows = await session.scalars(
        select(UnclearPaymentRow)
        .where(UnclearPaymentRow.outcome.is_(None))
        .order_by(UnclearPaymentRow.payout_id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [_view(row) for row in rows]


async def decide(
    session: AsyncSession, *, payout_id: int, answer: Answer, member: Member, now: datetime
) -> None:
    """Say what it was and book it, once, audited. The same answer again changes nothing. Raises
    NotPermitted (also for one's own money), NotFound, BadChoice for an answer that does not fit,
    IdempotencyConflict for another one than before, IllegalMove where the chain has decided
    meanwhile."""
    withdrawal_id = (await get(session, payout_id=payout_id)).withdrawal_id
    if withdrawal_id is not None:
        await lock_owner(session, withdrawal_id=withdrawal_id)
    payout = await lock_payout(session, payout_id)
    if withdrawal_id is not None:
        withdrawal = await lock(session, withdrawal_id=withdrawal_id)
        await review.lock_deciders(session, withdrawal, member=member)
    else:
        await require_permission(
            session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE
        )
    row = await session.get_one(
        UnclearPaymentRow, payout_id, with_for_update=True, populate_existing=True
    )
    unclear = _view(row)
    if unclear.answer is not None:
        if unclear.answer is not answer:
            raise IdempotencyConflict(reference=str(payout_id))
        return
    if answer not in unclear.answers:
        raise BadChoice(field="answer")
    if payout.closed_at is not None:
        raise IllegalMove(thing="payout", current="closed", wanted=answer)
    actor = f"staff:{member.id}"
    row.outcome, row.decided_by, row.decided_at = answer, actor, now
    await session.flush()
    if withdrawal_id is None:
        await _end_move(session, unclear, answer, actor=actor, now=now)
    else:
        await _end_member(session, unclear, withdrawal_id, answer, actor=actor, now=now)
        await tell_staff(session, withdrawal, kind="withdrawal.decided")
    await audit.append(
        session,
        actor=actor,
        action=f"unclear_payment.{answer}",
        subject=f"unclear_payment:{payout_id}",
        after={
            "withdrawal_id": withdrawal_id,
            "tx_hash": row.tx_hash,
            "wanted_units": row.wanted_units,
            "arrived_units": row.arrived_units,
            "left_units": row.left_units,
        },
        now=now,
    )


async def _end_member(
    session: AsyncSession,
    unclear: UnclearPayment,
    withdrawal_id: int,
    answer: Answer,
    *,
    actor: str,
    now: datetime,
) -> None:
    landed = unclear.landed
    missing = unclear.wanted_units - landed.arrived_units
    given_back = missing if answer is Answer.MADE_GOOD else 0
    if answer is Answer.NOT_PAID:
        await _book_difference(session, unclear, 0, now)
        await payouts.member_dead(
            session,
            payout_id=unclear.payout_id,
            withdrawal_id=withdrawal_id,
            proof=f"{landed.tx_hash} in final block {landed.block} paid nothing, says {actor}",
            actor=actor,
            now=now,
        )
    else:
        await _book_difference(session, unclear, unclear.wanted_units - given_back, now)
        await payouts.complete_member(
            session,
            payout_id=unclear.payout_id,
            withdrawal_id=withdrawal_id,
            tx_hash=landed.tx_hash,
            actor=actor,
            given_back=given_back,
            now=now,
        )


async def _end_move(
    session: AsyncSession, unclear: UnclearPayment, answer: Answer, *, actor: str, now: datetime
) -> None:
    landed = unclear.landed
    await _book_difference(session, unclear, landed.arrived_units, now)
    if answer is Answer.NOT_PAID:
        await moves.bury(
            session,
            payout_id=unclear.payout_id,
            proof=f"{landed.tx_hash} in final block {landed.block} moved nothing, says {actor}",
            now=now,
        )
    else:
        await moves.finish(
            session,
            payout_id=unclear.payout_id,
            tx_hash=landed.tx_hash,
            units=landed.arrived_units,
            now=now,
        )


async def _book_difference(
    session: AsyncSession, unclear: UnclearPayment, booked: int, now: datetime
) -> None:
    """What our account has lost and the payment does not account for, either way, is a cost of the
    network: then the book holds what the chain does."""
    await payouts.book_network_fee(
        session,
        rail=unclear.rail,
        units=unclear.landed.left_units - booked,
        reference=f"unclear:{unclear.payout_id}",
        now=now,
    )


def _view(row: UnclearPaymentRow) -> UnclearPayment:
    return UnclearPayment(
        payout_id=row.payout_id,
        rail=row.rail,
        withdrawal_id=row.withdrawal_id,
        wanted_units=row.wanted_units,
        landed=Landed(row.tx_hash, row.block, row.arrived_units, row.left_units),
        noted_at=row.noted_at,
        answer=None if row.outcome is None else Answer(row.outcome),
    )
