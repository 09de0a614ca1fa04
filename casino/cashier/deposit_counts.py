"""What players deposited in the running windows, counted from the deposits themselves."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import replace
from sqlalchemy import select

from casino.cashier.crediting import DepositStatus
from casino.cashier.tables import DepositRow
from casino.clock import Window, window_start
from casino.ids import moment_of
from casino.players import facts
from casino.players.rules import Counters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def deposited(
    session: AsyncSession, players: Sequence[int], *, now: datetime
) -> Mapping[int, Counters]:
    """Counters with nothing but what each player was credited, by the rules' own arithmetic; call
    `rolled(now)` on them."""
    since = min(window_start(window, now) for window in Window)
    counted: dict[int, Counters] = defaultdict(lambda: Counters.empty(moment_of(0)))
    rows = await session.execute(
        select(DepositRow.player_id, DepositRow.credited_at, DepositRow.reference_units)
        .where(
            DepositRow.player_id.in_(players),
            DepositRow.status == DepositStatus.CREDITED,
            DepositRow.credited_at >= since,
        )
        .order_by(DepositRow.credited_at, DepositRow.id)
    )
    for player_id, credited_at, reference_units in rows:
        if credited_at is None or reference_units is None:
            continue
        counted[player_id] = counted[player_id].rolled(credited_at).with_deposit(reference_units)
    return counted


async def recount(session: AsyncSession, *, player_id: int, now: datetime) -> None:
    """Set a locked player's deposit counters to what his deposits now come to: one that was taken
    back does not use up his limit."""
    known = await facts.load_one(session, player_id=player_id)
    right = (await deposited(session, [player_id], now=now))[player_id].rolled(now)
    kept = known.counters.rolled(now)
    counters = replace(
        kept,
        day=replace(kept.day, deposited=right.day.deposited),
        week=replace(kept.week, deposited=right.week.deposited),
        month=replace(kept.month, deposited=right.month.deposited),
    )
    await facts.store_counters_of(session, {player_id: counters})
