"""Exchange rates into the reference currency, as rationals with an id and an age.

`python -m casino.rates TON 3.02` quotes a rate by hand.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, SmallInteger, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from casino import audit
from casino.clock import utc_now
from casino.config import DatabaseSettings
from casino.db import Base, Database
from casino.errors import BadAmount, RateStale
from casino.exchange import USABLE_FOR, Rate
from casino.money import REFERENCE_CURRENCY, REFERENCE_DECIMALS, Asset, parse_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession


class RateRow(Base):
    """One quotation: `numerator / denominator` reference micro-units for one asset unit."""

    __tablename__ = "rates"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    asset: Mapped[int] = mapped_column(SmallInteger, index=True)
    numerator: Mapped[int] = mapped_column(BigInteger)
    denominator: Mapped[int] = mapped_column(BigInteger)
    quoted_at: Mapped[datetime]


async def latest(session: AsyncSession) -> Mapping[Asset, Rate]:
    """The newest quotation of each asset."""
    rows = await session.scalars(
        select(RateRow).ext(distinct_on(RateRow.asset)).order_by(RateRow.asset, RateRow.id.desc())
    )
    return {
        Asset.from_code(row.asset): Rate(
            row.id, Asset.from_code(row.asset), row.numerator, row.denominator, row.quoted_at
        )
        for row in rows
    }


def require_usable(rates: Mapping[Asset, Rate], asset: Asset, *, now: datetime) -> Rate:
    """The asset's rate, or RateStale when there is none of the last 24 hours."""
    rate = rates.get(asset)
    if rate is None or now - rate.quoted_at > USABLE_FOR:
        raise RateStale(asset=asset)
    return rate


async def quote(
    session: AsyncSession, *, asset: Asset, numerator: int, denominator: int, now: datetime
) -> None:
    """Store a new quotation; older ones stay for the counters that used them."""
    session.add(
        RateRow(asset=asset.code, numerator=numerator, denominator=denominator, quoted_at=now)
    )
    await session.flush()


async def _quote_by_hand(asset: Asset, text: str) -> None:
    numerator = parse_units(text, REFERENCE_DECIMALS)
    database = Database(DatabaseSettings().url)
    try:
        async with database.transaction() as session:
            now = utc_now()
            denominator = 10**asset.decimals
            await quote(session, asset=asset, numerator=numerator, denominator=denominator, now=now)
            await audit.append(
                session,
                actor="system",
                action="rate.quoted",
                subject=f"asset:{asset}",
                after={"numerator": numerator, "denominator": denominator},
                now=now,
            )
    finally:
        await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m casino.rates", description="Quote what one unit of an asset is worth."
    )
    parser.add_argument("asset", choices=[asset.value for asset in Asset])
    parser.add_argument("price", help=f"in {REFERENCE_CURRENCY}, such as 3.02")
    given = parser.parse_args()
    try:
        asyncio.run(_quote_by_hand(Asset(given.asset), given.price))
    except BadAmount:
        parser.error("the price is not a positive decimal number of at most six decimals")
