"""The signer's side of payouts: what to sign, and its journal, which remembers what it signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.cashier.batches import (
    DEAD,
    Payout,
    PayoutMember,
    get_payout,
    lock_members,
    lock_payout,
)
from casino.cashier.tables import PayoutMemberRow, PayoutRow, SignedOrderRow
from casino.cashier.withdrawal_states import WithdrawalStatus, move
from casino.errors import IdempotencyConflict, IllegalMove

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def unsigned_payouts(session: AsyncSession, *, rail: str) -> Sequence[Payout]:
    """Payouts that wait for a signature, the oldest first."""
    ids = await session.scalars(
        select(PayoutRow.id)
        .where(PayoutRow.rail == rail, PayoutRow.signed.is_(None), PayoutRow.closed_at.is_(None))
        .order_by(PayoutRow.id)
    )
    return [await get_payout(session, payout_id=payout_id) for payout_id in ids.all()]


async def store_signed(
    session: AsyncSession, *, payout_id: int, boc: bytes, message_hash: str, now: datetime
) -> Payout:
    """Keep the signed bytes before anybody may send them, and write the orders into the journal.

    The same bytes again change nothing; other bytes raise IdempotencyConflict. So does an order
    that was signed in another payout which is not proven dead. Raises IllegalMove when a member
    is not waiting for a signature (any more).
    """
    row = await lock_payout(session, payout_id)
    if row.signed is not None:
        if row.signed != boc:
            raise IdempotencyConflict(reference=str(payout_id))
        return await get_payout(session, payout_id=payout_id)
    withdrawals = await lock_members(session, payout_id=payout_id)
    payout = await get_payout(session, payout_id=payout_id)
    if row.closed_at is not None or len(withdrawals) != len(payout.members):
        raise IllegalMove(thing="payout", current="closed", wanted="signed")
    for member in payout.members:
        await _journal(session, payout_id, member, now)
    for withdrawal in withdrawals:
        await move(session, withdrawal, WithdrawalStatus.SIGNED, now=now)
    row.signed, row.message_hash, row.signed_at = boc, message_hash, now
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
