"""Nonces that an account of ours has used: which of them no payout explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino.cashier.payout_tables import NonceMarkRow, PayoutRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def unexplained(session: AsyncSession, *, account: str, used: int) -> Sequence[int]:
    """The nonces below `used` that were not looked at yet and that no payout was given, rising.

    An account that was never looked at is looked at from its first nonce: a memory that is older
    than the chain must find out."""
    mark = await session.scalar(select(NonceMarkRow.upto).where(NonceMarkRow.account == account))
    first = mark or 0
    known = set(
        await session.scalars(
            select(PayoutRow.replay_number).where(
                PayoutRow.account == account,
                PayoutRow.expires_at.is_(None),
                PayoutRow.replay_number >= first,
                PayoutRow.replay_number < used,
            )
        )
    )
    return [nonce for nonce in range(first, used) if nonce not in known]


async def looked_at(session: AsyncSession, *, account: str, upto: int, now: datetime) -> None:
    """Say that every nonce below `upto` is explained or noted; never goes back."""
    mark = insert(NonceMarkRow).values(account=account, upto=upto, moved_at=now)
    await session.execute(
        mark.on_conflict_do_update(
            index_elements=[NonceMarkRow.account],
            set_={"upto": upto, "moved_at": now},
            where=NonceMarkRow.upto < upto,
        )
    )
