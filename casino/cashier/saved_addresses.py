"""A player's address book: destinations that he saved, and those that he was paid to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino import audit, outbox
from casino.cashier import address_book, house_addresses, terms
from casino.cashier.address_tables import SavedAddressRow
from casino.cashier.rails import get_rail
from casino.errors import AddressBookFull, AddressInvalid, BadChoice, NotFound
from casino.ids import PlayerId
from casino.ledger.journal import lock_players

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

SAVED_MAX = 20
LABEL_MAX = 40
OFFERED_MAX = 5


@dataclass(frozen=True, slots=True)
class SavedAddress:
    """An address under the player's own name for it; `ready_at` is when a player who is paid to
    saved addresses only may use it."""

    id: int
    rail: str
    destination: str
    label: str
    saved_at: datetime
    ready_at: datetime


async def list_saved(
    session: AsyncSession, *, player_id: int, rail: str | None = None
) -> Sequence[SavedAddress]:
    """What the player saved, on one rail or all, by name."""
    query = select(SavedAddressRow).where(SavedAddressRow.player_id == player_id)
    if rail is not None:
        query = query.where(SavedAddressRow.rail == rail)
    rows = await session.scalars(
        query.order_by(
            SavedAddressRow.rail, func.lower(SavedAddressRow.label), SavedAddressRow.id
        ).execution_options(populate_existing=True)
    )
    cool_down = (await terms.current(session)).address_cool_down
    return [_view(row, cool_down) for row in rows]


async def list_paid(session: AsyncSession, *, player_id: int, rail: str) -> Sequence[str]:
    """Destinations that the player was paid to and did not save, the latest first. Only his own
    withdrawals put something here: an address that anybody can bring before his eyes, by sending
    him coins, is never offered."""
    saved = {one.destination for one in await list_saved(session, player_id=player_id, rail=rail)}
    paid = await address_book.list_paid(session, player_id=player_id, rail=rail)
    return [each for each in paid if each not in saved][:OFFERED_MAX]


async def get(session: AsyncSession, *, player_id: int, address_id: int) -> SavedAddress:
    """One address of this player; raises NotFound."""
    cool_down = (await terms.current(session)).address_cool_down
    return _view(await _own(session, player_id, address_id), cool_down)


async def save(
    session: AsyncSession,
    *,
    player_id: int,
    rail: str,
    destination: str,
    label: str,
    now: datetime,
    asked_in: str = "",
) -> SavedAddress:
    """Keep a destination (canonical text, checked by the edge) under a name, and tell the player.

    The same destination again is given the new name and keeps its age. Raises NotFound for an
    unknown rail, AddressInvalid for an address of the house, BadChoice for a name that is empty
    or longer than LABEL_MAX, AddressBookFull."""
    label = _require_label(label)
    await get_rail(session, rail)
    if not destination.strip():
        raise AddressInvalid(reason="empty")
    await lock_players(session, [PlayerId(player_id)])
    await house_addresses.require_foreign(session, destination=destination)
    cool_down = (await terms.current(session)).address_cool_down
    row = await session.scalar(
        select(SavedAddressRow).where(
            SavedAddressRow.player_id == player_id,
            SavedAddressRow.rail == rail,
            SavedAddressRow.destination == destination,
        )
    )
    if row is not None:
        return await _name(session, row, label, cool_down, now)
    saved = await list_saved(session, player_id=player_id, rail=rail)
    if len(saved) >= SAVED_MAX:
        raise AddressBookFull(count=SAVED_MAX)
    row = SavedAddressRow(
        player_id=player_id, rail=rail, destination=destination, label=label, saved_at=now
    )
    session.add(row)
    await session.flush()
    made = _view(row, cool_down)
    await _note(session, made, player_id, "saved", now)
    await outbox.write(
        session,
        consumer=outbox.PLAYER,
        key=player_id,
        kind="address.saved",
        payload={
            "rail": rail,
            "destination": destination,
            "label": label,
            "ready_at": made.ready_at.isoformat(),
            "asked_in": asked_in,
        },
    )
    return made


async def rename(
    session: AsyncSession, *, player_id: int, address_id: int, label: str, now: datetime
) -> SavedAddress:
    """Give an address another name; it keeps its age. Raises NotFound, BadChoice."""
    label = _require_label(label)
    await lock_players(session, [PlayerId(player_id)])
    row = await _own(session, player_id, address_id)
    return await _name(session, row, label, (await terms.current(session)).address_cool_down, now)


async def remove(session: AsyncSession, *, player_id: int, address_id: int, now: datetime) -> None:
    """Forget an address; saved again it is new. Raises NotFound."""
    await lock_players(session, [PlayerId(player_id)])
    row = await _own(session, player_id, address_id)
    gone = _view(row, (await terms.current(session)).address_cool_down)
    await session.delete(row)
    await session.flush()
    await _note(session, gone, player_id, "removed", now)


async def find(
    session: AsyncSession, *, player_id: int, rail: str, destination: str
) -> SavedAddress | None:
    """The saved address with this destination, if the player has one."""
    saved = await list_saved(session, player_id=player_id, rail=rail)
    return next((one for one in saved if one.destination == destination), None)


async def _own(session: AsyncSession, player_id: int, address_id: int) -> SavedAddressRow:
    row = await session.get(SavedAddressRow, address_id, populate_existing=True)
    if row is None or row.player_id != player_id:
        raise NotFound(thing="saved address", key=address_id)
    return row


async def _name(
    session: AsyncSession, row: SavedAddressRow, label: str, cool_down: timedelta, now: datetime
) -> SavedAddress:
    if row.label != label:
        row.label = label
        await session.flush()
        await _note(session, _view(row, cool_down), row.player_id, "renamed", now)
    return _view(row, cool_down)


async def _note(
    session: AsyncSession, address: SavedAddress, player_id: int, what: str, now: datetime
) -> None:
    await audit.append(
        session,
        actor=f"player:{player_id}",
        action=f"address.{what}",
        subject=f"player:{player_id}",
        after={
            "rail": address.rail,
            "destination": address.destination,
            "label": address.label,
        },
        now=now,
    )


def _require_label(label: str) -> str:
    label = " ".join("".join(sign if sign.isprintable() else " " for sign in label).split())
    if not 0 < len(label) <= LABEL_MAX:
        raise BadChoice(field="label", count=LABEL_MAX)
    return label


def _view(row: SavedAddressRow, cool_down: timedelta) -> SavedAddress:
    return SavedAddress(
        id=row.id,
        rail=row.rail,
        destination=row.destination,
        label=row.label,
        saved_at=row.saved_at,
        ready_at=row.saved_at + cool_down,
    )
