"""Versions of a payout's bytes: planned by the sender, with the coins that they spend reserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino.cashier.batches import Payout, get_payout, lock_members, lock_payout
from casino.cashier.payout_tables import PayoutAttemptRow, ReservedCoinRow
from casino.errors import IdempotencyConflict, IllegalMove

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def plan(
    session: AsyncSession,
    *,
    payout_id: int,
    plan: Mapping[str, object],
    coins: Collection[str] = (),
    after: int | None = None,
    now: datetime,
) -> Payout:
    """Let the signer make a (further) version of a payout. `coins` are the outpoints that it
    spends, where inputs are what makes two versions exclude each other.

    An unsigned version is replaced: nobody holds bytes of it. `after` is how many versions are
    signed, where the plan was made for just that. Raises IllegalMove for a payout that is over or
    has other versions, IdempotencyConflict for a coin that another payout holds.
    """
    row = await lock_payout(session, payout_id)
    if row.closed_at is not None:
        raise IllegalMove(thing="payout", current="closed", wanted="planned")
    last = await session.scalar(
        select(PayoutAttemptRow)
        .where(PayoutAttemptRow.payout_id == payout_id)
        .order_by(PayoutAttemptRow.number.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    signed = 0 if last is None else last.number - (last.signed is None)
    if after is not None and after != signed:
        raise IllegalMove(thing="payout", current=f"version {signed}", wanted=f"after {after}")
    if last is not None and last.signed is None:
        last.plan, last.planned_at = dict(plan), now
    else:
        number = 1 if last is None else last.number + 1
        session.add(
            PayoutAttemptRow(payout_id=payout_id, number=number, plan=dict(plan), planned_at=now)
        )
    await session.flush()
    for outpoint in coins:
        await _reserve(session, rail=row.rail, payout_id=payout_id, outpoint=outpoint)
    return await get_payout(session, payout_id=payout_id)


async def known(session: AsyncSession, *, tx_hashes: Collection[str]) -> frozenset[str]:
    """Which of these are hashes of bytes that we have signed and stored."""
    if not tx_hashes:
        return frozenset()
    found = await session.scalars(
        select(PayoutAttemptRow.tx_hash).where(PayoutAttemptRow.tx_hash.in_(set(tx_hashes)))
    )
    return frozenset(one for one in found if one is not None)


async def reserved(session: AsyncSession, *, rail: str) -> frozenset[str]:
    """Outpoints that open payouts of a rail are going to spend."""
    found = await session.scalars(
        select(ReservedCoinRow.outpoint).where(
            ReservedCoinRow.rail == rail, ReservedCoinRow.released_at.is_(None)
        )
    )
    return frozenset(found)


async def never_signed(session: AsyncSession, *, payout_id: int) -> bool:
    """Whether no bytes of a payout exist, nor ever will: locks the payout and takes away what
    waits for a signature."""
    await lock_payout(session, payout_id)
    await lock_members(session, payout_id=payout_id)
    rows = (
        await session.scalars(
            select(PayoutAttemptRow)
            .where(PayoutAttemptRow.payout_id == payout_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).all()
    if any(row.signed is not None for row in rows):
        return False
    for row in rows:
        await session.delete(row)
    await session.flush()
    return True


async def _reserve(session: AsyncSession, *, rail: str, payout_id: int, outpoint: str) -> None:
    held = await session.scalar(
        select(ReservedCoinRow.payout_id).where(
            ReservedCoinRow.rail == rail,
            ReservedCoinRow.outpoint == outpoint,
            ReservedCoinRow.released_at.is_(None),
        )
    )
    if held == payout_id:
        return
    if held is None:
        held = await session.scalar(
            insert(ReservedCoinRow)
            .values(payout_id=payout_id, outpoint=outpoint, rail=rail)
            .on_conflict_do_nothing()
            .returning(ReservedCoinRow.payout_id)
        )
    if held != payout_id:
        raise IdempotencyConflict(reference=outpoint)
