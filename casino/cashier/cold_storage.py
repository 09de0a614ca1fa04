"""Cold storage, whose keys no process has: its addresses, what went there and what came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier.rails import get_rail
from casino.cashier.treasury_tables import (
    ColdAddressRow,
    ColdBookingRow,
    HotLevelRow,
    HotThresholdsRow,
)
from casino.errors import IllegalMove, NotFound
from casino.ledger import journal, totals
from casino.ledger.chart import Account, Kind, cold_wallet, hot_wallet
from casino.ledger.wallet import Posting
from casino.money import require_units
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.staff.people import Member

SYSTEM = "system"


class Way(StrEnum):
    """Which way coins went."""

    TO_COLD = "to_cold"
    FROM_COLD = "from_cold"


@dataclass(frozen=True, slots=True)
class ColdBooking:
    """Coins that went to cold storage or came back, as people see it; `booked_by` is an actor of
    the audit log."""

    way: Way
    units: int
    tx_hash: str
    booked_by: str
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class ColdAddress:
    """Where cold storage is or was (canonical text), on which rails, and whether the thresholds of
    one of them name it now."""

    address: str
    rails: tuple[str, ...]
    in_force: bool


async def held_units(session: AsyncSession, *, rail: str) -> int:
    """What the book says is in the rail's cold storage."""
    asset = (await get_rail(session, rail)).asset
    return -await totals.account_balance(session, cold_wallet(rail), asset)


async def addresses(session: AsyncSession, *, rail: str | None = None) -> frozenset[str]:
    """Where cold storage is or was, as canonical text; of one rail or of all."""
    query = select(ColdAddressRow.address)
    if rail is not None:
        query = query.where(ColdAddressRow.rail == rail)
    return frozenset(await session.scalars(query))


async def known(session: AsyncSession) -> Sequence[ColdAddress]:
    """Every address with all its rails, the newest first."""
    rows = await session.scalars(
        select(ColdAddressRow).order_by(ColdAddressRow.known_at.desc(), ColdAddressRow.rail)
    )
    in_force = set(await session.scalars(select(HotThresholdsRow.cold_address)))
    rails: dict[str, list[str]] = {}
    for row in rows:
        rails.setdefault(row.address, []).append(row.rail)
    return [ColdAddress(each, tuple(names), each in in_force) for each, names in rails.items()]


async def keep_address(session: AsyncSession, *, rail: str, address: str, now: datetime) -> None:
    """Remember an address (canonical text) of cold storage until people have it forgotten. Whoever
    forgets it waits for this transaction, or this one for him."""
    await session.execute(
        insert(ColdAddressRow)
        .values(rail=rail, address=address, known_at=now)
        .on_conflict_do_update(
            index_elements=[ColdAddressRow.rail, ColdAddressRow.address],
            set_={"known_at": ColdAddressRow.known_at},
        )
    )


async def forget_address(
    session: AsyncSession, *, address: str, member: Member, now: datetime
) -> None:
    """Let an address be anybody's again, on all rails; audited. What was booked there stays booked.

    Raises NotPermitted, NotFound for one that is not known (any more), IllegalMove for one that a
    rail's thresholds name."""
    await require_permission(session, member_id=member.id, permission=Permission.TREASURY_SET)
    rows = (
        await session.scalars(
            select(ColdAddressRow)
            .where(ColdAddressRow.address == address)
            .order_by(ColdAddressRow.rail)
            .with_for_update()
        )
    ).all()
    if not rows:
        raise NotFound(thing="cold_address", key=address[:80])
    used = select(HotThresholdsRow.rail).where(HotThresholdsRow.cold_address == address)
    if await session.scalar(used.limit(1)) is not None:
        raise IllegalMove(thing="known_cold_address", current="in_force", wanted="forgotten")
    rails = [row.rail for row in rows]
    for row in rows:
        await session.delete(row)
    await session.flush()
    await audit.append(
        session,
        actor=f"staff:{member.id}",
        action="treasury.cold_address_forgotten",
        subject=f"rail:{rails[0]}",
        before={"address": address, "rails": rails},
        now=now,
    )


async def latest(session: AsyncSession, *, rail: str, limit: int = 5) -> Sequence[ColdBooking]:
    """What went there and came back, the newest first."""
    rows = await session.scalars(
        select(ColdBookingRow)
        .where(ColdBookingRow.rail == rail)
        .order_by(ColdBookingRow.id.desc())
        .limit(limit)
    )
    return [
        ColdBooking(Way(row.way), row.units, row.tx_hash, row.booked_by, row.booked_at)
        for row in rows
    ]


async def book_move(
    session: AsyncSession,
    *,
    rail: str,
    units: int,
    reference: str,
    tx_hash: str,
    booked_by: str = SYSTEM,
    now: datetime,
) -> bool:
    """Book coins that are final in cold storage, once for `reference`; False if they were booked.
    From now on the rail may be asked for its next move. What people book is audited."""
    offered = await _take_turn(session, rail)
    posted = await journal.post_house(
        session,
        source=f"treasury:{rail}",
        kind_key="cold",
        reference=reference,
        request={"units": units},
        postings=[
            Posting(
                cold_wallet(rail),
                hot_wallet(rail),
                require_units(units),
                offered.asset,
                Kind.MOVE_TO_COLD,
            )
        ],
        subject_id=0,
        now=now,
    )
    if posted.replayed:
        return False
    # What is known of the hot wallet is older than the move, until the chain is compared again.
    await session.execute(
        update(HotLevelRow)
        .where(HotLevelRow.rail == rail)
        .values(high=False, units=func.greatest(0, HotLevelRow.units - units))
    )
    row = _row(Way.TO_COLD, rail, units, reference, tx_hash, booked_by, now)
    await _keep(session, row, {"units": units}, action="treasury.moved_to_cold")
    return True


async def book_return(
    session: AsyncSession,
    *,
    rail: str,
    units: int,
    reference: str,
    tx_hash: str,
    source: Account,
    booked_by: str = SYSTEM,
    now: datetime,
) -> bool:
    """Book coins that came back from cold storage and are final, once for `reference`, audited,
    and tell staff; False if they were booked.

    `source` is where they stand in the book: the hot wallet, or unclaimed if they were booked
    before. What is more than the book has in cold storage is the owner's, who put it there: it
    becomes capital."""
    offered = await _take_turn(session, rail)
    kept = min(require_units(units), max(0, await held_units(session, rail=rail)))
    parts = (
        (kept, cold_wallet(rail), Kind.MOVE_FROM_COLD),
        (units - kept, Account.HOUSE_CAPITAL, Kind.CAPITAL_PAID_IN),
    )
    posted = await journal.post_house(
        session,
        source=f"treasury:{rail}",
        kind_key="from_cold",
        reference=reference,
        request={"units": units},
        postings=[
            Posting(source, account, part, offered.asset, kind)
            for part, account, kind in parts
            if part
        ],
        subject_id=0,
        now=now,
    )
    if posted.replayed:
        return False
    row = _row(Way.FROM_COLD, rail, units, reference, tx_hash, booked_by, now)
    told = {"units": units, "capital_units": units - kept}
    await _keep(session, row, told, action="treasury.came_from_cold")
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=hot_wallet(rail),
        kind="alert.came_from_cold",
        payload={
            "rail": rail,
            "amount": {"units": units, "asset": offered.asset},
            "tx_hash": tx_hash,
        },
    )
    return True


async def _take_turn(session: AsyncSession, rail: str) -> Rail:
    """Bookings of cold storage happen one after another, by the house's own lock: whoever comes
    here may hold it already. Raises NotFound."""
    offered = await get_rail(session, rail)
    await journal.lock_players(session, [journal.HOUSE])
    return offered


def _row(
    way: Way, rail: str, units: int, reference: str, tx_hash: str, booked_by: str, now: datetime
) -> ColdBookingRow:
    return ColdBookingRow(
        rail=rail,
        way=way,
        reference=reference,
        units=units,
        tx_hash=tx_hash,
        booked_by=booked_by,
        booked_at=now,
    )


async def _keep(
    session: AsyncSession, row: ColdBookingRow, told: dict[str, int], *, action: str
) -> None:
    session.add(row)
    await session.flush()
    if row.booked_by == SYSTEM and row.way == Way.TO_COLD:
        return  # its move has a history of its own
    await audit.append(
        session,
        actor=row.booked_by,
        action=action,
        subject=f"rail:{row.rail}",
        after={**told, "tx_hash": row.tx_hash},
        now=row.booked_at,
    )
