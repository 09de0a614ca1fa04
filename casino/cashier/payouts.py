"""The life of a payout: sent, seen, and each payment in it final or provably dead.

The laws: the replay key is committed before anything is signed, the signed bytes before anything
is sent; the same bytes are sent again until they are seen or can provably never land; money leaves
the book only for a payment that is final on the chain, and comes back only from a proven death.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sqlalchemy import select

from casino.cashier import address_book, moves
from casino.cashier.batches import DEAD, PAID, PENDING, close, lock_members, lock_payout
from casino.cashier.moves import MoveStatus
from casino.cashier.payout_tables import PayoutAttemptRow, PayoutMemberRow, PayoutRow
from casino.cashier.rails import get_rail
from casino.cashier.tables import WithdrawalRow
from casino.cashier.withdrawal_states import (
    SYSTEM,
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


class Fee(Protocol):
    """What one transaction of ours cost, as chain adapters report it."""

    @property
    def reference(self) -> str:
        """Unique for ever on the rail."""
        ...

    @property
    def units(self) -> int:
        """In units of the rail's asset."""
        ...


async def mark_broadcast(session: AsyncSession, *, payout_id: int, now: datetime) -> None:
    """Say that the stored bytes were handed to the network at least once; again changes nothing.
    Raises IllegalMove if nothing was signed."""
    await _say_broadcast(session, payout_id, wanted="broadcast", now=now)


async def payout_seen(
    session: AsyncSession, *, payout_id: int, tx_hash: str, now: datetime
) -> None:
    """Say that the carrier is on the chain. Players whose payment is still open learn where to
    look; where a payout has versions it may yet be another one that stays, and saying so again
    corrects what they see."""
    payout, open_members = await _say_broadcast(session, payout_id, wanted="seen", now=now)
    payout.seen_at = payout.seen_at or now
    for row in open_members:
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
    actor: str = SYSTEM,
    given_back: int = 0,
) -> Withdrawal:
    """Book one payment that is final on the chain: reserved -> hot wallet, the fee to the house.
    `fee_units` is what the network took for it, if that is known by member; leave it out where
    network fees are booked by transaction. `given_back` is for people, see `confirm`. Twice is
    once; raises IdempotencyConflict for another
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
    if fee_units:
        await book_network_fee(
            session,
            rail=row.rail,
            units=fee_units,
            reference=f"{payout_id}/{withdrawal_id}",
            now=now,
        )
    await _end_member(session, payout, member, PAID, tx_hash=tx_hash, now=now)
    await confirm(
        session,
        row,
        tx_hash=tx_hash,
        actor=actor,
        given_back=given_back,
        details={"payout": payout_id},
        now=now,
    )
    return view(row)


async def confirm(
    session: AsyncSession,
    row: WithdrawalRow,
    *,
    tx_hash: str,
    details: Mapping[str, object],
    actor: str = SYSTEM,
    given_back: int = 0,
    now: datetime,
) -> None:
    """End a locked withdrawal as paid by a transaction that is final, book it and tell the player;
    `given_back` units of it never arrived and return to him, held where it was to send a deposit
    back. Raises IllegalMove."""
    # Another version than the one that was seen first may be the one that stayed.
    row.tx_hash, row.final_at, row.retry_at = tx_hash, now, None
    row.seen_at = row.seen_at or now
    await move(
        session,
        row,
        WithdrawalStatus.CONFIRMED,
        actor=actor,
        details={"tx_hash": tx_hash, **details},
        now=now,
    )
    await pay_out(session, row, wallet=hot_wallet(row.rail), given_back=given_back, now=now)
    if row.deposit_id is None:
        await address_book.note_payment(
            session, rail=row.rail, destination=row.destination, player_id=row.player_id
        )
    rail = await get_rail(session, row.rail)
    await tell_player(
        session, row, kind="withdrawal.confirmed", tx_hash=tx_hash, url=rail.tx_url(tx_hash)
    )


async def member_dead(
    session: AsyncSession,
    *,
    payout_id: int,
    withdrawal_id: int,
    proof: str,
    actor: str = SYSTEM,
    now: datetime,
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
        actor=actor,
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


async def book_fees(
    session: AsyncSession, *, rail: str, fees: Sequence[Fee], now: datetime
) -> None:
    """Book what transactions of ours cost, each once for its reference."""
    for fee in fees:
        await book_network_fee(
            session, rail=rail, units=fee.units, reference=fee.reference, now=now
        )


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


async def _say_broadcast(
    session: AsyncSession, payout_id: int, *, wanted: str, now: datetime
) -> tuple[PayoutRow, Sequence[WithdrawalRow]]:
    payout = await lock_payout(session, payout_id)
    signed = await session.scalar(
        select(PayoutAttemptRow.number)
        .where(PayoutAttemptRow.payout_id == payout_id, PayoutAttemptRow.signed.is_not(None))
        .limit(1)
    )
    if signed is None:
        raise IllegalMove(thing="payout", current="assigned", wanted=wanted)
    payout.broadcast_at = payout.broadcast_at or now
    open_members = await lock_members(session, payout_id=payout_id)
    for row in open_members:
        if row.status == WithdrawalStatus.SIGNED:
            await move(session, row, WithdrawalStatus.BROADCAST, now=now)
    if payout.closed_at is None:
        await moves.advance(session, payout_id=payout_id, to=MoveStatus.BROADCAST, now=now)
    await session.flush()
    return payout, open_members


async def _note_seen(
    session: AsyncSession, row: WithdrawalRow, tx_hash: str, now: datetime
) -> None:
    if row.seen_at is not None:
        row.tx_hash = tx_hash
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
        await close(session, payout, now=now)
