"""Plans the move of what the hot wallet on TON holds above a threshold to cold storage, of coins
and of jettons alike. Payments come first, and what they need stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from casino.cashier import claiming, thresholds
from casino.cashier.moves import MoveIntent, MoveKind
from casino.cashier.rails import TON
from casino.clock import utc_now
from payments.desks.highload import CREATED_BEFORE

if TYPE_CHECKING:
    from datetime import timedelta

    from payments.desks.hot_account import HotAccount

log = structlog.get_logger(__name__)


async def plan_cold(hot: HotAccount, *, units: int, carriage: int, timeout: timedelta) -> bool:
    """Claim a move if one is due and nothing else is under way: what the node says (`units` of the
    rail) and what was compared with the book last are then all there. `carriage` is what moving
    takes in coins."""
    state, now = hot.state, utc_now()
    if state is None:
        return False
    created_at = state.at - CREATED_BEFORE
    async with hot.database.transaction() as session:
        free = await hot.free_coins(session)
        compared = await thresholds.level(session, rail=hot.rail)
        if free is None or compared is None or await hot.under_way(session):
            return False
        there = min(units, compared.units)
        wanted = await thresholds.excess(session, rail=hot.rail, units=there, now=now)
        if wanted is None:
            return False
        if free < carriage + (wanted.units if hot.rail == TON else 0):
            log.warning("cold.low_fuel", free=free)
            return False
        move = await claiming.claim_move(
            session,
            rail=hot.rail,
            account=hot.text,
            intent=MoveIntent(MoveKind.COLD, hot.text, wanted.cold_address, wanted.units),
            numbering=claiming.next_query_id,
            created_at=created_at,
            expires_at=created_at + timeout,
            now=now,
            plan={},
        )
        if move is None:
            return False
        await thresholds.asked(session, rail=hot.rail)
    log.info("cold.claimed", payout_id=move.id, rail=hot.rail, units=wanted.units)
    return True
