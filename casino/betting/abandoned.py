"""Rounds of several steps that nobody came back to: ended as the player himself could have."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from casino.betting.tables import RoundRow
from casino.clock import utc_now
from casino.errors import RoundClosed
from casino.ids import PlayerId, RoundId

if TYPE_CHECKING:
    from casino.betting.floor import GamingFloor
    from casino.db import Database

log = structlog.get_logger(__name__)

ABANDONED_AFTER = timedelta(hours=24)
LOOK_EVERY_SECONDS = 600
AT_ONCE = 100


async def keep_closing(database: Database, floor: GamingFloor) -> None:
    """Close what was abandoned, every ten minutes, until cancelled."""
    while True:
        await close_abandoned(database, floor, now=utc_now())
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def close_abandoned(database: Database, floor: GamingFloor, *, now: datetime) -> int:
    """Cash out every round that was opened more than 24 hours ago and tell its player; returns
    how many were closed. With no step made the stake returns; otherwise what was reached is paid.
    """
    closed, after = 0, 0
    while True:
        async with database.transaction() as session:
            page = (
                await session.execute(
                    select(RoundRow.id, RoundRow.player_id)
                    .where(
                        RoundRow.status == "open",
                        RoundRow.opened_at < now - ABANDONED_AFTER,
                        RoundRow.id > after,
                    )
                    .order_by(RoundRow.id)
                    .limit(AT_ONCE)
                )
            ).all()
        for round_id, player_id in page:
            closed += await _close(floor, RoundId(round_id), PlayerId(player_id))
            after = round_id
        if len(page) < AT_ONCE:
            return closed


async def _close(floor: GamingFloor, round_id: RoundId, player_id: PlayerId) -> int:
    try:
        await floor.cash_out(
            player_id=player_id,
            round_id=round_id,
            reference=floor.new_reference(),
            abandoned=True,
        )
    except RoundClosed:
        return 0  # the player, or another process, was faster
    log.info("round.abandoned", round_id=round_id, player_id=player_id)
    return 1
