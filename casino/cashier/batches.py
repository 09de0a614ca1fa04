"""Payouts as they are read and locked: a batch of payments under one replay key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier.tables import PayoutMemberRow, PayoutRow, WithdrawalRow
from casino.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

PENDING = "pending"
PAID = "paid"
DEAD = "dead"


@dataclass(frozen=True, slots=True)
class PayoutMember:
    """One payment: `units` is the net amount. The order and its signature are the approvers', as
    they are stored: whoever relies on them reads and verifies them, one payout at a time, so that
    a spoilt one stops nobody else's."""

    withdrawal_id: int
    units: int
    destination: str
    memo: str
    order_text: str
    signature: bytes
    outcome: str
    tx_hash: str | None


@dataclass(frozen=True, slots=True)
class Payout:
    """A batch. `created_at` and `expires_at` are chain time and part of what is signed."""

    id: int
    rail: str
    account: str
    query_id: int
    created_at: datetime
    expires_at: datetime
    signed: bytes | None
    message_hash: str | None
    signed_at: datetime | None
    broadcast_at: datetime | None
    seen_at: datetime | None
    closed_at: datetime | None
    members: tuple[PayoutMember, ...]

    @property
    def timeout_seconds(self) -> int:
        """How long the signed bytes can be executed after `created_at`."""
        return (self.expires_at - self.created_at) // timedelta(seconds=1)


async def get_payout(session: AsyncSession, *, payout_id: int) -> Payout:
    """One payout with its members; raises NotFound."""
    row = await session.get(PayoutRow, payout_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="payout", key=payout_id)
    return await _read(session, row)


async def open_payouts(session: AsyncSession, *, rail: str) -> Sequence[Payout]:
    """Payouts of which some member is neither paid nor dead, the oldest first."""
    rows = await session.scalars(
        select(PayoutRow)
        .where(PayoutRow.rail == rail, PayoutRow.closed_at.is_(None))
        .order_by(PayoutRow.id)
        .execution_options(populate_existing=True)
    )
    return [await _read(session, row) for row in rows.all()]


async def lock_payout(session: AsyncSession, payout_id: int) -> PayoutRow:
    row = await session.get(PayoutRow, payout_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(thing="payout", key=payout_id)
    return row


async def lock_members(session: AsyncSession, *, payout_id: int) -> Sequence[WithdrawalRow]:
    """Lock the withdrawals of a payout that are still open in it, in order of id."""
    open_ids = select(PayoutMemberRow.withdrawal_id).where(
        PayoutMemberRow.payout_id == payout_id, PayoutMemberRow.outcome == PENDING
    )
    return (
        await session.scalars(
            select(WithdrawalRow)
            .where(WithdrawalRow.id.in_(open_ids))
            .order_by(WithdrawalRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).all()


async def _read(session: AsyncSession, row: PayoutRow) -> Payout:
    members = await session.execute(
        select(PayoutMemberRow, WithdrawalRow)
        .join(WithdrawalRow, WithdrawalRow.id == PayoutMemberRow.withdrawal_id)
        .where(PayoutMemberRow.payout_id == row.id)
        .order_by(PayoutMemberRow.position)
        .execution_options(populate_existing=True)
    )
    return Payout(
        id=row.id,
        rail=row.rail,
        account=row.account,
        query_id=row.query_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        signed=row.signed,
        message_hash=row.message_hash,
        signed_at=row.signed_at,
        broadcast_at=row.broadcast_at,
        seen_at=row.seen_at,
        closed_at=row.closed_at,
        members=tuple(_member(member, withdrawal) for member, withdrawal in members),
    )


def _member(member: PayoutMemberRow, row: WithdrawalRow) -> PayoutMember:
    return PayoutMember(
        withdrawal_id=row.id,
        units=row.units - row.fee_units,
        destination=row.destination,
        memo=row.memo,
        order_text=row.order_text or "",
        signature=row.order_signature or b"",
        outcome=member.outcome,
        tx_hash=member.tx_hash,
    )
