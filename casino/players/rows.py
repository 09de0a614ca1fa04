"""The player's own row, read under the lock that every change of a player takes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.errors import NotFound
from casino.ids import PlayerId
from casino.ledger.journal import lock_players
from casino.players.tables import PlayerRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def lock(session: AsyncSession, *, player_id: int) -> PlayerRow:
    """Lock the player, then read him with a fresh snapshot; raises NotFound."""
    await require(session, player_id=player_id)
    await lock_players(session, [PlayerId(player_id)])
    return await require(session, player_id=player_id)


async def require(session: AsyncSession, *, player_id: int) -> PlayerRow:
    """The row as it is now, or NotFound."""
    row = await session.get(PlayerRow, player_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="player", key=player_id)
    return row
