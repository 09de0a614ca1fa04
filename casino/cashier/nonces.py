"""Nonces that an account of ours has used: which of them no payout explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino.cashier.payout_tables import NonceMarkRow, PayoutRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

AT_ONCE = 1_000
"""How many nonces are looked at in one go."""


@dataclass(frozen=True, slots=True)
class Look:
    """The nonces below `upto` that no payout was given, rising; where `upto` is below what was
    asked for, the rest has its turn at the next look."""

    strange: Sequence[int]
    upto: int


async def unexplained(session: AsyncSession, *, account: str, used: int) -> Look:
    """Look at the nonces below `used` that were not looked at yet.

    An account that was never looked at is looked at from its first nonce: a memory that is older
    than the chain must find out."""
    mark = await session.scalar(select(NonceMarkRow.upto).where(NonceMarkRow.account == account))
    first = mark or 0
    upto = min(used, first + AT_ONCE)
    known = set(
        await session.scalars(
            select(PayoutRow.replay_number).where(
                PayoutRow.account == account,
                PayoutRow.expires_at.is_(None),
                PayoutRow.replay_number >= first,
                PayoutRow.replay_number < upto,
            )
        )
    )
    return Look([nonce for nonce in range(first, upto) if nonce not in known], upto)


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
