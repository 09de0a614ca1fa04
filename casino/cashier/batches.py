"""Payouts as they are read and locked: what leaves an account under one replay key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from casino.cashier.payout_tables import (
    MoveRow,
    PayoutAttemptRow,
    PayoutMemberRow,
    PayoutRow,
    ReservedCoinRow,
)
from casino.cashier.tables import WithdrawalRow
from casino.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
class Attempt:
    """One version of a payout's bytes; `tx_hash` is by what the chain knows it. `plan` is what
    the sender chose for it: fees, inputs, whatever the chain's signer asks for."""

    number: int
    plan: Mapping[str, object]
    planned_at: datetime
    signed: bytes | None
    tx_hash: str | None
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Move:
    """A move of our own coins; `units` are what was expected to move when it was planned."""

    payout_id: int
    rail: str
    kind: str
    source: str
    destination: str
    units: int
    status: str
    tx_hash: str | None
    proof: str | None


@dataclass(frozen=True, slots=True)
class Payout:
    """A batch of payments, or a move of our own. `created_at` and `expires_at` are chain time and
    stand in what is signed where it runs out; `expires_at` is None where it never does."""

    id: int
    rail: str
    account: str
    replay_number: int
    created_at: datetime
    expires_at: datetime | None
    since_height: int | None
    claimed_at: datetime
    broadcast_at: datetime | None
    seen_at: datetime | None
    closed_at: datetime | None
    attempts: tuple[Attempt, ...]
    members: tuple[PayoutMember, ...]
    move: Move | None

    @property
    def unsigned(self) -> Attempt | None:
        """The version that waits for its signature."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.signed is None else None

    @property
    def newest(self) -> Attempt | None:
        """The newest signed version: the one that is worth sending."""
        return next((one for one in reversed(self.attempts) if one.signed is not None), None)

    @property
    def signed(self) -> bytes | None:
        """The bytes of the newest signed version."""
        return self.newest.signed if self.newest else None

    @property
    def timeout_seconds(self) -> int:
        """How long the signed bytes can be executed after `created_at`; 0 where they always can."""
        if self.expires_at is None:
            return 0
        return (self.expires_at - self.created_at) // timedelta(seconds=1)


async def get_payout(session: AsyncSession, *, payout_id: int) -> Payout:
    """One payout with its members; raises NotFound."""
    row = await session.get(PayoutRow, payout_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="payout", key=payout_id)
    return await _read(session, row)


async def open_payouts(session: AsyncSession, *, rail: str) -> Sequence[Payout]:
    """Payouts of which something has neither happened nor died, the oldest first."""
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


async def close(session: AsyncSession, row: PayoutRow, *, now: datetime) -> None:
    """Nothing of this payout is open any more; coins that it held back are free, where they were
    not spent. The caller holds the row's lock."""
    row.closed_at = now
    await session.execute(
        update(ReservedCoinRow)
        .where(ReservedCoinRow.payout_id == row.id, ReservedCoinRow.released_at.is_(None))
        .values(released_at=now)
    )
    await session.flush()


async def _read(session: AsyncSession, row: PayoutRow) -> Payout:
    members = await session.execute(
        select(PayoutMemberRow, WithdrawalRow)
        .join(WithdrawalRow, WithdrawalRow.id == PayoutMemberRow.withdrawal_id)
        .where(PayoutMemberRow.payout_id == row.id)
        .order_by(PayoutMemberRow.position)
        .execution_options(populate_existing=True)
    )
    attempts = await session.scalars(
        select(PayoutAttemptRow)
        .where(PayoutAttemptRow.payout_id == row.id)
        .order_by(PayoutAttemptRow.number)
        .execution_options(populate_existing=True)
    )
    move = await session.get(MoveRow, row.id, populate_existing=True)
    return Payout(
        id=row.id,
        rail=row.rail,
        account=row.account,
        replay_number=row.replay_number,
        created_at=row.created_at,
        expires_at=row.expires_at,
        since_height=row.since_height,
        claimed_at=row.claimed_at,
        broadcast_at=row.broadcast_at,
        seen_at=row.seen_at,
        closed_at=row.closed_at,
        attempts=tuple(_attempt(attempt) for attempt in attempts),
        members=tuple(_member(member, withdrawal) for member, withdrawal in members),
        move=None if move is None else move_view(move),
    )


def _attempt(row: PayoutAttemptRow) -> Attempt:
    return Attempt(
        number=row.number,
        plan=row.plan,
        planned_at=row.planned_at,
        signed=row.signed,
        tx_hash=row.tx_hash,
        signed_at=row.signed_at,
    )


def move_view(row: MoveRow) -> Move:
    """The value behind a row."""
    return Move(
        payout_id=row.payout_id,
        rail=row.rail,
        kind=row.kind,
        source=row.source,
        destination=row.destination,
        units=row.units,
        status=row.status,
        tx_hash=row.tx_hash,
        proof=row.proof,
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
