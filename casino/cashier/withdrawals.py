"""Withdrawals: a player asks, staff decide by signed order, and a dead payment finds its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, rates
from casino.cashier import address_book, destinations, freezes, quotes, recovery, review, terms
from casino.cashier.review import Card
from casino.cashier.tables import ApprovalRow, WithdrawalRow
from casino.cashier.withdrawal_states import (
    UNDER_WAY,
    Withdrawal,
    WithdrawalStatus,
    give_back,
    lock,
    move,
    require_move,
    tell_player,
    tell_staff,
    view,
)
from casino.errors import (
    DepositGoesBack,
    IdempotencyConflict,
    InsufficientFunds,
    NotFound,
    StaleReference,
    WithdrawalUnderWay,
)
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset, require_units
from casino.players import facts as player_facts
from casino.players import rules
from casino.staff.orders import PayoutOrder, canonical
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member

__all__ = ["Card", "Withdrawal", "WithdrawalStatus"]

REFERENCE_MAX = 64
REASON_MAX = 500
UNDECIDED = (WithdrawalStatus.REQUESTED, WithdrawalStatus.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class Approval:
    """What a yes led to; `needs_second` while another person has to agree."""

    status: WithdrawalStatus
    needs_second: bool


async def request(
    session: AsyncSession,
    *,
    player_id: int,
    rail: str,
    units: int,
    destination: str,
    memo: str,
    quote_id: int,
    reference: str,
    now: datetime,
    asked_in: str = "",
) -> Withdrawal:
    """Reserve `units` (fee included) and put the withdrawal before staff, once for `reference`.

    `destination` is canonical text that the edge has checked against the chain's rules; the quote
    says what the player agreed to pay; `asked_in` goes with the news, so that the place that has
    answered the player need not tell him again. The same reference again returns the withdrawal
    as it now stands, under whichever quote; with other content it raises IdempotencyConflict.
    Time-out and self-exclusion never stand in the way of one's own money. Raises BadAmount,
    BelowMinimum, InsufficientFunds, KycRequired, AccountClosed, ConsentRequired, Paused,
    QuoteExpired, RateStale, StaleReference, WithdrawalsFrozen, and what
    `destinations.require_allowed` refuses with.
    """
    require_units(units)
    if not 0 < len(reference) <= REFERENCE_MAX:
        raise StaleReference
    await journal.lock_players(session, [PlayerId(player_id)])
    before = await session.scalar(
        select(WithdrawalRow).where(
            WithdrawalRow.player_id == player_id, WithdrawalRow.reference == reference
        )
    )
    if before is not None:
        asked = (rail, units, destination, memo)
        if asked != (before.rail, before.units, before.destination, before.memo):
            raise IdempotencyConflict(reference=reference)
        return view(before)

    offered = await quotes.require_open(session, rail)
    facts = await player_facts.load_one(session, player_id=player_id)
    refusal = rules.check_withdraw(facts)
    if refusal is not None:
        raise refusal
    await freezes.require_free(session, player_id=player_id)
    quotes.require_minimum(offered, units)
    fee = await quotes.promised_fee(
        session, quote_id=quote_id, player_id=player_id, rail=rail, units=units, now=now
    )
    await destinations.require_allowed(
        session, player_id=player_id, rail=offered, destination=destination, memo=memo, now=now
    )
    await _require_funds(session, player_id, offered.asset, units)
    rate = rates.require_usable(await rates.latest(session), offered.asset, now=now)
    reference_units = rate.to_reference(units)
    ceiling = await terms.ceiling(session, player_id=player_id, kyc_level=facts.kyc_level, now=now)
    ceiling.require(reference_units)

    row = WithdrawalRow(
        player_id=player_id,
        rail=rail,
        asset=offered.asset.code,
        units=units,
        fee_units=fee,
        quote_id=quote_id,
        destination=destination,
        memo=memo,
        reference=reference,
        reference_units=reference_units,
        first_use=await address_book.note_request(
            session,
            rail=rail,
            destination=destination,
            player_id=player_id,
            has_memo=bool(memo),
            now=now,
        ),
        requested_at=now,
    )
    actor = f"player:{player_id}"
    await move(session, row, WithdrawalStatus.REQUESTED, actor=actor, now=now)
    await journal.post(
        session,
        player_id=PlayerId(player_id),
        source="withdrawal",
        kind_key="reserve",
        reference=str(row.id),
        request={"withdrawal": row.id, "units": units},
        postings=[
            Posting(
                Account.PLAYER_CASH,
                Account.PLAYER_RESERVED,
                units,
                offered.asset,
                Kind.WITHDRAWAL_RESERVE,
            )
        ],
        subject_id=row.id,
        now=now,
    )
    # Every withdrawal is read by a person; a rule that lets small ones through would branch here.
    await move(session, row, WithdrawalStatus.IN_REVIEW, now=now)
    await tell_player(session, row, kind="withdrawal.requested", asked_in=asked_in)
    await tell_staff(session, row, kind="withdrawal.review")
    return view(row)


async def cancel(
    session: AsyncSession,
    *,
    withdrawal_id: int,
    player_id: int,
    asked_in: str = "",
    now: datetime,
) -> Withdrawal:
    """Take a withdrawal back before the sender has claimed it, approved or not: an order alone
    pays nothing, the signer asks for its place in a payout. Cancelling again changes nothing.
    `asked_in` goes with the news as it does in `request`.
    Raises NotFound for another player's, DepositGoesBack for a return, WithdrawalUnderWay for one
    that the sender has or that something which left without us may have paid, or IllegalMove when
    it has ended."""
    await get(session, withdrawal_id=withdrawal_id, player_id=player_id)
    row = await lock(session, withdrawal_id=withdrawal_id)
    if row.deposit_id is not None:
        raise DepositGoesBack
    if row.status == WithdrawalStatus.CANCELLED:
        return view(row)
    if row.status in UNDER_WAY or await recovery.maybe_paid(session, row):
        raise WithdrawalUnderWay(status=row.status)
    await move(session, row, WithdrawalStatus.CANCELLED, actor=f"player:{player_id}", now=now)
    await give_back(session, row, now=now)
    await tell_player(session, row, kind="withdrawal.cancelled", asked_in=asked_in)
    await tell_staff(session, row, kind="withdrawal.decided")
    return view(row)


async def get(
    session: AsyncSession, *, withdrawal_id: int, player_id: int | None = None
) -> Withdrawal:
    """One withdrawal, of this player if one is given; raises NotFound."""
    row = await session.get(WithdrawalRow, withdrawal_id, populate_existing=True)
    if row is None or (player_id is not None and row.player_id != player_id):
        raise NotFound(thing="withdrawal", key=withdrawal_id)
    return view(row)


async def list_for_player(
    session: AsyncSession, *, player_id: int, before_id: int | None = None, limit: int = 10
) -> Sequence[Withdrawal]:
    """A player's withdrawals, the newest first."""
    query = select(WithdrawalRow).where(WithdrawalRow.player_id == player_id)
    if before_id is not None:
        query = query.where(WithdrawalRow.id < before_id)
    rows = await session.scalars(query.order_by(WithdrawalRow.id.desc()).limit(limit))
    return [view(row) for row in rows]


async def queue(session: AsyncSession, *, limit: int = 20) -> Sequence[Withdrawal]:
    """Withdrawals that wait for staff, the oldest first: to decide, or dead."""
    rows = await session.scalars(
        select(WithdrawalRow)
        .where(WithdrawalRow.status.in_((*UNDECIDED, WithdrawalStatus.DEAD)))
        .order_by(WithdrawalRow.id)
        .limit(limit)
    )
    return [view(row) for row in rows]


async def card(session: AsyncSession, *, withdrawal_id: int, now: datetime) -> Card:
    """A withdrawal with the facts that a decision needs; raises NotFound."""
    return await review.card(session, withdrawal_id=withdrawal_id, now=now)


async def approve(
    session: AsyncSession,
    *,
    withdrawal_id: int,
    member: Member,
    sign: Callable[[PayoutOrder], bytes],
    now: datetime,
) -> Approval:
    """Say yes. Above the ceiling of the terms a second person has to agree; the last yes makes
    the order that the signer will demand, signed with the approver's key. The same person twice
    is one person, nobody decides on his own money, and a yes counts while its giver may decide.
    What would refuse the player's own wish does not refuse a return: he has not asked for it.
    Raises NotPermitted, Paused, AccountClosed, WithdrawalsFrozen, NotFound, IllegalMove."""
    row = await lock(session, withdrawal_id=withdrawal_id)
    deciders = await review.lock_deciders(session, row, member=member)
    require_move(row, WithdrawalStatus.APPROVED)
    await quotes.require_open(session, row.rail)
    if row.deposit_id is None:
        await _require_paid_out(session, row.player_id)
    in_force = await terms.current(session)
    new = await session.scalar(
        insert(ApprovalRow)
        .values(withdrawal_id=row.id, member_id=member.id, at=now)
        .on_conflict_do_nothing()
        .returning(ApprovalRow.member_id)
    )
    approvers = await review.approvers(session, withdrawal_id=row.id, among=deciders)
    if len(approvers) < review.people_needed(row, in_force):
        if new is not None:
            await _note_first_yes(session, row, member, now)
        return Approval(WithdrawalStatus(row.status), needs_second=True)

    order = _order(row, approvers, now, timedelta(hours=in_force.order_valid_hours))
    row.order_text = canonical(order).decode()
    row.order_signature = sign(order)
    row.order_expires_at = now + timedelta(hours=in_force.order_valid_hours)
    row.decided_at = now
    await move(
        session,
        row,
        WithdrawalStatus.APPROVED,
        actor=f"staff:{member.id}",
        details={"approvers": list(approvers)},
        now=now,
    )
    await tell_player(session, row, kind="withdrawal.approved")
    await tell_staff(session, row, kind="withdrawal.decided")
    return Approval(WithdrawalStatus.APPROVED, needs_second=False)


async def reject(
    session: AsyncSession, *, withdrawal_id: int, member: Member, reason: str, now: datetime
) -> Withdrawal:
    """Say no and give the money back (a return's deposit is held again); possible until the payment
    is in the sender's hands. Raises NotPermitted, NotFound, IllegalMove."""
    row = await lock(session, withdrawal_id=withdrawal_id)
    await require_permission(session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE)
    row.decided_at = now
    await move(
        session,
        row,
        WithdrawalStatus.REJECTED,
        actor=f"staff:{member.id}",
        reason=reason[:REASON_MAX],
        now=now,
    )
    await give_back(session, row, actor=f"staff:{member.id}", now=now)
    await tell_player(session, row, kind="withdrawal.rejected", reason=reason[:REASON_MAX])
    await tell_staff(session, row, kind="withdrawal.decided")
    return view(row)


async def _require_paid_out(session: AsyncSession, player_id: int) -> None:
    """Raise what keeps a player from being paid what he asked for."""
    refusal = rules.check_withdraw(await player_facts.load_one(session, player_id=player_id))
    if refusal is not None:
        raise refusal
    await freezes.require_free(session, player_id=player_id)


async def _require_funds(session: AsyncSession, player_id: int, asset: Asset, units: int) -> None:
    wallet = (await journal.balances(session, PlayerId(player_id))).get(asset, Wallet(asset))
    if units > wallet.withdrawable:
        raise InsufficientFunds(available=wallet.withdrawable, asset=asset)


async def _note_first_yes(
    session: AsyncSession, row: WithdrawalRow, member: Member, now: datetime
) -> None:
    await audit.append(
        session,
        actor=f"staff:{member.id}",
        action="withdrawal.seconded",
        subject=f"withdrawal:{row.id}",
        after={"units": row.units, "asset": Asset.from_code(row.asset)},
        now=now,
    )
    await tell_staff(session, row, kind="withdrawal.second_needed", approved_by=member.id)


def _order(
    row: WithdrawalRow, approvers: tuple[int, ...], now: datetime, valid: timedelta
) -> PayoutOrder:
    return PayoutOrder(
        withdrawal_id=row.id,
        rail=row.rail,
        asset=Asset.from_code(row.asset).value,
        units=row.units - row.fee_units,
        destination=row.destination,
        memo=row.memo,
        approvers=approvers,
        approved_at=now.isoformat(),
        expires_at=(now + valid).isoformat(),
    )
