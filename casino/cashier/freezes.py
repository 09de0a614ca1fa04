"""Withdrawals of a player that wait for staff, because a credited deposit of his vanished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import audit
from casino.cashier.chain_tables import WithdrawalFreezeRow
from casino.errors import IllegalMove, WithdrawalsFrozen

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

REVERSED = "deposit_reversed"


async def freeze(session: AsyncSession, *, player_id: int, deposit_id: int, now: datetime) -> None:
    """Stop the player's withdrawals until staff have looked at what happened to a deposit."""
    session.add(
        WithdrawalFreezeRow(
            player_id=player_id, deposit_id=deposit_id, reason=REVERSED, frozen_at=now
        )
    )
    await session.flush()


async def is_frozen(session: AsyncSession, *, player_id: int) -> bool:
    """Whether anything of the kind is open."""
    found = await session.scalar(
        select(WithdrawalFreezeRow.id)
        .where(WithdrawalFreezeRow.player_id == player_id, WithdrawalFreezeRow.lifted_at.is_(None))
        .limit(1)
    )
    return found is not None


def frozen_players() -> Select[int]:
    """The players whose withdrawals are frozen, for the queries of others."""
    return select(WithdrawalFreezeRow.player_id).where(WithdrawalFreezeRow.lifted_at.is_(None))


async def require_free(session: AsyncSession, *, player_id: int) -> None:
    """Raise WithdrawalsFrozen while staff have not decided."""
    if await is_frozen(session, player_id=player_id):
        raise WithdrawalsFrozen


async def lift(session: AsyncSession, *, player_id: int, actor: str, now: datetime) -> int:
    """Let the player withdraw again, audited; returns how many freezes ended. Raises IllegalMove
    when there is none (any more)."""
    rows = (
        await session.scalars(
            select(WithdrawalFreezeRow)
            .where(
                WithdrawalFreezeRow.player_id == player_id,
                WithdrawalFreezeRow.lifted_at.is_(None),
            )
            .order_by(WithdrawalFreezeRow.id)
            .with_for_update()
        )
    ).all()
    if not rows:
        raise IllegalMove(thing="freeze", current="lifted", wanted="lifted")
    for row in rows:
        row.lifted_by, row.lifted_at = actor, now
    await audit.append(
        session,
        actor=actor,
        action="player.withdrawals_unfrozen",
        subject=f"player:{player_id}",
        before={"deposits": [row.deposit_id for row in rows]},
        now=now,
    )
    return len(rows)
