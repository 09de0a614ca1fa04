"""Changes of an account after which a withdrawal to a new address should wait."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.players.tables import AccountChangeRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


class Change(StrEnum):
    """What changed."""

    VERIFIED_AGAIN = "verified_again"
    """A verified player was verified to a higher level, which raises what can be taken out."""
    UNBLOCKED = "unblocked"
    """Staff opened a blocked account again, on somebody's word that he is its owner."""


async def note(session: AsyncSession, *, player_id: int, change: Change, now: datetime) -> None:
    """Write a change down; the caller holds the player's lock."""
    session.add(AccountChangeRow(player_id=player_id, kind=change.value, at=now))
    await session.flush()


async def latest(session: AsyncSession, *, player_id: int) -> datetime | None:
    """When the account last changed; None if it never did."""
    return await session.scalar(
        select(func.max(AccountChangeRow.at)).where(AccountChangeRow.player_id == player_id)
    )
