"""What a foreign send paid, settled by people: a withdrawal of ours, cold storage, or a loss."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier import blocks, cold_storage, foreign_sends, payouts, review, terms
from casino.cashier.address_tables import SavedAddressRow
from casino.cashier.payout_tables import OwnCoinRow
from casino.cashier.rails import BTC, get_rail
from casino.cashier.settling_tables import ForeignPaymentRow, ForeignVoteRow
from casino.cashier.tables import WithdrawalRow
from casino.cashier.withdrawal_states import (
    UNDER_WAY,
    Withdrawal,
    WithdrawalStatus,
    lock,
    tell_staff,
    view,
)
from casino.errors import BadChoice, IdempotencyConflict, IllegalMove, NotFound
from casino.ledger import journal
from casino.ledger.chart import Account, Kind, hot_wallet
from casino.ledger.wallet import Posting
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.foreign_sends import ForeignSend, SentPayment
    from casino.staff.people import Member

PAYABLE = frozenset({WithdrawalStatus.IN_REVIEW, WithdrawalStatus.APPROVED, WithdrawalStatus.DEAD})
"""Withdrawals that no bytes of ours can pay any more, or none exist: only of these can anything
else be the payment."""
OPEN = PAYABLE | UNDER_WAY


class What(StrEnum):
    """What a payment turned out to be."""

    WITHDRAWAL = "withdrawal"
    COLD = "cold"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Settled:
    """What people have said of one payment."""

    what: What
    withdrawal_id: int | None


async def settled(session: AsyncSession, *, account: str, tx_hash: str) -> Mapping[int, Settled]:
    """What the payments of a foreign send were, by their places; unsettled ones are left out."""
    rows = await session.scalars(
        select(ForeignPaymentRow).where(
            ForeignPaymentRow.account == account, ForeignPaymentRow.tx_hash == tx_hash
        )
    )
    return {row.position: Settled(What(row.what), row.withdrawal_id) for row in rows}


async def candidates(session: AsyncSession, *, paid: SentPayment) -> Sequence[Withdrawal]:
    """Open withdrawals that a payment could have been: of its rail, to its address, of just its
    units. Those that are not PAYABLE may still be paid by bytes of their own."""
    rows = await session.scalars(
        select(WithdrawalRow)
        .where(
            WithdrawalRow.rail == paid.rail,
            WithdrawalRow.destination == paid.to,
            WithdrawalRow.units - WithdrawalRow.fee_units == paid.units,
            WithdrawalRow.status.in_(OPEN),
        )
        .order_by(WithdrawalRow.id)
        .execution_options(populate_existing=True)
    )
    return [view(row) for row in rows]


async def is_final(session: AsyncSession, send: ForeignSend) -> bool:
    """Whether its chain cannot take it back. Most are noted when they are final; on Bitcoin as soon
    as they are seen."""
    if send.rail != BTC:
        return True
    place = await blocks.read_place(session, chain=(await get_rail(session, BTC)).chain)
    height = await session.scalar(
        select(OwnCoinRow.spent_height)
        .where(OwnCoinRow.rail == BTC, OwnCoinRow.spent_by == send.tx_hash)
        .limit(1)
    )
    return place is not None and height is not None and height <= place.final_height


async def book_withdrawal(
    session: AsyncSession,
    *,
    account: str,
    tx_hash: str,
    position: int,
    withdrawal_id: int,
    member: Member,
    now: datetime,
) -> bool:
    """Say that a payment of a foreign send was this withdrawal. With the last yes that is needed,
    two different people's above the ceiling of approvals, it is booked like any payment; False
    while another person has to agree. The same again changes nothing, audited.

    Raises NotPermitted, NotFound; BadChoice for another rail, address or amount; IllegalMove for a
    withdrawal that has ended, or whose own bytes may still pay, and for a transaction that is not
    final; IdempotencyConflict when the payment was settled otherwise."""
    # Before the player, as the watcher does that notes it.
    send, paid, before = await _open(session, account, tx_hash, position)
    row = await lock(session, withdrawal_id=withdrawal_id)
    deciders = await review.lock_deciders(session, row, member=member)
    if before is not None:
        if before.withdrawal_id != row.id:
            raise IdempotencyConflict(reference=f"{tx_hash}/{position}")
        return True
    if (paid.rail, paid.to, paid.units) != (row.rail, row.destination, row.units - row.fee_units):
        raise BadChoice(field="withdrawal")
    if row.status not in PAYABLE:
        raise IllegalMove(thing="withdrawal", current=row.status, wanted=What.WITHDRAWAL)
    place = {"account": account, "tx_hash": tx_hash, "position": position}
    vote = {**place, "withdrawal_id": row.id, "member_id": member.id}
    new = await session.scalar(
        insert(ForeignVoteRow)
        .values(**vote, at=now)
        .on_conflict_do_nothing()
        .returning(ForeignVoteRow.member_id)
    )
    voted = set(
        await session.scalars(
            select(ForeignVoteRow.member_id).filter_by(**place, withdrawal_id=row.id)
        )
    )
    agreed = sorted(voted & {one.id for one in deciders})
    if len(agreed) < review.people_needed(row, await terms.current(session)):
        if new is not None:
            await _note_first_yes(session, send, row, member, now)
        return False
    actor = f"staff:{member.id}"
    await _book_fee(session, send, now)
    await payouts.confirm(
        session,
        row,
        tx_hash=send.chain_hash,
        actor=actor,
        details={"foreign_send": f"{tx_hash}/{position}", "agreed": agreed},
        now=now,
    )
    await _keep(session, send, position, What.WITHDRAWAL, paid, actor, now, row.id)
    await tell_staff(session, row, kind="withdrawal.decided")
    return True


async def book_cold(
    session: AsyncSession,
    *,
    account: str,
    tx_hash: str,
    position: int,
    member: Member,
    now: datetime,
) -> None:
    """Say that a payment of a foreign send was a move to cold storage that a person has made: its
    units are booked there, and its address is the house's own from now on; audited. The same again
    changes nothing. Raises NotPermitted, NotFound, BadChoice for what no rail carries, IllegalMove
    also for an address that a player withdraws to, IdempotencyConflict as `book_withdrawal` does.
    """
    await require_permission(session, member_id=member.id, permission=Permission.TREASURY_SET)
    send, paid, before = await _open(session, account, tx_hash, position)
    if before is not None:
        if before.what != What.COLD:
            raise IdempotencyConflict(reference=f"{tx_hash}/{position}")
        return
    if paid.rail is None:
        raise BadChoice(field="cold")
    if await _is_a_players(session, paid):
        raise IllegalMove(thing="cold_address", current="player", wanted=What.COLD)
    actor = f"staff:{member.id}"
    await _book_fee(session, send, now)
    await cold_storage.keep_address(session, rail=paid.rail, address=paid.to, now=now)
    await cold_storage.book_move(
        session,
        rail=paid.rail,
        units=paid.units,
        reference=f"by_hand:{tx_hash}/{position}",
        tx_hash=send.chain_hash,
        booked_by=actor,
        now=now,
    )
    await _keep(session, send, position, What.COLD, paid, actor, now)


async def book_loss(
    session: AsyncSession,
    *,
    account: str,
    tx_hash: str,
    member: Member,
    reason: str,
    now: datetime,
) -> Mapping[str, int]:
    """Say that whatever of a foreign send is not settled paid nobody of ours: the house's capital
    bears it. Returns the units of each rail; nothing when all is settled; audited. Raises
    NotPermitted, NotFound, IllegalMove for a transaction that is not final, or that the chain has
    not shown in full."""
    await require_permission(session, member_id=member.id, permission=Permission.TREASURY_SET)
    send = await foreign_sends.lock(session, account=account, tx_hash=tx_hash)
    if not send.payments or not await is_final(session, send):
        raise IllegalMove(thing="foreign_send", current="not_final", wanted=What.LOSS)
    before = await settled(session, account=account, tx_hash=tx_hash)
    actor = f"staff:{member.id}"
    lost: dict[str, int] = {}
    left = {
        position: paid
        for position, paid in enumerate(send.payments)
        if position not in before and paid.rail is not None
    }
    await _book_fee(session, send, now)
    for position, paid in left.items():
        await _post_loss(session, send, position, paid, now)
    for position, paid in left.items():
        await _keep(session, send, position, What.LOSS, paid, actor, now, note=reason)
        lost[paid.rail or ""] = lost.get(paid.rail or "", 0) + paid.units
    return lost


async def _post_loss(
    session: AsyncSession, send: ForeignSend, position: int, paid: SentPayment, now: datetime
) -> None:
    rail = await get_rail(session, paid.rail or "")
    await journal.post_house(
        session,
        source=f"treasury:{rail.name}",
        kind_key="loss",
        reference=f"{send.tx_hash}/{position}",
        request={"units": paid.units},
        postings=[
            Posting(
                Account.HOUSE_CAPITAL,
                hot_wallet(rail.name),
                paid.units,
                rail.asset,
                Kind.CORRECTION,
            )
        ],
        subject_id=0,
        now=now,
    )


async def _is_a_players(session: AsyncSession, paid: SentPayment) -> bool:
    """Whether a player ever asked to be paid there, or has saved the address, on whichever rail:
    cold storage is shut for all of them. What the house has named itself stays its own."""
    if paid.to in await cold_storage.addresses(session):
        return False
    asked = exists().where(WithdrawalRow.destination == paid.to)
    saved = exists().where(SavedAddressRow.destination == paid.to)
    return bool(await session.scalar(select(or_(asked, saved))))


async def _open(
    session: AsyncSession, account: str, tx_hash: str, position: int
) -> tuple[ForeignSend, SentPayment, ForeignPaymentRow | None]:
    """A payment of a foreign send, under the send's lock, and what it was said to be."""
    send = await foreign_sends.lock(session, account=account, tx_hash=tx_hash)
    if not 0 <= position < len(send.payments):
        raise NotFound(thing="foreign_payment", key=f"{tx_hash[:80]}/{position}")
    before = await session.get(
        ForeignPaymentRow, (account, tx_hash, position), populate_existing=True
    )
    if before is None and not await is_final(session, send):
        raise IllegalMove(thing="foreign_send", current="not_final", wanted="settled")
    return send, send.payments[position], before


async def _keep(
    session: AsyncSession,
    send: ForeignSend,
    position: int,
    what: What,
    paid: SentPayment,
    actor: str,
    now: datetime,
    withdrawal_id: int | None = None,
    *,
    note: str | None = None,
) -> None:
    """Write down what a payment was, audited; after the book, whose locks come first."""
    session.add(
        ForeignPaymentRow(
            account=send.account,
            tx_hash=send.tx_hash,
            position=position,
            what=what,
            rail=paid.rail,
            units=paid.units,
            withdrawal_id=withdrawal_id,
            booked_by=actor,
            booked_at=now,
            note=note,
        )
    )
    await session.flush()
    told: dict[str, object] = {"withdrawal_id": withdrawal_id} if withdrawal_id else {}
    told |= {"reason": note} if note else {}
    await audit.append(
        session,
        actor=actor,
        action=f"foreign_send.{what}",
        subject=f"rail:{paid.rail}",
        after={
            "account": send.account,
            "tx_hash": send.tx_hash,
            "position": position,
            "to": paid.to,
            "units": paid.units,
            **told,
        },
        now=now,
    )


async def _book_fee(session: AsyncSession, send: ForeignSend, now: datetime) -> None:
    """What the network took for all of its payments, with the first that is settled."""
    await payouts.book_network_fee(
        session,
        rail=send.rail,
        units=send.fee_units,
        reference=f"tx:{send.tx_hash}",
        now=now,
    )


async def _note_first_yes(
    session: AsyncSession, send: ForeignSend, row: WithdrawalRow, member: Member, now: datetime
) -> None:
    await audit.append(
        session,
        actor=f"staff:{member.id}",
        action="foreign_send.seconded",
        subject=f"withdrawal:{row.id}",
        after={"account": send.account, "tx_hash": send.tx_hash},
        now=now,
    )
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=row.id,
        kind="alert.foreign_payment_second",
        payload={"rail": send.rail, "tx_hash": send.tx_hash, "withdrawal_id": row.id},
    )
