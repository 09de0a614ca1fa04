"""Smallest and largest stakes: a table with history, and the values a new house starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from casino import audit
from casino.betting.state import StakeRange
from casino.betting.tables import GameTermsRow
from casino.errors import BadAmount
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

# The smallest stake keeps one unit under a ten-thousandth of any payout, so rounding down never
# takes a measurable part of the return.
DEFAULTS: dict[tuple[str, Asset], StakeRange] = {
    ("dice", Asset.TON): StakeRange(10_000_000, 100_000_000_000),
    ("dice", Asset.USDT): StakeRange(20_000, 500_000_000),
    ("dice", Asset.BTC): StakeRange(20_000, 500_000_000),
    ("mines", Asset.TON): StakeRange(10_000_000, 50_000_000_000),
    ("mines", Asset.USDT): StakeRange(20_000, 250_000_000),
    ("mines", Asset.BTC): StakeRange(20_000, 250_000_000),
}


async def stakes(session: AsyncSession) -> Mapping[tuple[str, Asset], StakeRange]:
    """What is in force, by game and asset."""
    rows = await session.scalars(
        select(GameTermsRow)
        .ext(distinct_on(GameTermsRow.game, GameTermsRow.asset))
        .order_by(GameTermsRow.game, GameTermsRow.asset, GameTermsRow.id.desc())
    )
    return {
        (row.game, Asset.from_code(row.asset)): StakeRange(row.stake_min, row.stake_max)
        for row in rows
    }


async def set_stakes(
    session: AsyncSession,
    *,
    game: str,
    asset: Asset,
    stakes: StakeRange,
    actor: str,
    now: datetime,
) -> None:
    """Put new stakes in force; raises BadAmount for an empty range."""
    if not 0 < stakes.low <= stakes.high:
        raise BadAmount(low=stakes.low, high=stakes.high)
    session.add(
        GameTermsRow(
            game=game,
            asset=asset.code,
            stake_min=stakes.low,
            stake_max=stakes.high,
            actor=actor,
            since=now,
        )
    )
    await audit.append(
        session,
        actor=actor,
        action="game.stakes_set",
        subject=f"game:{game}:{asset}",
        after={"low": stakes.low, "high": stakes.high},
        now=now,
    )
