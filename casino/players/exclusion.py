"""Time-outs and self-exclusions: closed to play at once, never shortened, open to withdrawals."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from casino import audit, outbox
from casino.errors import BadChoice
from casino.players import logins, rows
from casino.players.tables import ExclusionRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

TIME_OUT_MIN = timedelta(hours=24)
TIME_OUT_MAX = timedelta(weeks=6)
EXCLUSION_MONTHS = (6, 12, 36, 60)


async def take_time_out(
    session: AsyncSession, *, player_id: int, duration: timedelta, now: datetime
) -> datetime:
    """Close play for 24 hours to 6 weeks and end all logins; returns until when.

    A time-out that runs longer stays as it is. Raises BadChoice for another duration.
    """
    if not TIME_OUT_MIN <= duration <= TIME_OUT_MAX:
        raise BadChoice(field="duration")
    row = await rows.lock(session, player_id=player_id)
    until = now + duration
    before = row.cooling_off_until
    if before is not None and before >= until:
        return before
    row.cooling_off_until = until
    await _record(
        session, kind="time_out", player_id=player_id, before=before, until=until, now=now
    )
    return until


async def self_exclude(
    session: AsyncSession, *, player_id: int, months: int | None, now: datetime
) -> datetime | None:
    """Close play for 6, 12, 36 or 60 months, None for life, and end all logins; returns until
    when, None for life.

    Nobody can shorten or lift it; one that runs longer stays as it is. Raises BadChoice for
    another term.
    """
    if months is not None and months not in EXCLUSION_MONTHS:
        raise BadChoice(field="months")
    row = await rows.lock(session, player_id=player_id)
    if row.excluded_for_life:
        return None
    before = row.excluded_until
    until = months_later(now, months) if months is not None else None
    if until is not None and before is not None and before >= until:
        return before
    row.excluded_until, row.excluded_for_life = until, until is None
    await _record(
        session, kind="self_exclusion", player_id=player_id, before=before, until=until, now=now
    )
    return until


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and time so many months later, or the last day of a shorter month."""
    years, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(years, month + 1)[1])
    return moment.replace(year=years, month=month + 1, day=day)


async def _record(
    session: AsyncSession,
    *,
    kind: str,
    player_id: int,
    before: datetime | None,
    until: datetime | None,
    now: datetime,
) -> None:
    session.add(ExclusionRow(player_id=player_id, kind=kind, started_at=now, until=until))
    await session.flush()
    await logins.revoke_all(session, player_id=player_id, now=now)
    event = "time_out.started" if kind == "time_out" else "self_exclusion.started"
    ends = until.isoformat() if until else None
    await audit.append(
        session,
        actor=f"player:{player_id}",
        action=event,
        subject=f"player:{player_id}",
        before={"until": before.isoformat() if before else None},
        after={"until": ends, "for_life": until is None},
        now=now,
    )
    for consumer in (outbox.PLAYER, outbox.LIVE):
        await outbox.write(
            session,
            consumer=consumer,
            key=player_id,
            kind=event,
            payload={"player_id": player_id, "until": ends},
        )
