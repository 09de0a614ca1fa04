"""About how long until a deposit is final, by the pace at which its chain made its last blocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier import blocks
from casino.cashier.chain_tables import ChainBlockRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

PACE_BLOCKS = 12
"""Over so many of the last blocks the pace is taken: one slow block says little."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far a chain is final, and how long one of its blocks takes lately."""

    final_height: int
    block_time: timedelta

    def until(self, height: int) -> timedelta:
        """About how long until a block is final: on chains that finalise in steps it may be a step
        more or less."""
        return self.block_time * max(0, height - self.final_height)


async def outlook(session: AsyncSession, *, chain: str) -> Outlook | None:
    """What to expect of a chain that is followed block by block; None where too little was read,
    or following it has halted."""
    place = await blocks.read_place(session, chain=chain)
    if place is None or place.halted is not None:
        return None
    below = await session.scalar(
        select(ChainBlockRow)
        .where(
            ChainBlockRow.chain == chain,
            ChainBlockRow.height >= place.top.height - PACE_BLOCKS,
            ChainBlockRow.height < place.top.height,
        )
        .order_by(ChainBlockRow.height)
        .limit(1)
    )
    if below is None:
        return None
    # Miners set the clocks of their blocks: a younger block may claim to be the older one.
    spent = max(timedelta(0), place.top.at - below.at)
    return Outlook(place.final_height, spent / (place.top.height - below.height))
