"""Coins that came without a tag of ours: kept, booked, and given to their owner by staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import audit, outbox
from casino.cashier import cold_storage, tags
from casino.cashier.credits import unclaimed_command
from casino.cashier.rails import get_rail
from casino.cashier.tables import UnclaimedRow
from casino.db import take_ids
from casino.errors import IdempotencyConflict, IllegalMove, NotFound
from casino.ledger import journal
from casino.ledger.chart import hot_wallet
from casino.money import Asset
from casino.outbox import Written

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.ledger.chart import Account

SEEN = "seen"
WAITING = "waiting"
RESOLVED = "resolved"
ADOPTED = "adopted"
NOBODYS_ADDRESS = "nobodys_address"
ORPHANED = "orphaned"
ARRIVED = "arrived"
"""Final at the hot wallet, and in no book before staff say what it is: on chains where a script may
have booked the owner's capital."""
OWNERLESS = (WAITING, ARRIVED)
"""Statuses of what is final and waits for staff."""
FROM_COLD = "from_cold"
"""As a status and as a reason: it came back from cold storage, and is nobody's deposit."""
AT_HOT_WALLET = "at_hot_wallet"
HOUSES = (FROM_COLD, AT_HOT_WALLET)
"""Reasons by which a transfer is nobody's but the house's."""
COMMENT_MAX = 1000


@dataclass(frozen=True, slots=True)
class ChainDeposit:
    """Coins that came to an account of ours, as the chain's adapter read them.

    `business_key` is the chain's own name for this credit and unique for ever on the rail;
    `account` is the address that it came to, `address` the one that people know it by, where that
    is another (a jetton wallet's owner); `comment` is None when there is none or it is not text;
    `units` at the asset's scale; `block_hash` is empty where only final blocks are read;
    `from_cold` says that the house's own cold storage sent it, `to_hot` that it came to a hot
    wallet where players' coins never come.
    """

    business_key: str
    tx_hash: str
    account: str
    sender: str
    comment: str | None
    units: int
    block: int
    at: datetime
    block_hash: str = ""
    address: str = ""
    from_cold: bool = False
    to_hot: bool = False

    @property
    def nobodys(self) -> str | None:
        """Why it is no player's, whatever address or comment it has; None where it may be."""
        if self.from_cold:
            return FROM_COLD
        return AT_HOT_WALLET if self.to_hot else None


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A transfer without an owner, as staff read it."""

    id: int
    rail: str
    asset: Asset
    units: int
    tx_hash: str
    sender: str
    comment: str | None
    reason: str
    sent_at: datetime
    note: str | None


async def keep_all(
    session: AsyncSession,
    *,
    rail: Rail,
    transfers: Sequence[ChainDeposit],
    reason: str | None = None,
    now: datetime,
) -> None:
    """Write transfers without an owner down, each of them once, and tell staff of those that may be
    somebody's; without a `reason` their comments are why."""
    if not transfers:
        return
    rows = [
        UnclaimedRow(
            id=row_id,
            rail=rail.name,
            business_key=transfer.business_key,
            asset=rail.asset.code,
            units=transfer.units,
            tx_hash=transfer.tx_hash,
            account=transfer.account,
            sender=transfer.sender,
            comment=storable(transfer.comment),
            block=transfer.block,
            block_hash=transfer.block_hash,
            confirmations=0,
            sent_at=transfer.at,
            reason=transfer.nobodys or reason or _reason(transfer.comment),
            status=SEEN,
            seen_at=now,
        )
        for row_id, transfer in zip(await take_ids(session, len(transfers)), transfers, strict=True)
    ]
    session.add_all(rows)
    await session.flush()
    await outbox.write_all(session, [_told(row, rail) for row in rows if row.reason not in HOUSES])


def _told(row: UnclaimedRow, rail: Rail) -> Written:
    payload = {
        "unclaimed_id": row.id,
        "rail": rail.name,
        "amount": {"units": row.units, "asset": rail.asset},
        "reason": row.reason,
        "comment": row.comment,
        "sender": row.sender,
        "url": rail.tx_url(row.tx_hash),
    }
    return Written(outbox.STAFF, row.id, "deposit.unclaimed", payload)


async def book(session: AsyncSession, *, rail: Rail, final_block: int, now: datetime) -> None:
    """Enter those of a final block into the book; only then may staff give them away. What cold
    storage sent is booked as that."""
    query = select(UnclaimedRow).where(
        UnclaimedRow.rail == rail.name,
        UnclaimedRow.status == SEEN,
        UnclaimedRow.block <= final_block,
    )
    rows = await _locked(session, query)
    await _enter(session, rail, [row for row in rows if row.reason not in HOUSES], now=now)
    for row in rows:
        row.final_at = now
        if row.reason == FROM_COLD:
            await book_from_cold(session, row, source=hot_wallet(rail.name), now=now)
        elif row.reason == AT_HOT_WALLET:
            row.status = ARRIVED
        else:
            row.status = WAITING
    await session.flush()


async def book_from_cold(
    session: AsyncSession,
    row: UnclaimedRow,
    *,
    source: Account,
    booked_by: str = cold_storage.SYSTEM,
    now: datetime,
) -> None:
    """Book a locked, final transfer as one that came back from cold storage; `source` is where it
    stands in the book."""
    await cold_storage.book_return(
        session,
        rail=row.rail,
        units=row.units,
        reference=row.business_key,
        tx_hash=row.tx_hash,
        source=source,
        booked_by=booked_by,
        now=now,
    )
    row.status, row.resolved_by, row.resolved_at = FROM_COLD, booked_by, now
    await session.flush()


async def drop_above(session: AsyncSession, *, rail: str, block: int) -> int:
    """Forget transfers of blocks above this height, none of which is final; how many."""
    query = select(UnclaimedRow).where(
        UnclaimedRow.rail == rail, UnclaimedRow.status == SEEN, UnclaimedRow.block > block
    )
    rows = await _locked(session, query)
    for row in rows:
        row.status = ORPHANED
    await session.flush()
    return len(rows)


def require_same(known: ChainDeposit, transfer: ChainDeposit) -> None:
    """Raises IdempotencyConflict when two transfers of one key stand in different blocks or are
    worth different sums."""
    if (known.block_hash, known.units) != (transfer.block_hash, transfer.units):
        raise IdempotencyConflict(reference=transfer.business_key)


async def known_keys(session: AsyncSession, *, rail: str, business_keys: Sequence[str]) -> set[str]:
    """Which of these transfers are unclaimed ones, whatever became of them."""
    query = select(UnclaimedRow.business_key).where(
        UnclaimedRow.rail == rail, UnclaimedRow.business_key.in_(business_keys)
    )
    return set(await session.scalars(query))


async def see_again(session: AsyncSession, *, rail: str, transfer: ChainDeposit) -> bool:
    """Whether this transfer is an unclaimed one already; one that was forgotten comes back. Raises
    IdempotencyConflict when it stands in two blocks of one chain."""
    query = select(UnclaimedRow).where(
        UnclaimedRow.rail == rail, UnclaimedRow.business_key == transfer.business_key
    )
    for row in await _locked(session, query):
        if row.status == ORPHANED:
            row.status, row.units = SEEN, transfer.units
            row.block, row.block_hash = transfer.block, transfer.block_hash
            row.sent_at, row.sender = transfer.at, transfer.sender
            await session.flush()
        elif (row.block_hash, row.units) != (transfer.block_hash, transfer.units):
            raise IdempotencyConflict(reference=transfer.business_key)
        return True
    return False


async def drop(session: AsyncSession, *, rail: str, business_keys: Sequence[str]) -> int:
    """Forget transfers that a reorganisation took away before they were final; how many."""
    query = select(UnclaimedRow).where(
        UnclaimedRow.rail == rail,
        UnclaimedRow.business_key.in_(business_keys),
        UnclaimedRow.status == SEEN,
    )
    rows = await _locked(session, query)
    for row in rows:
        row.status = ORPHANED
    await session.flush()
    return len(rows)


async def list_waiting(
    session: AsyncSession, *, before_id: int | None, limit: int
) -> Sequence[Unclaimed]:
    """Those whose owner staff have to find, the newest first."""
    query = select(UnclaimedRow).where(UnclaimedRow.status.in_(OWNERLESS))
    if before_id is not None:
        query = query.where(UnclaimedRow.id < before_id)
    rows = await session.scalars(query.order_by(UnclaimedRow.id.desc()).limit(limit))
    return [
        Unclaimed(
            id=row.id,
            rail=row.rail,
            asset=Asset.from_code(row.asset),
            units=row.units,
            tx_hash=row.tx_hash,
            sender=row.sender,
            comment=row.comment,
            reason=row.reason,
            sent_at=row.sent_at,
            note=row.note,
        )
        for row in rows
    ]


async def take_waiting(
    session: AsyncSession, *, unclaimed_id: int, wanted: str = RESOLVED, now: datetime
) -> UnclaimedRow:
    """Lock a transfer that waits for its owner, and enter it into the book if it is in none yet, so
    that it can be taken from there; raises NotFound or IllegalMove."""
    row = await lock_among(session, unclaimed_id=unclaimed_id, statuses=OWNERLESS, wanted=wanted)
    if row.status == ARRIVED:
        await _enter(session, await get_rail(session, row.rail), [row], now=now)
        row.status = WAITING
    return row


async def lock_among(
    session: AsyncSession, *, unclaimed_id: int, statuses: Collection[str], wanted: str
) -> UnclaimedRow:
    """Lock a transfer that is in one of these statuses; raises NotFound or IllegalMove."""
    rows = await _locked(session, select(UnclaimedRow).where(UnclaimedRow.id == unclaimed_id))
    if not rows:
        raise NotFound(thing="unclaimed", key=unclaimed_id)
    if rows[0].status not in statuses:
        raise IllegalMove(thing="unclaimed", current=rows[0].status, wanted=wanted)
    return rows[0]


async def resolve(
    session: AsyncSession, row: UnclaimedRow, *, deposit_id: int, actor: str, now: datetime
) -> None:
    """Say which deposit a locked transfer became, and who decided it."""
    row.status = RESOLVED
    row.deposit_id = deposit_id
    row.resolved_by = actor
    row.resolved_at = now
    await session.flush()


async def write_note(
    session: AsyncSession, *, unclaimed_id: int, note: str, actor: str, now: datetime
) -> None:
    """Keep what staff found out about a transfer that waits, in place of what was noted before;
    audited. Raises NotFound, or IllegalMove when it is not waiting (any more)."""
    row = await lock_among(session, unclaimed_id=unclaimed_id, statuses=OWNERLESS, wanted="noted")
    before, row.note = row.note, note
    await session.flush()
    await audit.append(
        session,
        actor=actor,
        action="unclaimed.noted",
        subject=f"unclaimed:{unclaimed_id}",
        before={"note": before} if before else None,
        after={"note": note},
        now=now,
    )


def storable(comment: str | None) -> str | None:
    """A stranger's text as it is kept: bounded, and without the one character that a text column
    cannot hold."""
    return comment and comment.replace("\0", "")[:COMMENT_MAX]


async def adopt(session: AsyncSession, row: UnclaimedRow, *, actor: str, now: datetime) -> None:
    """Say that a locked transfer came from the owner of the house himself."""
    row.status = ADOPTED
    row.resolved_by = actor
    row.resolved_at = now
    await session.flush()


async def _enter(
    session: AsyncSession, rail: Rail, rows: Sequence[UnclaimedRow], *, now: datetime
) -> None:
    commands = [
        unclaimed_command(rail, business_key=row.business_key, units=row.units, subject_id=row.id)
        for row in rows
    ]
    await journal.post_all(session, commands, now=now)


async def _locked(session: AsyncSession, query: Select[UnclaimedRow]) -> Sequence[UnclaimedRow]:
    ordered = query.order_by(UnclaimedRow.id).with_for_update()
    return (await session.scalars(ordered.execution_options(populate_existing=True))).all()


def _reason(comment: str | None) -> str:
    if not comment or not comment.strip():
        return "no_comment"
    return "unknown_tag" if tags.parse(comment) else "not_a_tag"
