"""A withdrawal's statuses: which may follow which, and the one function that moves them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import audit, outbox
from casino.cashier import held_again
from casino.cashier.tables import WithdrawalHistoryRow, WithdrawalRow
from casino.errors import IllegalMove, NotFound
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

SYSTEM = "system"


class WithdrawalStatus(StrEnum):
    """Where a withdrawal stands."""

    REQUESTED = "requested"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    ASSIGNED = "assigned"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    DEAD = "dead"
    REFUNDED = "refunded"


_S = WithdrawalStatus

ALLOWED: Mapping[WithdrawalStatus | None, frozenset[WithdrawalStatus]] = {
    None: frozenset({_S.REQUESTED}),
    _S.REQUESTED: frozenset({_S.IN_REVIEW, _S.REJECTED, _S.CANCELLED}),
    # Confirmed, from here, approved or dead: people have found that something else has paid it.
    _S.IN_REVIEW: frozenset({_S.APPROVED, _S.REJECTED, _S.CANCELLED, _S.CONFIRMED}),
    # Back to review when the signed order ran out before anybody paid it.
    _S.APPROVED: frozenset({_S.ASSIGNED, _S.REJECTED, _S.CANCELLED, _S.IN_REVIEW, _S.CONFIRMED}),
    # From here on bytes may exist that pay: money goes back only by way of a proven death.
    _S.ASSIGNED: frozenset({_S.SIGNED, _S.DEAD}),
    _S.SIGNED: frozenset({_S.BROADCAST, _S.DEAD}),
    _S.BROADCAST: frozenset({_S.CONFIRMED, _S.DEAD}),
    _S.DEAD: frozenset({_S.ASSIGNED, _S.REFUNDED, _S.CONFIRMED}),
    _S.CONFIRMED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REFUNDED: frozenset(),
}
CANCELLABLE = frozenset(status for status in _S if _S.CANCELLED in ALLOWED[status])
"""While the player may take it back."""
UNDER_WAY = frozenset({_S.ASSIGNED, _S.SIGNED, _S.BROADCAST, _S.DEAD})
"""In the sender's hands, or in those of staff after a death."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal as screens show it; amounts in units of `asset`, `units` with the fee.
    `deposit_id` is the held deposit that it sends back, None for what the player asked for."""

    id: int
    player_id: int
    rail: str
    asset: Asset
    units: int
    fee_units: int
    net_units: int
    destination: str
    memo: str
    reference: str
    reference_units: int
    status: WithdrawalStatus
    reason: str | None
    requested_at: datetime
    decided_at: datetime | None
    tx_hash: str | None
    seen_at: datetime | None
    final_at: datetime | None
    attempts: int
    deposit_id: int | None


def view(row: WithdrawalRow) -> Withdrawal:
    """The value behind a row."""
    return Withdrawal(
        id=row.id,
        player_id=row.player_id,
        rail=row.rail,
        asset=Asset.from_code(row.asset),
        units=row.units,
        fee_units=row.fee_units,
        net_units=row.units - row.fee_units,
        destination=row.destination,
        memo=row.memo,
        reference=row.reference,
        reference_units=row.reference_units,
        status=WithdrawalStatus(row.status),
        reason=row.reason,
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        tx_hash=row.tx_hash,
        seen_at=row.seen_at,
        final_at=row.final_at,
        attempts=row.attempts,
        deposit_id=row.deposit_id,
    )


def may_cancel(row: WithdrawalRow) -> bool:
    """Whether the player may take it back now; what staff send back is not his to stop."""
    return row.deposit_id is None and row.status in CANCELLABLE


async def lock_owner(session: AsyncSession, *, withdrawal_id: int) -> None:
    """Lock the player of a withdrawal: always before any row of the cashier. Raises NotFound."""
    player_id = await session.scalar(
        select(WithdrawalRow.player_id).where(WithdrawalRow.id == withdrawal_id)
    )
    if player_id is None:
        raise NotFound(thing="withdrawal", key=withdrawal_id)
    await journal.lock_players(session, [PlayerId(player_id)])


async def lock(session: AsyncSession, *, withdrawal_id: int) -> WithdrawalRow:
    """Lock the player, then his withdrawal, and read it afresh; raises NotFound."""
    await lock_owner(session, withdrawal_id=withdrawal_id)
    return await session.get_one(
        WithdrawalRow, withdrawal_id, with_for_update=True, populate_existing=True
    )


def require_move(row: WithdrawalRow, to: WithdrawalStatus) -> WithdrawalStatus | None:
    """The status that the withdrawal would leave, None if it is new; raises IllegalMove."""
    # A row that was never flushed is new: nothing has read it yet.
    current = WithdrawalStatus(row.status) if row.id is not None else None
    if to not in ALLOWED[current]:
        raise IllegalMove(thing="withdrawal", current=current, wanted=to)
    return current


async def move(
    session: AsyncSession,
    row: WithdrawalRow,
    to: WithdrawalStatus,
    *,
    actor: str = SYSTEM,
    reason: str | None = None,
    details: Mapping[str, object] | None = None,
    now: datetime,
) -> None:
    """Give a withdrawal its next status and a line of history; what people do is audited as well.
    The caller holds the row's lock. Raises IllegalMove."""
    current = require_move(row, to)
    row.status = to
    row.reason = reason
    session.add(row)
    await session.flush()
    session.add(
        WithdrawalHistoryRow(
            withdrawal_id=row.id,
            from_status=current,
            to_status=to,
            actor=actor,
            details={**(details or {}), **({"reason": reason} if reason else {})},
            at=now,
        )
    )
    await session.flush()
    if current in CANCELLABLE and to in UNDER_WAY:
        await _tell_apps(session, row, because=_named(row, f"withdrawal.{to}"))
    if actor == SYSTEM:
        # A batch moves withdrawals of many players in one transaction; the head of the audit
        # chain is locked only by commands on a single one, as their last lock.
        return
    await audit.append(
        session,
        actor=actor,
        action=f"withdrawal.{to}",
        subject=f"withdrawal:{row.id}",
        before={"status": current} if current else None,
        after={
            "status": to,
            "units": row.units,
            "asset": Asset.from_code(row.asset),
            "destination": row.destination,
            **(details or {}),
            **({"reason": reason} if reason else {}),
        },
        now=now,
    )


async def give_back(
    session: AsyncSession, row: WithdrawalRow, *, actor: str = SYSTEM, now: datetime
) -> None:
    """Give the reserved money back, once in a withdrawal's life: to the player's cash, or where it
    was to send a deposit back, to what is held. Then the deposit is held again."""
    asset = Asset.from_code(row.asset)
    await _end(
        session,
        row,
        how="released",
        postings=[
            Posting(Account.PLAYER_RESERVED, _home(row), row.units, asset, Kind.WITHDRAWAL_RELEASE)
        ],
        now=now,
    )
    if row.deposit_id is not None:
        await held_again.hold(session, deposit_id=row.deposit_id, actor=actor, now=now)


async def pay_out(
    session: AsyncSession,
    row: WithdrawalRow,
    *,
    wallet: Account,
    given_back: int = 0,
    now: datetime,
) -> None:
    """Book the payment: the net amount left the hot wallet, the fee is the house's. Units of it
    that never arrived may be `given_back` instead: to the player's cash, or where it was to send a
    deposit back, to what is held, as a held deposit of their own."""
    asset, net = Asset.from_code(row.asset), row.units - row.fee_units
    parts = (
        (net - given_back, wallet, Kind.WITHDRAWAL_PAYOUT),
        (given_back, _home(row), Kind.WITHDRAWAL_RELEASE),
        (row.fee_units, Account.HOUSE_FEES, Kind.WITHDRAWAL_FEE),
    )
    postings = [
        Posting(Account.PLAYER_RESERVED, to, units, asset, kind)
        for units, to, kind in parts
        if units
    ]
    await _end(session, row, how="paid", postings=postings, now=now)
    if given_back and row.deposit_id is not None:
        await held_again.hold_rest(
            session, deposit_id=row.deposit_id, withdrawal_id=row.id, units=given_back, now=now
        )


async def tell_player(
    session: AsyncSession, row: WithdrawalRow, *, kind: str, **more: object
) -> None:
    """News of a withdrawal for the player's chat and for his open Mini Apps; of a return they are
    `return.*` in place of `withdrawal.*`."""
    kind = _named(row, kind)
    await outbox.write(
        session,
        consumer=outbox.PLAYER,
        key=row.player_id,
        kind=kind,
        payload=facts_of(row) | more,
    )
    await _tell_apps(session, row, because=kind)


async def tell_staff(
    session: AsyncSession, row: WithdrawalRow, *, kind: str, **more: object
) -> None:
    """Something for the operators to look at; cards are read afresh from the id."""
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=row.id,
        kind=kind,
        payload=facts_of(row) | {"player_id": row.player_id} | more,
    )


def facts_of(row: WithdrawalRow) -> dict[str, object]:
    """What messages about a withdrawal need."""
    asset = Asset.from_code(row.asset)
    return {
        "withdrawal_id": row.id,
        "rail": row.rail,
        "amount": {"units": row.units, "asset": asset},
        "fee": {"units": row.fee_units, "asset": asset},
        "net": {"units": row.units - row.fee_units, "asset": asset},
        "destination": row.destination,
        "status": row.status,
    }


def _named(row: WithdrawalRow, kind: str) -> str:
    """What news for the player are called: he has not asked for a return."""
    return kind if row.deposit_id is None else f"return.{kind.removeprefix('withdrawal.')}"


def _home(row: WithdrawalRow) -> Account:
    """Where its money came from, and goes if it is not paid."""
    return Account.PLAYER_CASH if row.deposit_id is None else Account.PLAYER_HELD


async def _tell_apps(session: AsyncSession, row: WithdrawalRow, *, because: str) -> None:
    """Open Mini Apps draw it anew, with what can be done now."""
    await outbox.write(
        session,
        consumer=outbox.LIVE,
        key=row.player_id,
        kind="wallet.changed",
        payload={
            "because": because,
            "asset": Asset.from_code(row.asset),
            "withdrawal_id": row.id,
            "status": row.status,
        },
    )


async def _end(
    session: AsyncSession,
    row: WithdrawalRow,
    *,
    how: str,
    postings: list[Posting],
    now: datetime,
) -> None:
    # One key for both ends: money that was paid can never be given back as well, whatever the
    # status says.
    await journal.post(
        session,
        player_id=PlayerId(row.player_id),
        source="withdrawal",
        kind_key="end",
        reference=str(row.id),
        request={"withdrawal": row.id, "how": how},
        postings=postings,
        subject_id=row.id,
        now=now,
    )
