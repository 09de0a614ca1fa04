"""Held deposits that staff send back: each becomes a withdrawal of the house's making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino import rates
from casino.cashier import address_book, crediting, destinations, fees, quotes
from casino.cashier.crediting import DepositStatus
from casino.cashier.tables import DepositRow, WithdrawalRow
from casino.cashier.terms import GAVE_UP
from casino.cashier.withdrawal_states import (
    Withdrawal,
    WithdrawalStatus,
    move,
    tell_player,
    tell_staff,
    view,
)
from casino.errors import DepositNotFinal, NotFound, QuoteExpired
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.crediting import Deposit
    from casino.cashier.rails import Rail
    from casino.staff.people import Member


@dataclass(frozen=True, slots=True)
class Plan:
    """What sending a held deposit back comes to now; amounts in units of the deposit's asset, the
    fee taken from what came."""

    deposit: Deposit
    rail: Rail
    destination: str
    memo: str
    fee_units: int
    net_units: int


async def require_returnable(session: AsyncSession, *, deposit_id: int) -> Deposit:
    """The deposit, if it could be sent back now, wherever to. Raises NotFound, IllegalMove for one
    that is not held (any more), DepositNotFinal."""
    row = await session.get(DepositRow, deposit_id, populate_existing=True)
    return crediting.view(_require_returnable(row, deposit_id))


async def plan(
    session: AsyncSession, *, deposit_id: int, destination: str, memo: str, now: datetime
) -> Plan:
    """What `send_back` would do, and what stands in its way: raises as it does."""
    row = await session.get(DepositRow, deposit_id, populate_existing=True)
    return await _plan(session, _require_returnable(row, deposit_id), destination, memo, now)


async def send_back(
    session: AsyncSession,
    *,
    deposit_id: int,
    destination: str,
    memo: str,
    fee_units: int,
    member: Member,
    now: datetime,
) -> Withdrawal:
    """Make a withdrawal of a held deposit that is final, and put it before staff: from here on it
    is paid like any other. `destination` is canonical text that the edge has checked against the
    chain's rules, `fee_units` the fee that the member has seen.

    The player's own locks on where he is paid (saved addresses only, cool-downs) guard his wishes
    against thieves and are not asked: this is the house's wish. Nor does the address become one
    that he was paid to before. Audited. Raises NotFound, NotPermitted, IllegalMove for a deposit
    that is not held (any more), DepositNotFinal, Paused, BelowMinimum where the fee leaves too
    little, what `destinations.require_arrives` refuses with, RateStale, and QuoteExpired when the
    fee is another by now."""
    player_id = await session.scalar(
        select(DepositRow.player_id).where(DepositRow.id == deposit_id)
    )
    if player_id is None:
        raise NotFound(thing="deposit", key=deposit_id)
    await journal.lock_players(session, [PlayerId(player_id)])
    deposit = _require_returnable(
        await session.get(DepositRow, deposit_id, with_for_update=True, populate_existing=True),
        deposit_id,
    )
    await require_permission(session, member_id=member.id, permission=Permission.DEPOSITS_RESOLVE)
    planned = await _plan(session, deposit, destination, memo, now)
    if planned.fee_units != fee_units:
        raise QuoteExpired
    asset = planned.rail.asset
    rate = rates.require_usable(await rates.latest(session), asset, now=now)
    known = await address_book.list_paid(session, player_id=player_id, rail=deposit.rail)
    row = WithdrawalRow(
        player_id=player_id,
        rail=deposit.rail,
        asset=deposit.asset,
        units=deposit.units,
        fee_units=fee_units,
        destination=destination,
        memo=memo,
        reference=await _reference(session, deposit),
        reference_units=rate.to_reference(deposit.units),
        first_use=destination not in known,
        deposit_id=deposit_id,
        requested_at=now,
    )
    actor = f"staff:{member.id}"
    # Why it was held stays in view, and is there again should it be held again.
    await crediting.move(
        session, deposit, DepositStatus.RETURNED, actor=actor, reason=deposit.reason, now=now
    )
    await move(
        session,
        row,
        WithdrawalStatus.REQUESTED,
        actor=actor,
        details={"deposit": deposit_id},
        now=now,
    )
    await journal.post(
        session,
        player_id=PlayerId(player_id),
        source="withdrawal",
        kind_key="reserve",
        reference=str(row.id),
        request={"withdrawal": row.id, "units": row.units},
        postings=[
            Posting(
                Account.PLAYER_HELD,
                Account.PLAYER_RESERVED,
                row.units,
                asset,
                Kind.DEPOSIT_RETURN,
            )
        ],
        subject_id=row.id,
        now=now,
    )
    await move(session, row, WithdrawalStatus.IN_REVIEW, now=now)
    await tell_player(session, row, kind="withdrawal.requested")
    await tell_staff(session, row, kind="withdrawal.review")
    return view(row)


async def find(session: AsyncSession, *, deposit_id: int) -> Withdrawal | None:
    """The withdrawal that sends a deposit back or has done so; None where there is none."""
    row = await session.scalar(
        select(WithdrawalRow)
        .where(WithdrawalRow.deposit_id == deposit_id, WithdrawalRow.status.not_in(GAVE_UP))
        .execution_options(populate_existing=True)
    )
    return None if row is None else view(row)


def _require_returnable(row: DepositRow | None, deposit_id: int) -> DepositRow:
    if row is None:
        raise NotFound(thing="deposit", key=deposit_id)
    crediting.require_move(row, DepositStatus.RETURNED)
    if row.final_at is None:
        raise DepositNotFinal
    return row


async def _plan(
    session: AsyncSession, row: DepositRow, destination: str, memo: str, now: datetime
) -> Plan:
    rail = await quotes.require_open(session, row.rail)
    quotes.require_minimum(rail, row.units)
    await destinations.require_arrives(
        session, player_id=row.player_id, rail=rail, destination=destination, memo=memo
    )
    fee = rail.whole_fee(row.units, await fees.withdrawal_fee(session, rail=rail, now=now))
    return Plan(crediting.view(row), rail, destination, memo, fee, row.units - fee)


async def _reference(session: AsyncSession, row: DepositRow) -> str:
    """One of its own for each time that a deposit is sent back: players name theirs otherwise."""
    before = await session.scalar(
        select(func.count()).where(
            WithdrawalRow.player_id == row.player_id, WithdrawalRow.deposit_id == row.id
        )
    )
    return f"return:{row.id}/{before}"
