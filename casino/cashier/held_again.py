"""A held deposit whose return was not paid, or not all of it: it is held again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.cashier import crediting
from casino.cashier.crediting import DepositStatus
from casino.cashier.deposit_news import DepositNews
from casino.cashier.rails import get_rail
from casino.cashier.tables import DepositRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def hold(session: AsyncSession, *, deposit_id: int, actor: str, now: datetime) -> None:
    """Hold a deposit again whose return came to nothing, and tell staff; its player is locked. The
    money is the caller's business. Raises IllegalMove for one that was not being returned."""
    row = await _lock(session, deposit_id)
    await crediting.move(session, row, DepositStatus.HELD, actor=actor, reason=row.reason, now=now)
    news = DepositNews(await get_rail(session, row.rail))
    news.staff(row, kind="deposit.held", reason=row.reason)
    await news.write(session)


async def hold_rest(
    session: AsyncSession, *, deposit_id: int, withdrawal_id: int, units: int, now: datetime
) -> None:
    """Hold `units` of a return that was paid without them as a deposit of their own: of the same
    coins, sender and reason, so that they can be released or sent back in their turn. The player is
    locked, the money is the caller's business."""
    whole = await _lock(session, deposit_id)
    rail = await get_rail(session, whole.rail)
    rest = crediting.new_deposit(
        player_id=whole.player_id,
        rail=rail,
        business_key=f"return:{withdrawal_id}",
        account=whole.account,
        now=now,
    )
    rest.units, rest.tx_hash, rest.sender = units, whole.tx_hash, whole.sender
    rest.block, rest.block_hash, rest.sent_at = whole.block, whole.block_hash, whole.sent_at
    rest.confirmations, rest.final_at = whole.confirmations, whole.final_at
    await crediting.move(session, rest, DepositStatus.SEEN, now=now)
    await crediting.move(session, rest, DepositStatus.HELD, reason=whole.reason, now=now)
    news = DepositNews(rail)
    news.player(rest, kind="deposit.held", reason=rest.reason)
    news.staff(rest, kind="deposit.held", reason=rest.reason)
    await news.write(session)


async def _lock(session: AsyncSession, deposit_id: int) -> DepositRow:
    return await session.get_one(
        DepositRow, deposit_id, with_for_update=True, populate_existing=True
    )
