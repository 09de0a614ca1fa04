"""What came back from cold storage without being recognised, booked by people from what was read.

An arrival is something that the chain has shown us: a transfer without an owner, one to the hot
wallet where capital is booked by hand, or a coin of our own on Bitcoin that no payout made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.cashier import blocks, coins, cold_storage, unclaimed
from casino.cashier.cold_storage import Way
from casino.cashier.payout_tables import OwnCoinRow
from casino.cashier.rails import BTC, get_rail
from casino.cashier.tables import UnclaimedRow
from casino.cashier.treasury_tables import ColdBookingRow
from casino.errors import IllegalMove, NotFound
from casino.ledger.chart import Account, hot_wallet
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member

OURS_ALONE = 1
"""The branch of Bitcoin addresses that players never see."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Coins of one transfer that are final and could have come from cold storage."""

    reference: str
    tx_hash: str
    units: int
    unclaimed_id: int | None = None


async def find(session: AsyncSession, *, rail: str, tx_hash: str) -> Sequence[Arrival]:
    """What a transaction, named in letters of either case, brought to the rail's hot wallet that is
    final and is in no other way somebody's; raises IllegalMove while it is not final."""
    rows = await session.scalars(
        select(UnclaimedRow)
        .where(UnclaimedRow.rail == rail, UnclaimedRow.tx_hash.in_((tx_hash, tx_hash.lower())))
        .order_by(UnclaimedRow.id)
        .execution_options(populate_existing=True)
    )
    known = rows.all()
    if any(row.status == unclaimed.SEEN for row in known):
        raise IllegalMove(thing="arrival", current="not_final", wanted="booked")
    found = [
        Arrival(row.business_key, row.tx_hash, row.units, row.id)
        for row in known
        if row.status in unclaimed.OWNERLESS
    ]
    return [*found, *(await _coins(session, tx_hash.lower()) if rail == BTC else ())]


async def book(
    session: AsyncSession, *, rail: str, tx_hash: str, member: Member, now: datetime
) -> int:
    """Book everything that `find` finds as coming back from cold storage, each once, audited;
    returns the units. Raises NotPermitted, NotFound when nothing is left to be booked,
    IllegalMove."""
    await require_permission(session, member_id=member.id, permission=Permission.TREASURY_SET)
    found = await find(session, rail=rail, tx_hash=tx_hash)
    booked = 0
    for one in found:
        if one.unclaimed_id is not None:
            await book_unclaimed(session, unclaimed_id=one.unclaimed_id, member=member, now=now)
            booked += one.units
        elif await cold_storage.book_return(
            session,
            rail=rail,
            units=one.units,
            reference=one.reference,
            tx_hash=one.tx_hash,
            source=hot_wallet(rail),
            booked_by=f"staff:{member.id}",
            now=now,
        ):
            booked += one.units
    if not booked:
        raise NotFound(thing="arrival", key=tx_hash[:80])
    return booked


async def book_unclaimed(
    session: AsyncSession, *, unclaimed_id: int, member: Member, now: datetime
) -> None:
    """Say that a transfer without an owner came back from cold storage; raises NotPermitted,
    NotFound, IllegalMove for one that was dealt with."""
    await require_permission(session, member_id=member.id, permission=Permission.TREASURY_SET)
    row = await unclaimed.lock_among(
        session, unclaimed_id=unclaimed_id, statuses=unclaimed.OWNERLESS, wanted=unclaimed.FROM_COLD
    )
    in_book = row.status == unclaimed.WAITING
    await unclaimed.book_from_cold(
        session,
        row,
        source=Account.HOUSE_UNCLAIMED if in_book else hot_wallet(row.rail),
        booked_by=f"staff:{member.id}",
        now=now,
    )


async def _coins(session: AsyncSession, txid: str) -> Sequence[Arrival]:
    """Coins at the account's own places which a transaction has made that is neither a payout of
    ours nor spends what is ours."""
    made_by_us = await coins.maker(session, rail=BTC, tx_hash=txid) is not None
    if made_by_us or await _spends_ours(session, txid):
        return ()
    offered = await get_rail(session, BTC)
    place = await blocks.read_place(session, chain=offered.chain)
    rows = (
        await session.scalars(
            select(OwnCoinRow)
            .where(
                OwnCoinRow.rail == BTC,
                OwnCoinRow.branch == OURS_ALONE,
                func.split_part(OwnCoinRow.outpoint, ":", 1) == txid,
            )
            .order_by(OwnCoinRow.outpoint)
            .execution_options(populate_existing=True)
        )
    ).all()
    if rows and (place is None or rows[0].height > place.final_height):
        raise IllegalMove(thing="arrival", current="not_final", wanted="booked")
    booked = set(
        await session.scalars(
            select(ColdBookingRow.reference).where(
                ColdBookingRow.rail == BTC,
                ColdBookingRow.way == Way.FROM_COLD,
                ColdBookingRow.reference.in_([row.outpoint for row in rows]),
            )
        )
    )
    step = offered.unit_step
    return [
        Arrival(row.outpoint, txid, row.units * step) for row in rows if row.outpoint not in booked
    ]


async def _spends_ours(session: AsyncSession, txid: str) -> bool:
    found = await session.scalar(
        select(OwnCoinRow.outpoint)
        .where(OwnCoinRow.rail == BTC, OwnCoinRow.spent_by == txid)
        .limit(1)
    )
    return found is not None
