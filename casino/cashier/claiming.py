"""What leaves next: approved withdrawals, or a move of our own, under a replay key of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from casino import flags, switches
from casino.cashier import foreign_sends, freezes, moves, numbers, recovery
from casino.cashier.batches import PENDING, Payout, get_payout
from casino.cashier.payout_tables import (
    AccountNumberRow,
    MoveRow,
    PayoutAttemptRow,
    PayoutMemberRow,
    PayoutRow,
)
from casino.cashier.rails import get_rail, required_switches
from casino.cashier.tables import WithdrawalRow
from casino.cashier.withdrawal_states import WithdrawalStatus, move
from casino.players.tables import PlayerRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.moves import MoveIntent
    from casino.cashier.rails import Rail

    Numbering = Callable[[int], int]
    """Makes the next replay number from the last one that its account was given, -1 before the
    first."""

    Payable = Callable[[int, str, int], bool]
    """Whether the chain can pay a withdrawal: its id, its destination, its net units."""

MEMBERS_MAX = 250
# A query id is a 13-bit shift and a 10-bit place; the last place of each shift is not usable.
PLACES = 1 << 10
QUERY_IDS = 1 << 23


@dataclass(frozen=True, slots=True)
class NextPayment:
    """A withdrawal that may be paid now; `units` is the net amount."""

    withdrawal_id: int
    units: int
    destination: str


async def claim(  # noqa: PLR0913 - what a rail knows, each by its name
    session: AsyncSession,
    *,
    rail: str,
    limit: int,
    available_units: int,
    numbering: Numbering,
    created_at: datetime,
    expires_at: datetime | None,
    orders_until: datetime,
    now: datetime,
    member_fee_units: int = 0,
    since_height: int | None = None,
    plan: Mapping[str, object] | None = None,
    payable: Payable | None = None,
) -> Payout | None:
    """Take approved withdrawals into a new payout, the oldest first, and give it its replay key;
    None if there is nothing to pay.

    `available_units` is what the hot wallet can spend, `member_fee_units` what the network takes
    for each payment; a withdrawal that does not fit waits and lets smaller ones pass. Withdrawals
    whose order does not last until `orders_until` go back to staff. Nothing is claimed while
    withdrawals are stopped, nor while something left the account that nobody can explain, nor
    for a player who is blocked or whose withdrawals are frozen, unless it is a return. What is not
    `payable` waits. `plan` is that of the first attempt, where nothing else has to be known for it.
    """
    counter = await _begin(session, rail=rail, orders_until=orders_until, now=now)
    if counter is None:
        return None
    left = available_units
    chosen: list[WithdrawalRow] = []
    for row in await _claimable(session, rail):
        needed = row.units - row.fee_units + member_fee_units
        if payable is not None and not payable(row.id, row.destination, row.units - row.fee_units):
            continue
        if needed <= left and len(chosen) < min(limit, MEMBERS_MAX):
            chosen.append(row)
            left -= needed
    if not chosen:
        return None
    return await _assign(
        session,
        counter,
        numbering,
        PayoutRow(
            rail=rail,
            account=counter.account,
            created_at=created_at,
            expires_at=expires_at,
            since_height=since_height,
            claimed_at=now,
        ),
        chosen,
        plan,
    )


async def claim_one(
    session: AsyncSession,
    *,
    rail: str,
    withdrawal_id: int,
    numbering: Numbering,
    created_at: datetime,
    since_height: int,
    orders_until: datetime,
    plan: Mapping[str, object],
    now: datetime,
) -> Payout | None:
    """Take one certain withdrawal, which `next_payments` has shown and the hot wallet can pay, into
    a payout of its own whose bytes never run out; None when `claim` would not take it either."""
    counter = await _begin(session, rail=rail, orders_until=orders_until, now=now)
    if counter is None:
        return None
    chosen = [row for row in await _claimable(session, rail) if row.id == withdrawal_id]
    if not chosen:
        return None
    return await _assign(
        session,
        counter,
        numbering,
        PayoutRow(
            rail=rail,
            account=counter.account,
            created_at=created_at,
            expires_at=None,
            since_height=since_height,
            claimed_at=now,
        ),
        chosen,
        plan,
    )


async def next_payments(session: AsyncSession, *, rail: str) -> Sequence[NextPayment]:
    """What `claim` would look at now, the oldest first, and nothing locked: for senders that try a
    payment out before they give it a replay key. Nothing while payments are switched off."""
    offered = await get_rail(session, rail)
    if await _stopped(session, offered):
        return []
    found = await session.scalars(_next(rail))
    return [NextPayment(row.id, row.units - row.fee_units, row.destination) for row in found]


async def claim_move(
    session: AsyncSession,
    *,
    rail: str,
    account: str,
    intent: MoveIntent,
    numbering: Numbering,
    created_at: datetime,
    expires_at: datetime | None,
    now: datetime,
    since_height: int | None = None,
    plan: Mapping[str, object] | None = None,
) -> Payout | None:
    """Give a move of our own its payout and replay key; `account` is the one that
    signs. None while another such move from the same place is under way, or
    something left the account that nobody can explain."""
    counter = await numbers.lock(session, account=account)
    if await foreign_sends.waiting(session, account=account):
        return None
    busy = await session.scalar(
        select(MoveRow.payout_id).where(
            MoveRow.rail == rail,
            MoveRow.kind == intent.kind,
            MoveRow.source == intent.source,
            MoveRow.status.in_(moves.LIVING),
        )
    )
    if busy is not None:
        return None
    payout = await _make(
        session,
        counter,
        numbering,
        PayoutRow(
            rail=rail,
            account=account,
            created_at=created_at,
            expires_at=expires_at,
            since_height=since_height,
            claimed_at=now,
        ),
        plan,
    )
    await moves.assign(session, payout=payout, intent=intent, now=now)
    return await get_payout(session, payout_id=payout.id)


def next_query_id(last: int) -> int:
    """The query id of TON's highload wallet after `last`: counts up, skips the place that no shift
    may use, and begins anew long after the first ones were forgotten by the wallet."""
    following = (last + 1) % QUERY_IDS
    if following % PLACES == PLACES - 1:
        following = (following + 1) % QUERY_IDS
    return following


def next_nonce(at_least: int) -> Numbering:
    """The nonce after the last, or the one that the chain says is free if that is higher: somebody
    else may have used the account."""
    return lambda last: max(last + 1, at_least)


async def _begin(
    session: AsyncSession, *, rail: str, orders_until: datetime, now: datetime
) -> AccountNumberRow | None:
    """Lock the hot wallet's counter and put orders that run out back; None while nothing may be
    claimed."""
    offered = await get_rail(session, rail)
    if offered.address is None or await _stopped(session, offered):
        return None
    # The account's row is the claimers' queue.
    counter = await numbers.lock(session, account=offered.address)
    if await foreign_sends.waiting(session, account=offered.address):
        return None
    await recovery.return_expired(session, rail=rail, before=orders_until, now=now)
    return counter


async def _assign(
    session: AsyncSession,
    counter: AccountNumberRow,
    numbering: Numbering,
    fresh: PayoutRow,
    chosen: Sequence[WithdrawalRow],
    plan: Mapping[str, object] | None,
) -> Payout:
    payout = await _make(session, counter, numbering, fresh, plan)
    for position, row in enumerate(chosen):
        row.attempts += 1
        row.retry_at = None
        session.add(
            PayoutMemberRow(
                payout_id=payout.id, position=position, withdrawal_id=row.id, outcome=PENDING
            )
        )
        await move(
            session,
            row,
            WithdrawalStatus.ASSIGNED,
            details={"payout": payout.id, "replay_number": payout.replay_number},
            now=fresh.claimed_at,
        )
    return await get_payout(session, payout_id=payout.id)


async def approved_waiting(session: AsyncSession, *, rail: str) -> bool:
    """Whether anything approved waits to be claimed, whoever may be paid now."""
    found = await session.scalar(
        select(WithdrawalRow.id).where(WithdrawalRow.rail == rail, _unclaimed()).limit(1)
    )
    return found is not None


async def _make(
    session: AsyncSession,
    counter: AccountNumberRow,
    numbering: Numbering,
    payout: PayoutRow,
    plan: Mapping[str, object] | None,
) -> PayoutRow:
    counter.last = payout.replay_number = numbering(counter.last)
    session.add(payout)
    await session.flush()
    if plan is not None:
        session.add(
            PayoutAttemptRow(
                payout_id=payout.id, number=1, plan=dict(plan), planned_at=payout.claimed_at
            )
        )
        await session.flush()
    return payout


async def skip_number(session: AsyncSession, account: str, used: int) -> None:
    """Give out no number up to one that somebody else has used: it would be refused."""
    counter = await numbers.lock(session, account=account)
    counter.last = max(counter.last, used)
    await session.flush()


async def last_expiry(session: AsyncSession, *, account: str) -> datetime:
    """Until when bytes of any payout of an account could be obeyed, by the chain's time; long ago
    if there was none."""
    found = await session.scalar(
        select(func.max(PayoutRow.expires_at)).where(PayoutRow.account == account)
    )
    return found or datetime.min.replace(tzinfo=UTC)


async def anything_waits(session: AsyncSession, *, rail: str) -> bool:
    """Whether an approved withdrawal waits to be claimed."""
    found = await session.scalar(
        select(WithdrawalRow.id)
        .where(WithdrawalRow.rail == rail, WithdrawalRow.status == WithdrawalStatus.APPROVED)
        .limit(1)
    )
    return found is not None


async def _claimable(session: AsyncSession, rail: str) -> Sequence[WithdrawalRow]:
    """Lock what may be paid now; what somebody else is deciding on is left for the next time."""
    locking = _next(rail).with_for_update(of=WithdrawalRow, skip_locked=True)
    return (await session.scalars(locking)).all()


async def _stopped(session: AsyncSession, offered: Rail) -> bool:
    stopped = await flags.stopped(session)
    return bool(stopped & {*required_switches(offered, switches.WITHDRAWALS)})


def _unclaimed() -> ColumnElement[bool]:
    """Approved and never tried, or dead and to be tried again."""
    again = (WithdrawalRow.status == WithdrawalStatus.DEAD) & WithdrawalRow.retry_at.is_not(None)
    return (WithdrawalRow.status == WithdrawalStatus.APPROVED) | again


def _next(rail: str) -> Select[WithdrawalRow]:
    return (
        select(WithdrawalRow)
        .join(PlayerRow, PlayerRow.id == WithdrawalRow.player_id)
        .where(
            WithdrawalRow.rail == rail,
            _unclaimed(),
            or_(
                # What the player's own wish would have to wait for does not hold up a return.
                WithdrawalRow.deposit_id.is_not(None),
                (PlayerRow.status == "active") & PlayerRow.id.not_in(freezes.frozen_players()),
            ),
        )
        .order_by(WithdrawalRow.id)
        .limit(2 * MEMBERS_MAX)
        .execution_options(populate_existing=True)
    )
