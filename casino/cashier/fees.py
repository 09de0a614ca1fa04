"""What a withdrawal costs now: the rail's flat fee, or the network's price within bounds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from casino.cashier.chain_tables import NetworkFeeRow
from casino.cashier.rails import get_rail
from casino.errors import BadAmount
from casino.money import UNITS_MAX

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail

FRESH = timedelta(minutes=15)
FULL_BP = 10_000


async def record_network_fee(
    session: AsyncSession, *, rail: str, units: int, now: datetime
) -> None:
    """Keep what a payment on the rail costs the house now, in units of the rail's own asset,
    however the network counts; a reading older than the one that is kept changes nothing. Raises
    NotFound for an unknown rail, BadAmount for anything but a number of units."""
    await get_rail(session, rail)
    if isinstance(units, bool) or not isinstance(units, int) or not 0 <= units <= UNITS_MAX:
        raise BadAmount(units=units)
    reading = insert(NetworkFeeRow).values(rail=rail, units=units, read_at=now)
    await session.execute(
        reading.on_conflict_do_update(
            index_elements=[NetworkFeeRow.rail],
            set_={"units": units, "read_at": now},
            where=NetworkFeeRow.read_at <= now,
        )
    )


async def withdrawal_fee(session: AsyncSession, *, rail: Rail, now: datetime) -> int:
    """What a withdrawal that is asked for now costs the player, in units; rounded up. What the
    network takes in the end is booked when it is known: the difference is the house's."""
    policy = rail.fee_policy
    if policy is None:
        return rail.withdrawal_fee
    reading = await session.get(NetworkFeeRow, rail.name, populate_existing=True)
    if reading is None or now - reading.read_at > FRESH:
        return rail.withdrawal_fee
    asked = -(-reading.units * policy.multiplier_bp // FULL_BP)
    return min(max(asked, policy.least), policy.most)
