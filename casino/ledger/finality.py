"""The part of a player's cash whose deposits could still vanish: raised and lowered by deposits.

No transfer feeds it, since no money moves when a block becomes final. It is proven by the cashier
against the deposits themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.db import driver_connection
from casino.errors import InvariantViolation
from casino.ids import PlayerId
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

_SHIFT = """
UPDATE wallets SET not_final = not_final + $3 WHERE player_id = $1 AND asset = $2
RETURNING not_final
"""


async def shift_not_final(
    session: AsyncSession, *, player_id: PlayerId, asset: Asset, units: int
) -> int:
    """Add `units` (below zero: take away) to what a locked player may not withdraw yet; returns
    what it is now. The caller says once for each deposit that it was credited early and once
    that this ended, in the transaction that notes it on the deposit.

    Raises InvariantViolation for a wallet that does not exist; the database refuses a sum below
    zero."""
    connection = await driver_connection(session)
    now: int | None = await connection.fetchval(_SHIFT, player_id, asset.code, units)
    if now is None:
        raise InvariantViolation(reason="no wallet to shift", player=player_id, asset=asset)
    return now


async def not_final_in_wallets(session: AsyncSession) -> Mapping[tuple[PlayerId, Asset], int]:
    """What players may not withdraw yet, where it is not zero, in units."""
    connection = await driver_connection(session)
    rows = await connection.fetch(
        "SELECT player_id, asset, not_final FROM wallets WHERE not_final <> 0"
    )
    return {(PlayerId(player), Asset.from_code(code)): units for player, code, units in rows}
