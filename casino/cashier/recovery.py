"""What becomes of a payment that died or an order that ran out: again, back, or to staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from casino import audit
from casino.cashier import foreign_sends
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.rails import get_rail
from casino.cashier.tables import ApprovalRow, WithdrawalRow
from casino.cashier.withdrawal_states import (
    SYSTEM,
    Withdrawal,
    WithdrawalStatus,
    give_back,
    lock,
    move,
    require_move,
    tell_player,
    tell_staff,
    view,
)
from casino.errors import IllegalMove
from casino.ids import PlayerId
from casino.ledger import journal
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member

REASON_MAX = 500
MAYBE_PAID = "maybe_paid"


async def reassign(
    session: AsyncSession, *, withdrawal_id: int, actor: str = SYSTEM, now: datetime
) -> Withdrawal:
    """Let a dead payment be tried again in a new payout, under the order it has; raises
    IllegalMove when it is not dead or its order ran out (then only a refund is left). Only people
    may do so while something that nobody has settled may have paid it."""
    row = await lock(session, withdrawal_id=withdrawal_id)
    if row.status == WithdrawalStatus.DEAD and row.retry_at is not None:
        return view(row)
    require_move(row, WithdrawalStatus.ASSIGNED)
    expires_at = row.order_expires_at
    # An approved withdrawal may be assigned too, but that is the sender's business.
    if row.status != WithdrawalStatus.DEAD or expires_at is None or expires_at <= now:
        raise IllegalMove(thing="withdrawal", current=row.status, wanted="reassigned")
    if actor == SYSTEM and await maybe_paid(session, row):
        raise IllegalMove(thing="withdrawal", current=MAYBE_PAID, wanted="reassigned")
    row.retry_at = now
    await session.flush()
    if actor != SYSTEM:
        await audit.append(
            session,
            actor=actor,
            action="withdrawal.reassigned",
            subject=f"withdrawal:{row.id}",
            after={"attempts": row.attempts},
            now=now,
        )
    return view(row)


async def refund(
    session: AsyncSession, *, withdrawal_id: int, member: Member, reason: str, now: datetime
) -> Withdrawal:
    """Give the money of a dead payment back to the player, or hold the deposit again that it was to
    send back; raises NotPermitted, NotFound, IllegalMove."""
    row = await lock(session, withdrawal_id=withdrawal_id)
    await require_permission(session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE)
    row.retry_at = None
    await move(
        session,
        row,
        WithdrawalStatus.REFUNDED,
        actor=f"staff:{member.id}",
        reason=reason[:REASON_MAX],
        now=now,
    )
    await give_back(session, row, actor=f"staff:{member.id}", now=now)
    await tell_player(session, row, kind="withdrawal.refunded", reason=reason[:REASON_MAX])
    await tell_staff(session, row, kind="withdrawal.decided")
    return view(row)


async def return_expired(
    session: AsyncSession, *, rail: str, before: datetime, now: datetime
) -> None:
    """Put withdrawals whose order runs out before the given moment to staff again: an approved
    one to a new review, a dead one to decide between nothing but a refund."""
    retried = (WithdrawalRow.status == WithdrawalStatus.DEAD) & WithdrawalRow.retry_at.is_not(None)
    rows = await session.scalars(
        select(WithdrawalRow)
        .where(
            WithdrawalRow.rail == rail,
            (WithdrawalRow.status == WithdrawalStatus.APPROVED) | retried,
            WithdrawalRow.order_expires_at <= before,
        )
        .order_by(WithdrawalRow.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    for row in rows.all():
        await _back_to_staff(session, row, reason="order_expired", now=now)
    await session.flush()


async def unpaid(session: AsyncSession, *, rail: str) -> Sequence[Withdrawal]:
    """What is waiting to be approved or to be paid on a rail, and is in no living payout."""
    rows = await session.scalars(
        select(WithdrawalRow)
        .where(
            WithdrawalRow.rail == rail,
            WithdrawalRow.status.in_(
                (WithdrawalStatus.IN_REVIEW, WithdrawalStatus.APPROVED, WithdrawalStatus.DEAD)
            ),
        )
        .order_by(WithdrawalRow.id)
        .execution_options(populate_existing=True)
    )
    return [view(row) for row in rows]


async def doubt_all(
    session: AsyncSession, *, withdrawals: Collection[Withdrawal], now: datetime
) -> None:
    """Put all of these before staff, see `doubt`; their players are locked together, and first."""
    await journal.lock_players(session, [PlayerId(one.player_id) for one in withdrawals])
    for withdrawal_id in sorted(one.id for one in withdrawals):
        await doubt(session, withdrawal_id=withdrawal_id, now=now)


async def doubt(session: AsyncSession, *, withdrawal_id: int, now: datetime) -> None:
    """Put a withdrawal before staff (again) that a payment which we know nothing of may have paid
    already; its approvals are void."""
    row = await lock(session, withdrawal_id=withdrawal_id)
    told = row.reason == MAYBE_PAID
    match row.status:
        case WithdrawalStatus.APPROVED:
            await _back_to_staff(session, row, reason=MAYBE_PAID, now=now)
        case WithdrawalStatus.DEAD if not told or row.retry_at is not None:
            await _back_to_staff(session, row, reason=MAYBE_PAID, now=now)
        case WithdrawalStatus.IN_REVIEW:
            void = await session.scalars(
                delete(ApprovalRow)
                .where(ApprovalRow.withdrawal_id == row.id)
                .returning(ApprovalRow.member_id)
            )
            if void.all() or not told:
                row.reason = MAYBE_PAID
                await tell_staff(session, row, kind="withdrawal.review")
    await session.flush()


async def maybe_paid(session: AsyncSession, row: WithdrawalRow) -> bool:
    """Whether something that left without us, and that nobody has settled, may have paid it."""
    return await foreign_sends.may_have_paid(
        session,
        account=(await get_rail(session, row.rail)).address,
        paid=SentPayment(row.rail, row.destination, row.units - row.fee_units),
        since=row.requested_at,
    )


async def _back_to_staff(
    session: AsyncSession, row: WithdrawalRow, *, reason: str, now: datetime
) -> None:
    if row.status == WithdrawalStatus.DEAD:
        row.retry_at = None
        row.reason = MAYBE_PAID if reason == MAYBE_PAID else row.reason
        await tell_staff(session, row, kind="withdrawal.dead", attempts=row.attempts)
        return
    await move(session, row, WithdrawalStatus.IN_REVIEW, reason=reason, now=now)
    row.order_text = row.order_signature = row.order_expires_at = row.decided_at = None
    # Both people have to look again; the history keeps that they once agreed.
    await session.execute(delete(ApprovalRow).where(ApprovalRow.withdrawal_id == row.id))
    await tell_staff(session, row, kind="withdrawal.review")
