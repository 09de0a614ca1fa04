"""The statuses of a deposit, from coins on a chain to money in a wallet, and its moves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import insert

from casino import audit
from casino.cashier.tables import DepositHistoryRow, DepositRow
from casino.db import take_ids
from casino.errors import IllegalMove
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail

SYSTEM = "system"


class DepositStatus(StrEnum):
    """Where a deposit stands."""

    SEEN = "seen"
    CONFIRMING = "confirming"
    BELOW_MINIMUM = "below_minimum"
    CREDITED = "credited"
    HELD = "held"
    RETURNED = "returned"
    ORPHANED = "orphaned"


_ENDS = frozenset(
    {
        DepositStatus.CREDITED,
        DepositStatus.HELD,
        DepositStatus.BELOW_MINIMUM,
        DepositStatus.ORPHANED,
    }
)
# Finality ends a deposit's life on the chain: what is final is never orphaned (`require_move`).
ALLOWED: Mapping[DepositStatus | None, frozenset[DepositStatus]] = {
    None: frozenset({DepositStatus.SEEN}),
    DepositStatus.SEEN: _ENDS | {DepositStatus.CONFIRMING},
    DepositStatus.CONFIRMING: _ENDS,
    DepositStatus.BELOW_MINIMUM: frozenset({DepositStatus.CREDITED, DepositStatus.HELD}),
    DepositStatus.HELD: frozenset(
        {DepositStatus.CREDITED, DepositStatus.RETURNED, DepositStatus.ORPHANED}
    ),
    DepositStatus.CREDITED: frozenset({DepositStatus.ORPHANED}),
    # A return that does not happen after all.
    DepositStatus.RETURNED: frozenset({DepositStatus.HELD}),
    # Mined again: the same deposit comes back.
    DepositStatus.ORPHANED: frozenset({DepositStatus.SEEN}),
}


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit as screens show it; `units` of `asset`.

    `confirmations` is 0 while it waits for its first block; `confirmations_wanted` is None where
    only finality makes it playable; `final_at` None says that it cannot be withdrawn yet."""

    id: int
    player_id: int
    rail: str
    asset: Asset
    units: int
    status: DepositStatus
    reason: str | None
    tx_hash: str
    sender: str
    seen_at: datetime
    credited_at: datetime | None
    confirmations: int
    confirmations_wanted: int | None
    final_at: datetime | None


def view(row: DepositRow) -> Deposit:
    """The value behind a row."""
    return Deposit(
        id=row.id,
        player_id=row.player_id,
        rail=row.rail,
        asset=Asset.from_code(row.asset),
        units=row.units,
        status=DepositStatus(row.status),
        reason=row.reason,
        tx_hash=row.tx_hash,
        sender=row.sender,
        seen_at=row.seen_at,
        credited_at=row.credited_at,
        confirmations=row.confirmations,
        confirmations_wanted=row.confirmations_wanted,
        final_at=row.final_at,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """The next status of a deposit, and why."""

    row: DepositRow
    to: DepositStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of history: where a deposit stood before, and why it now stands where it does."""

    row: DepositRow
    before: DepositStatus | None
    reason: str | None = None


def new_deposit(
    *, player_id: int, rail: Rail, business_key: str, account: str, now: datetime
) -> DepositRow:
    """A deposit that nobody has seen before; what came is for the caller to write on it."""
    # What the database would fill in stands here, so that many are stored without asking it back.
    return DepositRow(
        player_id=player_id,
        rail=rail.name,
        business_key=business_key,
        asset=rail.asset.code,
        account=account,
        block_hash="",
        confirmations=0,
        reversals=0,
        seen_at=now,
    )


async def move(
    session: AsyncSession,
    row: DepositRow,
    to: DepositStatus,
    *,
    actor: str = SYSTEM,
    reason: str | None = None,
    now: datetime,
) -> None:
    """Give one deposit its next status, as `move_all` does many."""
    await move_all(session, [Change(row, to, reason)], actor=actor, now=now)


async def move_all(
    session: AsyncSession, changes: Sequence[Change], *, actor: str = SYSTEM, now: datetime
) -> None:
    """Give deposits, each of them once, their next statuses and a line of history; what staff do
    is audited as well. New ones get ids in the order of `changes`. The caller holds the locks of
    the others. Raises IllegalMove, and then none has moved."""
    lines = [
        Line(change.row, require_move(change.row, change.to), change.reason) for change in changes
    ]
    new = [line.row for line in lines if line.before is None]
    if new:
        for row, row_id in zip(new, await take_ids(session, len(new)), strict=True):
            row.id = row_id
    for change in changes:
        change.row.status = change.to
        change.row.reason = change.reason
        change.row.credited_at = now if change.to is DepositStatus.CREDITED else None
        session.add(change.row)
    await note_all(session, lines, actor=actor, now=now)
    if actor == SYSTEM:
        # The watcher locks many players in one transaction; were it to hold the head of the audit
        # chain meanwhile, it and a player's own command could wait for each other.
        return
    for line in lines:
        row, current = line.row, line.before
        await audit.append(
            session,
            actor=actor,
            action=f"deposit.{row.status}",
            subject=f"deposit:{row.id}",
            before={"status": current} if current else None,
            after={
                "status": row.status,
                "units": row.units,
                "asset": Asset.from_code(row.asset),
            },
            now=now,
        )


async def note_all(
    session: AsyncSession, lines: Sequence[Line], *, actor: str = SYSTEM, now: datetime
) -> None:
    """Write lines of history about where deposits stand now, with their blocks where there is a
    choice of blocks."""
    if not lines:
        return
    await session.flush()
    await session.execute(
        insert(DepositHistoryRow),
        [
            {
                "deposit_id": line.row.id,
                "from_status": line.before,
                "to_status": line.row.status,
                "actor": actor,
                "details": _details(line),
                "at": now,
            }
            for line in lines
        ],
    )


def _details(line: Line) -> dict[str, object]:
    details: dict[str, object] = {"reason": line.reason} if line.reason else {}
    if line.row.block_hash:
        details |= {"block": line.row.block, "block_hash": line.row.block_hash}
    return details


def require_move(row: DepositRow, to: DepositStatus) -> DepositStatus | None:
    """The status that the deposit would leave, None if it is new; raises IllegalMove."""
    # A row that was never flushed is new: nothing has read it yet.
    current = DepositStatus(row.status) if row.id is not None else None
    undone = to is DepositStatus.ORPHANED and row.final_at is not None
    if to not in ALLOWED[current] or undone:
        raise IllegalMove(thing="deposit", current=current, wanted=to)
    return current


def credit_reference(row: DepositRow) -> str:
    """The ledger's reference of a deposit's present credit: one credit for each time that the
    chain brought it, and there is no next time before the last was taken back."""
    return f"{row.business_key}#{row.reversals}" if row.reversals else row.business_key


def may_vanish(row: DepositRow) -> bool:
    """Whether its chain could still take the deposit back: only blocks seen by their hash are
    believed before they are final."""
    return row.final_at is None and bool(row.block_hash)
