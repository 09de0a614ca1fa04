"""What the book holds of blocks that are not final: between it and a final block's balances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.cashier import unclaimed
from casino.cashier.crediting import DepositStatus
from casino.cashier.endings import WAITING
from casino.cashier.payout_tables import PayoutRow
from casino.cashier.tables import DepositRow, UnclaimedRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

BOOKED = (DepositStatus.CREDITED, DepositStatus.HELD)


async def booked_early(session: AsyncSession, *, rail: str, final_height: int) -> int | None:
    """Units of deposits that are in the book and not final; None while one that is final waits to
    be booked."""
    waiting = await session.scalar(
        select(func.count())
        .select_from(DepositRow)
        .where(
            DepositRow.rail == rail,
            DepositRow.final_at.is_(None),
            DepositRow.status.in_(WAITING),
            DepositRow.block_hash != "",
            DepositRow.block <= final_height,
        )
    )
    nobodys = await session.scalar(
        select(func.count())
        .select_from(UnclaimedRow)
        .where(
            UnclaimedRow.rail == rail,
            UnclaimedRow.status == unclaimed.SEEN,
            UnclaimedRow.block_hash != "",
            UnclaimedRow.block <= final_height,
        )
    )
    if waiting or nobodys:
        return None
    early = await session.scalar(
        select(func.coalesce(func.sum(DepositRow.units), 0)).where(
            DepositRow.rail == rail,
            DepositRow.final_at.is_(None),
            DepositRow.status.in_(BOOKED),
        )
    )
    return int(early or 0)


async def sending_accounts(session: AsyncSession, *, rail: str) -> Sequence[str]:
    """Every account that was ever given a payout of the rail: a wallet of earlier keys may still
    hold coins."""
    found = await session.scalars(
        select(PayoutRow.account)
        .where(PayoutRow.rail == rail)
        .distinct()
        .order_by(PayoutRow.account)
    )
    return found.all()
