"""How a deposit that its chain has confirmed ends: credited, held, or too small for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier import crediting
from casino.cashier.crediting import DepositStatus
from casino.cashier.tables import DepositRow
from casino.ledger.chart import Account, hot_wallet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail

WAITING = (DepositStatus.SEEN, DepositStatus.CONFIRMING)


async def lock_rows(
    session: AsyncSession, ids: Sequence[int], *statuses: DepositStatus
) -> Sequence[DepositRow]:
    """Lock these deposits and read them again: only those still in one of `statuses`."""
    if not ids:
        return []
    return (
        await session.scalars(
            select(DepositRow)
            .where(DepositRow.id.in_(ids), DepositRow.status.in_(statuses))
            .order_by(DepositRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).all()


async def finish(
    session: AsyncSession, row: DepositRow, rail: Rail, now: datetime, *, final: bool = True
) -> None:
    """Credit or hold a confirmed deposit; too small ones, which have to be final, wait until
    together they are enough. The player is locked."""
    if row.units >= rail.deposit_min:
        source = hot_wallet(rail.name)
        await crediting.credit_or_hold(session, row, rail, source=source, final=final, now=now)
        return
    await crediting.book_unclaimed(
        session,
        rail=rail,
        business_key=row.business_key,
        units=row.units,
        subject_id=row.id,
        now=now,
    )
    row.final_at = now
    await crediting.move(session, row, DepositStatus.BELOW_MINIMUM, now=now)
    small = (
        await session.scalars(
            select(DepositRow)
            .where(
                DepositRow.player_id == row.player_id,
                DepositRow.rail == rail.name,
                DepositRow.status == DepositStatus.BELOW_MINIMUM,
            )
            .order_by(DepositRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).all()
    if sum(each.units for each in small) < rail.deposit_min:
        await crediting.tell_player(session, row, rail, kind="deposit.below_minimum")
        return
    for each in small:
        await crediting.credit_or_hold(session, each, rail, source=Account.HOUSE_UNCLAIMED, now=now)
