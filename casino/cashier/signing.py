"""The signer's side of payouts: what to sign, and its journal, which remembers what it signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from casino.cashier import moves
from casino.cashier.batches import (
    DEAD,
    Payout,
    PayoutMember,
    get_payout,
    lock_members,
    lock_payout,
)
from casino.cashier.moves import MoveStatus
from casino.cashier.payout_tables import (
    PayoutAttemptRow,
    PayoutMemberRow,
    PayoutRow,
    SignedOrderRow,
    SignerSpendRow,
)
from casino.cashier.withdrawal_states import WithdrawalStatus, move
from casino.errors import IdempotencyConflict, IllegalMove

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def unsigned_payouts(session: AsyncSession, *, rail: str) -> Sequence[Payout]:
    """Payouts of which a version waits for its signature, the oldest first."""
    ids = await session.scalars(
        select(PayoutRow.id)
        .join(PayoutAttemptRow, PayoutAttemptRow.payout_id == PayoutRow.id)
        .where(
            PayoutRow.rail == rail,
            PayoutAttemptRow.signed.is_(None),
            PayoutRow.closed_at.is_(None),
        )
        .order_by(PayoutRow.id)
    )
    return [await get_payout(session, payout_id=payout_id) for payout_id in ids.all()]


async def store_signed(
    session: AsyncSession,
    *,
    payout_id: int,
    signed: bytes,
    tx_hash: str,
    now: datetime,
    number: int = 1,
    pays: bool = True,
) -> Payout:
    """Keep the signed bytes of version `number` before anybody may send them, and write the
    orders into the journal; `pays` is False for a version that only takes the replay key away.

    The same bytes again change nothing; other bytes raise IdempotencyConflict. So does an order
    that was signed in another payout which is not proven dead. Raises IllegalMove when the version
    or a member is not waiting for a signature (any more).
    """
    row = await lock_payout(session, payout_id)
    attempt = await session.get(
        PayoutAttemptRow, (payout_id, number), with_for_update=True, populate_existing=True
    )
    if attempt is not None and attempt.signed is not None:
        if attempt.signed != signed:
            raise IdempotencyConflict(reference=f"{payout_id}/{number}")
        return await get_payout(session, payout_id=payout_id)
    withdrawals = await lock_members(session, payout_id=payout_id)
    payout = await get_payout(session, payout_id=payout_id)
    if attempt is None or row.closed_at is not None or len(withdrawals) != len(payout.members):
        raise IllegalMove(thing="payout", current="closed", wanted="signed")
    for member in payout.members if pays else ():
        await _journal(session, payout_id, member, now)
    for withdrawal in withdrawals:
        if withdrawal.status == WithdrawalStatus.ASSIGNED:
            await move(session, withdrawal, WithdrawalStatus.SIGNED, now=now)
    if payout.move is not None and payout.move.status == MoveStatus.ASSIGNED:
        await moves.advance(session, payout_id=payout_id, to=MoveStatus.SIGNED, now=now)
    attempt.signed, attempt.tx_hash, attempt.signed_at = signed, tx_hash, now
    await session.flush()
    return await get_payout(session, payout_id=payout_id)


async def signed_units(session: AsyncSession, *, rail: str, since: datetime) -> int:
    """What was signed on a rail since a moment, for the signer's own ceilings."""
    total = await session.scalar(
        select(func.coalesce(func.sum(SignedOrderRow.units), 0))
        .join(PayoutRow, PayoutRow.id == SignedOrderRow.payout_id)
        .where(PayoutRow.rail == rail, SignedOrderRow.at >= since)
    )
    return int(total or 0)


async def spent_units(session: AsyncSession, *, budget: str, since: datetime) -> int:
    """What the signer has promised under a budget after a moment. Whoever asks has his turn with
    the budget until his transaction ends: two rails may share one."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(
            key=f"signer_budget:{budget}"
        )
    )
    total = await session.scalar(
        select(func.coalesce(func.sum(SignerSpendRow.units), 0)).where(
            SignerSpendRow.budget == budget, SignerSpendRow.at > since
        )
    )
    return int(total or 0)


async def journal_spend(
    session: AsyncSession,
    *,
    payout_id: int,
    number: int,
    budget: str,
    units: int,
    now: datetime,
) -> None:
    """Write down what a version promises under a budget, in the transaction that stores its bytes;
    nothing is nothing."""
    if units:
        session.add(
            SignerSpendRow(payout_id=payout_id, number=number, budget=budget, units=units, at=now)
        )
        await session.flush()


async def _journal(
    session: AsyncSession, payout_id: int, member: PayoutMember, now: datetime
) -> None:
    alive = await session.scalar(
        select(SignedOrderRow.payout_id)
        .join(
            PayoutMemberRow,
            (PayoutMemberRow.payout_id == SignedOrderRow.payout_id)
            & (PayoutMemberRow.withdrawal_id == SignedOrderRow.withdrawal_id),
        )
        .where(
            SignedOrderRow.withdrawal_id == member.withdrawal_id,
            PayoutMemberRow.outcome != DEAD,
        )
        .limit(1)
    )
    if alive == payout_id:
        return
    if alive is not None:
        raise IdempotencyConflict(reference=str(member.withdrawal_id))
    session.add(
        SignedOrderRow(
            withdrawal_id=member.withdrawal_id,
            payout_id=payout_id,
            digest=hashlib.sha256(member.order_text.encode()).digest(),
            units=member.units,
            at=now,
        )
    )
    await session.flush()
