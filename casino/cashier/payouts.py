"""Payouts: approved withdrawals travel in batches, each under a replay key that is never reused.

The laws: the replay key is committed before anything is signed, the signed bytes before anything
is sent; the same bytes are sent again until they are seen or can provably never land; money leaves
the book only for a payment that is final on the chain, and comes back only from a proven death.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import flags, switches
from casino.cashier import address_book, freezes, recovery
from casino.cashier.batches import (
    DEAD,
    PAID,
    PENDING,
    Payout,
    get_payout,
    lock_members,
    lock_payout,
)
from casino.cashier.rails import get_rail, required_switches
from casino.cashier.tables import (
    PayoutMemberRow,
    PayoutRow,
    RailRow,
    WithdrawalRow,
)
from casino.cashier.withdrawal_states import (
    Withdrawal,
    WithdrawalStatus,
    lock,
    lock_owner,
    move,
    pay_out,
    tell_player,
    tell_staff,
    view,
)
from casino.errors import IdempotencyConflict, IllegalMove, InvariantViolation, NotFound
from casino.ledger import journal
from casino.ledger.chart import Account, Kind, hot_wallet
from casino.ledger.wallet import Posting
from casino.players.tables import PlayerRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

MEMBERS_MAX = 200
# A replay key is a 13-bit shift and a 10-bit place; the last place of each shift is not usable.
PLACES = 1 << 10
KEYS = 1 << 23


async def claim(
    session: AsyncSession,
    *,
    rail: str,
    limit: int,
    available_units: int,
    created_at: datetime,
    timeout: timedelta,
    now: datetime,
    member_fee_units: int = 0,
) -> Payout | None:
    """Take approved withdrawals into a new payout, the oldest first, and give it its replay key;
    None if there is nothing to pay.

    `available_units` is what the hot wallet can spend, `member_fee_units` what the network takes
    for each payment; a withdrawal that does not fit waits and lets smaller ones pass. Withdrawals
    whose order ran out go back to staff. Nothing is claimed while withdrawals are stopped, nor
    for a player who is blocked or whose withdrawals are frozen.
    """
    offered = await get_rail(session, rail)
    stopped = await flags.stopped(session)
    if offered.address is None or stopped & {*required_switches(offered, switches.WITHDRAWALS)}:
        return None
    # The rail's row is the claimers' queue, and its counter the source of replay keys.
    counter = await session.get_one(RailRow, rail, with_for_update=True, populate_existing=True)
    await recovery.return_expired(session, rail=rail, before=created_at + timeout, now=now)
    left = available_units
    chosen: list[WithdrawalRow] = []
    for row in await _claimable(session, rail):
        needed = row.units - row.fee_units + member_fee_units
        if needed <= left and len(chosen) < min(limit, MEMBERS_MAX):
            chosen.append(row)
            left -= needed
    if not chosen:
        return None
    counter.last_query_id = next_query_id(counter.last_query_id)
    payout = PayoutRow(
        rail=rail,
        account=offered.address,
        query_id=counter.last_query_id,
        created_at=created_at,
        expires_at=created_at + timeout,
        claimed_at=now,
    )
    session.add(payout)
    await session.flush()
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
            details={"payout": payout.id, "query_id": payout.query_id},
            now=now,
        )
    return await get_payout(session, payout_id=payout.id)


async def mark_broadcast(session: AsyncSession, *, payout_id: int, now: datetime) -> None:
    """Say that the stored bytes were handed to the network at least once; again changes nothing.
    Raises IllegalMove if nothing was signed."""
    payout = await lock_payout(session, payout_id)
    if payout.signed is None:
        raise IllegalMove(thing="payout", current="assigned", wanted="broadcast")
    payout.broadcast_at = payout.broadcast_at or now
    for row in await lock_members(session, payout_id=payout_id):
        if row.status == WithdrawalStatus.SIGNED:
            await move(session, row, WithdrawalStatus.BROADCAST, now=now)
    await session.flush()


async def payout_seen(
    session: AsyncSession, *, payout_id: int, tx_hash: str, now: datetime
) -> None:
    """Say that the carrier is on the chain: sending it again is pointless. Players whose payment
    is still open learn where to look."""
    payout = await lock_payout(session, payout_id)
    if payout.signed is None:
        raise IllegalMove(thing="payout", current="assigned", wanted="seen")
    payout.broadcast_at = payout.broadcast_at or now
    payout.seen_at = payout.seen_at or now
    for row in await lock_members(session, payout_id=payout_id):
        if row.status == WithdrawalStatus.SIGNED:
            await move(session, row, WithdrawalStatus.BROADCAST, now=now)
        await _note_seen(session, row, tx_hash, now)
    await session.flush()


async def complete_member(
    session: AsyncSession,
    *,
    payout_id: int,
    withdrawal_id: int,
    tx_hash: str,
    now: datetime,
    fee_units: int = 0,
) -> Withdrawal:
    """Book one payment that is final on the chain: reserved -> hot wallet, the fee to the house.
    `fee_units` is what the network took for it, if that is known by member; leave it out where
    network fees are booked by transaction. Twice is once; raises IdempotencyConflict for another
    transfer, IllegalMove for a payment that was declared dead."""
    payout, row, member = await _lock_all(session, payout_id, withdrawal_id)
    if member.outcome == PAID:
        if member.tx_hash != tx_hash:
            raise IdempotencyConflict(reference=f"{payout_id}/{withdrawal_id}")
        return view(row)
    if member.outcome == DEAD:
        raise IllegalMove(thing="payout_member", current=DEAD, wanted=PAID)
    if row.status == WithdrawalStatus.SIGNED:
        # The bytes went out, but the process died before it could say so.
        await move(session, row, WithdrawalStatus.BROADCAST, now=now)
    await _note_seen(session, row, tx_hash, now)
    row.final_at = now
    await move(session, row, WithdrawalStatus.CONFIRMED, details={"tx_hash": tx_hash}, now=now)
    await pay_out(session, row, wallet=hot_wallet(row.rail), now=now)
    if fee_units:
        await book_network_fee(
            session,
            rail=row.rail,
            units=fee_units,
            reference=f"{payout_id}/{withdrawal_id}",
            now=now,
        )
    await address_book.note_payment(
        session, rail=row.rail, destination=row.destination, player_id=row.player_id
    )
    await _end_member(session, payout, member, PAID, tx_hash=tx_hash, now=now)
    rail = await get_rail(session, row.rail)
    await tell_player(
        session,
        row,
        kind="withdrawal.confirmed",
        tx_hash=row.tx_hash,
        url=rail.tx_url(row.tx_hash),
    )
    return view(row)


async def member_dead(
    session: AsyncSession, *, payout_id: int, withdrawal_id: int, proof: str, now: datetime
) -> Withdrawal:
    """Declare that this payout can never pay this withdrawal, with the proof from final chain
    data. The money stays reserved until `recovery.reassign` or `recovery.refund`. Twice is once;
    raises IllegalMove for a payment that was made."""
    payout, row, member = await _lock_all(session, payout_id, withdrawal_id)
    if member.outcome == DEAD:
        return view(row)
    if member.outcome == PAID:
        raise IllegalMove(thing="payout_member", current=PAID, wanted=DEAD)
    if not proof.strip():
        raise InvariantViolation(reason="a death needs its proof", payout=payout_id)
    row.tx_hash = row.seen_at = None
    await move(
        session,
        row,
        WithdrawalStatus.DEAD,
        details={"payout": payout_id, "proof": proof},
        now=now,
    )
    await _end_member(session, payout, member, DEAD, proof=proof, now=now)
    await tell_staff(session, row, kind="withdrawal.dead", proof=proof, attempts=row.attempts)
    return view(row)


async def book_network_fee(
    session: AsyncSession, *, rail: str, units: int, reference: str, now: datetime
) -> None:
    """Book what the network took from the hot wallet, once for `reference`; units below zero are
    coins that came back from earlier ways, zero is nothing."""
    if not units:
        return
    offered = await get_rail(session, rail)
    way = (Account.HOUSE_NETWORK_FEES, hot_wallet(rail))
    source, to = way if units > 0 else way[::-1]
    await journal.post_house(
        session,
        source=f"network:{rail}",
        kind_key="fee",
        reference=reference,
        request={"units": units},
        postings=[
            Posting(source, to, abs(units), offered.asset, Kind.NETWORK_FEE),
        ],
        subject_id=0,
        now=now,
    )


def next_query_id(last: int) -> int:
    """The replay key after `last`: counts up, skips the place that no shift may use, and begins
    anew long after the first keys were forgotten by the wallet."""
    following = (last + 1) % KEYS
    if following % PLACES == PLACES - 1:
        following = (following + 1) % KEYS
    return following


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


async def _lock_all(
    session: AsyncSession, payout_id: int, withdrawal_id: int
) -> tuple[PayoutRow, WithdrawalRow, PayoutMemberRow]:
    """Lock from the outside in: the player, the payout, the withdrawal, its place in the payout.
    Everything that touches a payout locks it before its withdrawals."""
    await lock_owner(session, withdrawal_id=withdrawal_id)
    payout = await lock_payout(session, payout_id)
    row = await lock(session, withdrawal_id=withdrawal_id)
    member = await session.scalar(
        select(PayoutMemberRow)
        .where(
            PayoutMemberRow.payout_id == payout_id,
            PayoutMemberRow.withdrawal_id == withdrawal_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if member is None:
        raise NotFound(thing="payout_member", key=f"{payout_id}/{withdrawal_id}")
    return payout, row, member


async def _note_seen(
    session: AsyncSession, row: WithdrawalRow, tx_hash: str, now: datetime
) -> None:
    if row.seen_at is not None:
        return
    row.seen_at, row.tx_hash = now, tx_hash
    rail = await get_rail(session, row.rail)
    await tell_player(
        session, row, kind="withdrawal.sent", tx_hash=tx_hash, url=rail.tx_url(tx_hash)
    )


async def _end_member(
    session: AsyncSession,
    payout: PayoutRow,
    member: PayoutMemberRow,
    outcome: str,
    *,
    tx_hash: str | None = None,
    proof: str | None = None,
    now: datetime,
) -> None:
    member.outcome, member.tx_hash, member.proof, member.ended_at = outcome, tx_hash, proof, now
    await session.flush()
    waiting = await session.scalar(
        select(PayoutMemberRow.withdrawal_id)
        .where(PayoutMemberRow.payout_id == member.payout_id, PayoutMemberRow.outcome == PENDING)
        .limit(1)
    )
    if waiting is None:
        payout.closed_at = now
        await session.flush()
