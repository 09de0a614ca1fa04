"""Exchange rates into the reference currency, as rationals with an id and an age."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, SmallInteger, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base
from casino.errors import RateStale
from casino.exchange import USABLE_FOR, Rate
from casino.money import Asset

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
