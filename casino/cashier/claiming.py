"""What leaves next: approved withdrawals, or a move of our own, under a replay key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino import flags, switches
from casino.cashier import foreign_sends, freezes, moves, recovery
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
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.moves import MoveIntent

    Numbering = Callable[[int], int]
    """Makes the next replay number from the last one that its account was given, -1 before the
    first."""

MEMBERS_MAX = 200
# A query id is a 13-bit shift and a 10-bit place; the last place of each shift is not usable.
PLACES = 1 << 10
QUERY_IDS = 1 << 23


async def claim(
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
) -> Payout | None:
    """Take approved withdrawals into a new payout, the oldest first, and give it its replay key;
    None if there is nothing to pay.

    `available_units` is what the hot wallet can spend, `member_fee_units` what the network takes
    for each payment; a withdrawal that does not fit waits and lets smaller ones pass. Withdrawals
    whose order does not last until `orders_until` go back to staff. Nothing is claimed while
    withdrawals are stopped, nor while something left the account that nobody can explain, nor
    for a player who is blocked or whose withdrawals are frozen.
    `plan` is that of the first attempt, where nothing else has to be known for it.
    """
    offered = await get_rail(session, rail)
    stopped = await flags.stopped(session)
    if offered.address is None or stopped & {*required_switches(offered, switches.WITHDRAWALS)}:
        return None
    # The account's row is the claimers' queue.
    counter = await _lock_number(session, offered.address)
    if await foreign_sends.waiting(session, account=offered.address):
        return None
    await recovery.return_expired(session, rail=rail, before=orders_until, now=now)
    left = available_units
    chosen: list[WithdrawalRow] = []
    for row in await _claimable(session, rail):
        needed = row.units - row.fee_units + member_fee_units
        if needed <= left and len(chosen) < min(limit, MEMBERS_MAX):
            chosen.append(row)
            left -= needed
    if not chosen:
        return None
    payout = await _make(
        session,
        counter,
        numbering,
        PayoutRow(
            rail=rail,
            account=offered.address,
            created_at=created_at,
            expires_at=expires_at,
            since_height=since_height,
            claimed_at=now,
        ),
        plan,
    )
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
            now=now,
        )
    return await get_payout(session, payout_id=payout.id)


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
    counter = await _lock_number(session, account)
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


async def _lock_number(session: AsyncSession, account: str) -> AccountNumberRow:
    await session.execute(
        insert(AccountNumberRow).values(account=account, last=-1).on_conflict_do_nothing()
    )
    return await session.get_one(
        AccountNumberRow, account, with_for_update=True, populate_existing=True
    )


async def _claimable(session: AsyncSession, rail: str) -> Sequence[WithdrawalRow]:
    """Lock what may be paid now; what somebody else is deciding on is left for the next time."""
    again = (WithdrawalRow.status == WithdrawalStatus.DEAD) & WithdrawalRow.retry_at.is_not(None)
    return (
        await session.scalars(
            select(WithdrawalRow)
            .join(PlayerRow, PlayerRow.id == WithdrawalRow.player_id)
            .where(
                WithdrawalRow.rail == rail,
                (WithdrawalRow.status == WithdrawalStatus.APPROVED) | again,
                PlayerRow.status == "active",
                PlayerRow.id.not_in(freezes.frozen_players()),
            )
            .order_by(WithdrawalRow.id)
            .limit(2 * MEMBERS_MAX)
            .with_for_update(of=WithdrawalRow, skip_locked=True)
            .execution_options(populate_existing=True)
        )
    ).all()
