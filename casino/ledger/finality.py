"""The part of a player's cash whose deposits could still vanish: raised and lowered by deposits.

No transfer feeds it, since no money moves when a block becomes final. It is proven by the cashier
against the deposits themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.arrays import literals, parameters
from casino.db import driver_connection
from casino.errors import InvariantViolation
from casino.ids import PlayerId
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

_SHIFT = f"""
UPDATE wallets w SET not_final = w.not_final + n.units
FROM unnest({parameters(1, "bigint bigint")}) AS n(player_id, units)
WHERE w.player_id = n.player_id AND w.asset = $3
RETURNING w.player_id
"""  # noqa: S608


async def shift_not_final(
    session: AsyncSession, asset: Asset, shifts: Mapping[PlayerId, int]
) -> None:
    """Add units (below zero: take away) to what locked players may not withdraw yet. The caller
    says once for each deposit that it was credited early and once that this ended, in the
    transaction that notes it on the deposit.

    Raises InvariantViolation for a wallet that does not exist; the database refuses a sum below
    zero."""
    if not shifts:
        return
    connection = await driver_connection(session)
    rows = await connection.fetch(
        _SHIFT, *literals("bigint bigint", list(shifts.items())), asset.code
    )
    if len(rows) != len(shifts):
        missing = sorted(shifts.keys() - {row["player_id"] for row in rows})
        raise InvariantViolation(reason="no wallet to shift", players=missing, asset=asset)


async def not_final_in_wallets(session: AsyncSession) -> Mapping[tuple[PlayerId, Asset], int]:
    """What players may not withdraw yet, where it is not zero, in units."""
    connection = await driver_connection(session)
    rows = await connection.fetch(
        "SELECT player_id, asset, not_final FROM wallets WHERE not_final <> 0"
    )
    return {(PlayerId(player), Asset.from_code(code)): units for player, code, units in rows}
