"""What left our accounts without a payout of ours: payouts wait until staff have explained it.

A database that was restored from an old backup has forgotten payments that were made; the chain has
not. Its own later transactions then look like a stranger's, and nothing more leaves the account
until a person has looked, so nobody is paid twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from casino import outbox
from casino.cashier.payout_tables import ForeignSendRow
from casino.cashier.settling_tables import ForeignPaymentRow
from casino.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

PAID = "paid"
"""In the evidence: whom it paid, as `SentPayment.as_evidence` has it. Nobody may be settled by a
transaction of which this is not known."""
FEE = "fee_units"
TX_HASH = "tx_hash"
"""In the evidence: the hash, where it became known after the send was noted."""
SHOWN_AFTERWARDS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class SentPayment:
    """One payment of a foreign send as the chain tells it: units of the rail's asset to an address
    (canonical text); `rail` is None for what no rail of ours carries."""

    rail: str | None
    to: str
    units: int

    def as_evidence(self) -> dict[str, object]:
        """What stands under PAID in the evidence, in the order of the chain."""
        return {"rail": self.rail, "to": self.to, "units": self.units}


@dataclass(frozen=True, slots=True)
class ForeignSend:
    """A transaction that no payout explains, with what was seen of it."""

    account: str
    tx_hash: str
    rail: str
    evidence: Mapping[str, object]
    seen_at: datetime
    acknowledged_at: datetime | None = None

    @property
    def payments(self) -> tuple[SentPayment, ...]:
        """Whom it paid, as far as the chain has shown that."""
        told = self.evidence.get(PAID)
        return tuple(_payment(one) for one in told) if isinstance(told, list) else ()

    @property
    def chain_hash(self) -> str:
        """The hash by which the chain knows it, as far as that is known."""
        return str(self.evidence.get(TX_HASH, self.tx_hash))

    @property
    def fee_units(self) -> int:
        """What the network took for it, in units of the rail's asset, where nothing else books
        that."""
        fee = self.evidence.get(FEE)
        return fee if isinstance(fee, int) else 0


async def note(
    session: AsyncSession,
    *,
    rail: str,
    account: str,
    tx_hash: str,
    evidence: Mapping[str, object],
    now: datetime,
) -> bool:
    """Remember an unexplained transaction and tell staff, once; True if it is new. Whom it paid is
    added when it becomes known later."""
    new = await session.scalar(
        insert(ForeignSendRow)
        .values(account=account, tx_hash=tx_hash, rail=rail, evidence=dict(evidence), seen_at=now)
        .on_conflict_do_nothing()
        .returning(ForeignSendRow.tx_hash)
    )
    if new is None:
        await _complete(session, account, tx_hash, evidence)
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
    """The transaction that was noted under a hash that begins with `mark`, or that turned out to
    have just this one, explained or not, in letters of either case; raises NotFound."""
    lower = func.lower(ForeignSendRow.tx_hash)
    became = func.lower(ForeignSendRow.evidence[TX_HASH].astext) == mark.lower()
    row = await session.scalar(
        select(ForeignSendRow)
        .where(or_(lower.startswith(mark.lower(), autoescape=True), became))
        # Where only the nonce is known, 7 begins like 70.
        .order_by(
            lower != mark.lower(),
            ForeignSendRow.acknowledged_at.is_not(None),
            ForeignSendRow.tx_hash,
        )
        .limit(1)
        .execution_options(populate_existing=True)
    )
    if row is None or not mark:
        raise NotFound(thing="foreign_send", key=mark[:80])
    return view(row)


async def lock(session: AsyncSession, *, account: str, tx_hash: str) -> ForeignSend:
    """The transaction, locked until whoever settles it is done; raises NotFound."""
    row = await session.get(
        ForeignSendRow, (account, tx_hash), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(thing="foreign_send", key=tx_hash[:80])
    return view(row)


async def explained(session: AsyncSession, *, now: datetime, limit: int) -> Sequence[ForeignSend]:
    """What was explained lately, the newest first: it can still be settled."""
    rows = await session.scalars(
        select(ForeignSendRow)
        .where(ForeignSendRow.acknowledged_at > now - SHOWN_AFTERWARDS)
        .order_by(ForeignSendRow.acknowledged_at.desc(), ForeignSendRow.tx_hash)
        .limit(limit)
    )
    return [view(row) for row in rows]


async def waiting(session: AsyncSession, *, account: str | None = None) -> Sequence[ForeignSend]:
    """Unexplained transactions, of one account or of all, the oldest first."""
    query = select(ForeignSendRow).where(ForeignSendRow.acknowledged_at.is_(None))
    if account is not None:
        query = query.where(ForeignSendRow.account == account)
    rows = await session.scalars(query.order_by(ForeignSendRow.seen_at, ForeignSendRow.tx_hash))
    return [view(row) for row in rows]


async def may_have_paid(
    session: AsyncSession, *, account: str | None, paid: SentPayment, since: datetime
) -> bool:
    """Whether something that was seen since a moment, explained or not, may be this payment: it is
    among those that nobody has settled, or what the account paid is not known."""
    rows = await session.scalars(
        select(ForeignSendRow).where(
            ForeignSendRow.seen_at >= since,
            or_(
                ForeignSendRow.evidence.contains({PAID: [paid.as_evidence()]}),
                ~ForeignSendRow.evidence.has_key(PAID)
                & or_(ForeignSendRow.account == account, ForeignSendRow.rail == paid.rail),
            ),
        )
    )
    for send in [view(row) for row in rows]:
        if PAID not in send.evidence:
            return True
        done = set(
            await session.scalars(
                select(ForeignPaymentRow.position).filter_by(
                    account=send.account, tx_hash=send.tx_hash
                )
            )
        )
        if any(one == paid and at not in done for at, one in enumerate(send.payments)):
            return True
    return False


async def _complete(
    session: AsyncSession, account: str, tx_hash: str, evidence: Mapping[str, object]
) -> None:
    if PAID not in evidence:
        return
    # Whoever notes it may hold a player; whoever settles it takes his player next. So no waiting.
    row = await session.scalar(
        select(ForeignSendRow)
        .where(ForeignSendRow.account == account, ForeignSendRow.tx_hash == tx_hash)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is not None and PAID not in row.evidence:
        row.evidence = {**row.evidence, **evidence}
        await session.flush()


def view(row: ForeignSendRow) -> ForeignSend:
    """The value behind a row."""
    return ForeignSend(
        row.account, row.tx_hash, row.rail, row.evidence, row.seen_at, row.acknowledged_at
    )


def _payment(told: Mapping[str, object]) -> SentPayment:
    rail, units = told["rail"], int(str(told["units"]))
    return SentPayment(None if rail is None else str(rail), str(told["to"]), units)
