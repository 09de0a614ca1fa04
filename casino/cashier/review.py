"""What an operator sees before he decides on a withdrawal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino import rates
from casino.cashier import address_book, crediting, freezes, terms
from casino.cashier.tables import ApprovalRow, DepositRow, WithdrawalRow
from casino.cashier.withdrawal_states import Withdrawal, view
from casino.errors import NotFound, NotPermitted
from casino.ids import PlayerId, moment_of
from casino.ledger import journal, totals
from casino.ledger.chart import Kind
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.players import facts as player_facts
from casino.players import identity
from casino.players.rules import PlayerFacts, check_account, check_exclusion
from casino.players.tables import ExclusionRow, LimitRow
from casino.risk.rules import (
    Fact,
    ReturnFacts,
    WithdrawalFacts,
    return_facts,
    withdrawal_facts,
)
from casino.staff import people
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.crediting import Deposit
    from casino.cashier.terms import Terms
    from casino.players.identity import Player
    from casino.staff.people import Member

STAKES = (Kind.BET_STAKE, Kind.SEAMLESS_DEBIT)
UNDONE = (Kind.BET_REFUND, Kind.SEAMLESS_ROLLBACK)


@dataclass(frozen=True, slots=True)
class Card:
    """A withdrawal with all that a decision needs; `approved_by` are members of staff, `deposit` is
    what it sends back."""

    withdrawal: Withdrawal
    player: Player
    facts: Sequence[Fact]
    approved_by: tuple[int, ...]
    needs_second: bool
    deposit: Deposit | None


async def card(session: AsyncSession, *, withdrawal_id: int, now: datetime) -> Card:
    """The card of a withdrawal as things stand now; raises NotFound."""
    row = await session.get(WithdrawalRow, withdrawal_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="withdrawal", key=withdrawal_id)
    player = await identity.get(session, player_id=row.player_id)
    deposit = await session.get(DepositRow, row.deposit_id) if row.deposit_id else None
    in_force = await terms.current(session)
    deciders = await people.list_with(session, permission=Permission.WITHDRAWALS_DECIDE)
    return Card(
        withdrawal=view(row),
        player=player,
        facts=withdrawal_facts(await _gather(session, row, player, now), now=now)
        if deposit is None
        else return_facts(await _gather_return(session, row, now)),
        approved_by=await approvers(
            session, withdrawal_id=row.id, among=_without(deciders, player)
        ),
        needs_second=people_needed(row, in_force) > 1,
        deposit=None if deposit is None else crediting.view(deposit),
    )


def people_needed(row: WithdrawalRow, in_force: Terms) -> int:
    """How many different people have to agree on a withdrawal."""
    return 2 if row.reference_units > in_force.second_person_above else 1


async def lock_deciders(
    session: AsyncSession, row: WithdrawalRow, *, member: Member
) -> Sequence[Member]:
    """Everybody with whom the decision on a locked withdrawal lies, locked against a change of
    their roles until the transaction ends; nobody decides on his own money. Raises NotPermitted
    unless the member is one of them."""
    player = await identity.get(session, player_id=row.player_id)
    deciders = _without(
        await people.lock_with(session, permission=Permission.WITHDRAWALS_DECIDE), player
    )
    if all(one.id != member.id for one in deciders):
        raise NotPermitted(permission=Permission.WITHDRAWALS_DECIDE.value)
    return deciders


async def approvers(
    session: AsyncSession, *, withdrawal_id: int, among: Collection[Member]
) -> tuple[int, ...]:
    """Whose yes counts, in the order of saying it: of those `among` whom the decision lies now."""
    counted = {member.id for member in among}
    found = await session.scalars(
        select(ApprovalRow.member_id)
        .where(ApprovalRow.withdrawal_id == withdrawal_id)
        .order_by(ApprovalRow.at, ApprovalRow.member_id)
    )
    return tuple(member_id for member_id in found if member_id in counted)


def _without(deciders: Sequence[Member], player: Player) -> Sequence[Member]:
    return [one for one in deciders if one.telegram_id != player.telegram_id]


async def _gather(
    session: AsyncSession, row: WithdrawalRow, player: Player, now: datetime
) -> WithdrawalFacts:
    facts = await player_facts.load_one(session, player_id=row.player_id)
    deposits_ref = await session.scalar(
        select(func.coalesce(func.sum(DepositRow.reference_units), 0)).where(
            DepositRow.player_id == row.player_id, DepositRow.status == "credited"
        )
    )
    withdrawn_ref = await session.scalar(
        select(func.coalesce(func.sum(WithdrawalRow.reference_units), 0)).where(
            WithdrawalRow.player_id == row.player_id,
            WithdrawalRow.id < row.id,
            WithdrawalRow.status.not_in(terms.GAVE_UP),
            # A held deposit that went back was never among what he put in.
            WithdrawalRow.deposit_id.is_(None),
        )
    )
    others = await address_book.count_others(
        session, rail=row.rail, destination=row.destination, player_id=row.player_id
    )
    return WithdrawalFacts(
        asked_ref=row.reference_units,
        account_age=now - player.created_at,
        deposits_ref=int(deposits_ref or 0),
        withdrawn_ref=int(withdrawn_ref or 0),
        turnover_ref=await _turnover(session, row.player_id, now),
        kyc_level=facts.kyc_level,
        address_first_use=row.first_use,
        address_other_players=others,
        protection_changed_at=await _protection_changed_at(session, row.player_id),
        excluded=_excluded(facts, now),
    )


async def _gather_return(session: AsyncSession, row: WithdrawalRow, now: datetime) -> ReturnFacts:
    """A return is the house's wish: what matters is whose coins they are and where they go."""
    facts = await player_facts.load_one(session, player_id=row.player_id)
    asset = Asset.from_code(row.asset)
    wallet = (await journal.balances(session, PlayerId(row.player_id))).get(asset, Wallet(asset))
    rate = (await rates.latest(session)).get(asset)
    return ReturnFacts(
        address_other_players=await address_book.count_others(
            session, rail=row.rail, destination=row.destination, player_id=row.player_id
        ),
        kyc_level=facts.kyc_level,
        closed=check_account(facts) is not None,
        excluded=_excluded(facts, now),
        frozen=await freezes.is_frozen(session, player_id=row.player_id),
        owes_ref=rate.to_reference(wallet.deficit) if rate else 0,
    )


async def _turnover(session: AsyncSession, player_id: int, now: datetime) -> int:
    """Everything the player ever staked and did not get back unplayed, at today's rates."""
    moved = await totals.by_kind(
        session,
        since=moment_of(0),
        until=now + timedelta(days=1),
        player_id=PlayerId(player_id),
    )
    quoted = await rates.latest(session)
    return sum(
        sign * quoted[asset].to_reference(units)
        for kinds, sign in ((STAKES, 1), (UNDONE, -1))
        for (kind, asset), units in moved.items()
        if kind in kinds and asset in quoted
    )


async def _protection_changed_at(session: AsyncSession, player_id: int) -> datetime | None:
    """When the player last changed a limit or excluded himself."""
    limits = await session.scalar(
        select(func.max(LimitRow.changed_at)).where(LimitRow.player_id == player_id)
    )
    exclusions = await session.scalar(
        select(func.max(ExclusionRow.started_at)).where(ExclusionRow.player_id == player_id)
    )
    return max((each for each in (limits, exclusions) if each is not None), default=None)


def _excluded(facts: PlayerFacts, now: datetime) -> bool:
    return check_exclusion(facts, now=now) is not None
