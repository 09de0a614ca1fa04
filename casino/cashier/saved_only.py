"""Paid to saved addresses only: on at once, off after a cool-down, so that a thief has to wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from casino import audit, outbox
from casino.cashier import terms
from casino.cashier.address_tables import SavedOnlyRow
from casino.ids import PlayerId
from casino.ledger.journal import lock_players

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class SavedOnly:
    """Whether a player is paid to saved addresses only; `ends_at` when he asked for its end."""

    on: bool
    ends_at: datetime | None


async def read(session: AsyncSession, *, player_id: int, now: datetime) -> SavedOnly:
    """How it stands now."""
    row = await session.get(SavedOnlyRow, player_id, populate_existing=True)
    if row is None or (row.until is not None and row.until <= now):
        return SavedOnly(on=False, ends_at=None)
    return SavedOnly(on=True, ends_at=row.until)


async def switch_on(
    session: AsyncSession, *, player_id: int, now: datetime, asked_in: str = ""
) -> SavedOnly:
    """From now on, and take back that it should end. Again changes nothing."""
    await lock_players(session, [PlayerId(player_id)])
    before = await read(session, player_id=player_id, now=now)
    if before.on and before.ends_at is None:
        return before
    row = await session.get(SavedOnlyRow, player_id)
    if row is None:
        session.add(SavedOnlyRow(player_id=player_id, since=now))
    else:
        row.since, row.until = (row.since if before.on else now), None
    await session.flush()
    after = SavedOnly(on=True, ends_at=None)
    await _tell(session, player_id, "on", after, now, asked_in)
    return after


async def switch_off(
    session: AsyncSession, *, player_id: int, now: datetime, asked_in: str = ""
) -> SavedOnly:
    """Ask for its end, which comes when the cool-down is over; the player is told, so that he can
    take it back if it was not he who asked. Again changes nothing."""
    await lock_players(session, [PlayerId(player_id)])
    before = await read(session, player_id=player_id, now=now)
    if not before.on or before.ends_at is not None:
        return before
    row = await session.get_one(SavedOnlyRow, player_id)
    row.until = now + (await terms.current(session)).address_cool_down
    await session.flush()
    after = SavedOnly(on=True, ends_at=row.until)
    await _tell(session, player_id, "ending", after, now, asked_in)
    return after


async def _tell(
    session: AsyncSession,
    player_id: int,
    what: str,
    state: SavedOnly,
    now: datetime,
    asked_in: str,
) -> None:
    ends_at = state.ends_at.isoformat() if state.ends_at else None
    await audit.append(
        session,
        actor=f"player:{player_id}",
        action=f"saved_only.{what}",
        subject=f"player:{player_id}",
        after={"on": state.on, "ends_at": ends_at},
        now=now,
    )
    await outbox.write(
        session,
        consumer=outbox.PLAYER,
        key=player_id,
        kind=f"saved_only.{what}",
        payload={"ends_at": ends_at, "asked_in": asked_in},
    )
