"""What gas costs in the rail's own asset, by the rates that the house keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino import rates
from casino.cashier.fuel import FUELS, PARTS
from casino.cashier.rails import get_rail
from casino.errors import RateStale

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def in_rail_units(session: AsyncSession, *, rail: str, wei: int, now: datetime) -> int | None:
    """So much gas in units of the rail's asset, rounded up; None without usable rates of both."""
    offered = await get_rail(session, rail)
    quoted = await rates.latest(session)
    try:
        fuel = rates.require_usable(quoted, FUELS[rail].asset, now=now)
        token = rates.require_usable(quoted, offered.asset, now=now)
    except RateStale:
        return None
    worth = wei * fuel.numerator * token.denominator
    return -(-worth // (PARTS * fuel.denominator * token.numerator))
