"""The replay numbers that an account of ours was given; whoever takes the next one locks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from casino.cashier.payout_tables import AccountNumberRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def last(session: AsyncSession, *, account: str) -> int:
    """The last one; -1 before the first."""
    row = await session.get(AccountNumberRow, account, populate_existing=True)
    return -1 if row is None else row.last


async def lock(session: AsyncSession, *, account: str) -> AccountNumberRow:
    """Wait for one's turn with an account: until the end of the transaction nobody else claims
    anything for it."""
    await session.execute(
        insert(AccountNumberRow).values(account=account, last=-1).on_conflict_do_nothing()
    )
    return await session.get_one(
        AccountNumberRow, account, with_for_update=True, populate_existing=True
    )
