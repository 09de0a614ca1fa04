"""What left our accounts without a payout of ours: payouts wait until staff have explained it.

A database that was restored from an old backup has forgotten payments that were made; the chain has
not. Its own later transactions then look like a stranger's, and nothing more leaves the account
until a person has looked, so nobody is paid twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier.payout_tables import ForeignSendRow
from casino.errors import NotFound
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member

NOTE_MAX = 500


@dataclass(frozen=True, slots=True)
class ForeignSend:
    """A transaction that no payout explains, with what was seen of it."""

    account: str
    tx_hash: str
    rail: str
    evidence: Mapping[str, object]
    seen_at: datetime


async def note(
    session: AsyncSession,
    *,
    rail: str,
    account: str,
    tx_hash: str,
    evidence: Mapping[str, object],
    now: datetime,
) -> bool:
    """Remember an unexplained transaction and tell staff, once; True if it is new."""
    new = await session.scalar(
        insert(ForeignSendRow)
        .values(account=account, tx_hash=tx_hash, rail=rail, evidence=dict(evidence), seen_at=now)
        .on_conflict_do_nothing()
        .returning(ForeignSendRow.tx_hash)
    )
    if new is None:
        return False
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=0,
        kind="alert.foreign_send",
        payload={"rail": rail, "account": account, "tx_hash": tx_hash, "evidence": dict(evidence)},
    )
    return True


async def find(session: AsyncSession, *, mark: str) -> ForeignSend:
    """The unexplained transaction whose hash begins with `mark`; raises NotFound when there is none
    (any more)."""
    for one in await waiting(session):
        if mark and one.tx_hash.startswith(mark):
            return one
    raise NotFound(thing="foreign_send", key=mark[:80])


async def waiting(session: AsyncSession, *, account: str | None = None) -> Sequence[ForeignSend]:
    """Unexplained transactions, of one account or of all, the oldest first."""
    query = select(ForeignSendRow).where(ForeignSendRow.acknowledged_at.is_(None))
    if account is not None:
        query = query.where(ForeignSendRow.account == account)
    rows = await session.scalars(query.order_by(ForeignSendRow.seen_at, ForeignSendRow.tx_hash))
    return [
        ForeignSend(row.account, row.tx_hash, row.rail, row.evidence, row.seen_at) for row in rows
    ]


async def acknowledge(
    session: AsyncSession,
    *,
    account: str,
    tx_hash: str,
    member: Member,
    note: str,
    now: datetime,
) -> None:
    """Say what the transaction was, which lets payouts go on; audited. Saying it again changes
    nothing. Raises NotPermitted, NotFound."""
    await require_permission(session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE)
    row = await session.get(
        ForeignSendRow, (account, tx_hash), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(thing="foreign_send", key=tx_hash[:80])
    if row.acknowledged_at is not None:
        return
    row.acknowledged_by, row.acknowledged_at = f"staff:{member.id}", now
    row.note = note[:NOTE_MAX]
    await session.flush()
    await audit.append(
        session,
        actor=f"staff:{member.id}",
        action="foreign_send.acknowledged",
        subject=f"rail:{row.rail}",
        after={"account": account, "tx_hash": tx_hash, "note": note[:NOTE_MAX]},
        now=now,
    )


async def acknowledge_all(
    session: AsyncSession,
    *,
    account: str,
    until: datetime,
    member: Member,
    note: str,
    now: datetime,
) -> int:
    """Say the same of everything of an account that was seen up to a moment: what came after it
    was not on the screen of whoever says so. Returns how many there were. Raises NotPermitted."""
    await require_permission(session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE)
    found = [one for one in await waiting(session, account=account) if one.seen_at <= until]
    for one in found:
        await acknowledge(
            session, account=account, tx_hash=one.tx_hash, member=member, note=note, now=now
        )
    return len(found)
