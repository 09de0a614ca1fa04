"""A player's own limits: shown with what is used, tightened at once, loosened after a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.clock import Window
from casino.errors import BadChoice
from casino.money import require_units
from casino.players import facts, rows, rules
from casino.players.rules import Limit, LimitKind, PlayerFacts
from casino.players.tables import LimitRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

# Every limit that can be set, in the order in which screens show them.
OFFERED = (
    *((LimitKind.DEPOSIT, window) for window in Window),
    *((LimitKind.LOSS, window) for window in Window),
    *((LimitKind.WAGER, window) for window in Window),
    (LimitKind.STAKE, Window.DAY),
)


@dataclass(frozen=True, slots=True)
class LimitView:
    """One limit as screens show it, in reference micro-units; None units mean no limit.

    `pending_at` set says that `pending_units` (None: no limit) holds from then on. `used` may be
    negative for a loss limit of a player who is ahead; `resets_at` is None for a stake limit.
    """

    kind: LimitKind
    window: Window
    units: int | None
    used: int
    pending_units: int | None
    pending_at: datetime | None
    resets_at: datetime | None


async def show(session: AsyncSession, *, player_id: int, now: datetime) -> Sequence[LimitView]:
    """Every limit that can be set, whether it is or not."""
    known = await facts.load_one(session, player_id=player_id)
    return [_view(known, _limit(known, kind, window), now) for kind, window in OFFERED]


async def set_limit(
    session: AsyncSession,
    *,
    player_id: int,
    kind: LimitKind,
    window: Window,
    units: int | None,
    now: datetime,
) -> LimitView:
    """Ask for a limit of `units` reference micro-units, None for no limit.

    A tighter one holds at once, a looser one by itself after 24 hours. Raises BadAmount for an
    amount that is not positive, BadChoice for a stake limit over another window than the day.
    """
    if (kind, window) not in OFFERED:
        raise BadChoice(field="window")
    if units is not None:
        require_units(units)
    await rows.lock(session, player_id=player_id)
    known = await facts.load_one(session, player_id=player_id)
    before = _limit(known, kind, window)
    after = before.changed(units, now=now)
    if after != before:
        await _store(session, player_id=player_id, limit=after, now=now)
        await _record(session, player_id=player_id, before=before, after=after, now=now)
    return _view(known, after, now)


def _limit(known: PlayerFacts, kind: LimitKind, window: Window) -> Limit:
    for limit in known.limits:
        if (limit.kind, limit.window) == (kind, window):
            return limit
    return Limit(kind, window, units=None)


def _view(known: PlayerFacts, limit: Limit, now: datetime) -> LimitView:
    waits = limit.waits(now)
    return LimitView(
        kind=limit.kind,
        window=limit.window,
        units=limit.effective(now),
        used=known.counters.rolled(now).tally(limit.window).used(limit.kind),
        pending_units=limit.pending_units if waits else None,
        pending_at=limit.pending_at if waits else None,
        resets_at=rules.resets_at(limit, now=now),
    )


async def _store(session: AsyncSession, *, player_id: int, limit: Limit, now: datetime) -> None:
    columns = {
        "units": limit.units,
        "pending_units": limit.pending_units,
        "pending_at": limit.pending_at,
        "changed_at": now,
    }
    await session.execute(
        insert(LimitRow)
        .values(player_id=player_id, kind=limit.kind, window=limit.window, **columns)
        .on_conflict_do_update(
            index_elements=[LimitRow.player_id, LimitRow.kind, LimitRow.window], set_=columns
        )
    )


async def _record(
    session: AsyncSession, *, player_id: int, before: Limit, after: Limit, now: datetime
) -> None:
    await audit.append(
        session,
        actor=f"player:{player_id}",
        action="limit.set",
        subject=f"player:{player_id}",
        before=_facts_of(before),
        after=_facts_of(after),
        now=now,
    )
    await outbox.write(
        session,
        consumer=outbox.LIVE,
        key=player_id,
        kind="limit.set",
        payload={"player_id": player_id, **_facts_of(after)},
    )


def _facts_of(limit: Limit) -> dict[str, object]:
    return {
        "kind": limit.kind.value,
        "window": limit.window.value,
        "units": limit.units,
        "pending_units": limit.pending_units,
        "pending_at": limit.pending_at.isoformat() if limit.pending_at else None,
    }
