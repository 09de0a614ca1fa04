"""Accounts behind our addresses: a jetton wallet for its owner; and which of them are frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from casino import outbox
from casino.cashier.chain_tables import ChainAccountRow
from casino.errors import IdempotencyConflict
from casino.ledger.chart import hot_wallet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

PARAMETERS_MAX = 1000
ACCOUNTS_TOLD = 5


async def read_located(session: AsyncSession, *, chain: str) -> Mapping[str, str]:
    """The account of every owner that was located so far."""
    rows = await session.execute(
        select(ChainAccountRow.owner, ChainAccountRow.account).where(ChainAccountRow.chain == chain)
    )
    return {row.owner: row.account for row in rows}


async def remember(
    session: AsyncSession, *, chain: str, found: Mapping[str, str], now: datetime
) -> None:
    """Keep which account each owner has. Raises IdempotencyConflict when the chain once told
    another one: then somebody answers for it who must not be believed."""
    known = await read_located(session, chain=chain)
    for owner, account in found.items():
        if known.get(owner, account) != account:
            raise IdempotencyConflict(reference=f"{chain}:{owner}")
    fresh = [
        {"chain": chain, "owner": owner, "account": account, "located_at": now}
        for owner, account in found.items()
        if owner not in known
    ]
    for at in range(0, len(fresh), PARAMETERS_MAX):
        # Another process may have located the same one meanwhile; the keys see to it being equal.
        part = fresh[at : at + PARAMETERS_MAX]
        await session.execute(insert(ChainAccountRow).values(part).on_conflict_do_nothing())


async def note_frozen(
    session: AsyncSession,
    *,
    chain: str,
    rail: str,
    frozen: Collection[str],
    alive: Collection[str],
    now: datetime,
) -> bool:
    """Write down which accounts are closed for unpaid rent and which are not, and tell staff of
    what changed, in one message for all of them. Returns whether anything did."""
    rows = await session.execute(
        select(ChainAccountRow.account).where(
            ChainAccountRow.chain == chain, ChainAccountRow.frozen_at.is_not(None)
        )
    )
    known = set(rows.scalars())
    closed, opened = set(frozen) - known, known & set(alive)
    for accounts, moment in ((closed, now), (opened, None)):
        await session.execute(
            update(ChainAccountRow)
            .where(ChainAccountRow.chain == chain, ChainAccountRow.account.in_(accounts))
            .values(frozen_at=moment)
        )
        if accounts:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=hot_wallet(rail),
                kind="alert.accounts_frozen" if moment else "alert.accounts_thawed",
                payload={
                    "rail": rail,
                    "count": len(accounts),
                    "accounts": sorted(accounts)[:ACCOUNTS_TOLD],
                },
            )
    return bool(closed or opened)
