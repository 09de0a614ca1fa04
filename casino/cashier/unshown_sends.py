"""Foreign sends of which only the nonce is known: how far each was searched for, what was found.

A node forgets old states long before old logs. So what used a nonce can still be found by the
token's own record of what left the account; what a search has read is kept with the evidence, and
it goes on there after any interruption."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino import outbox
from casino.cashier import foreign_payments, foreign_sends, recovery
from casino.cashier.payout_tables import ForeignSendRow, PayoutRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.foreign_sends import ForeignSend

NONCE = "nonce"
SEARCHED = "searched"
"""In the evidence: the heights between which was searched, and what is left of them."""
BLOCKS_MAX = 1_000_000
"""No search goes further back: about 140 days of the main network."""


@dataclass(frozen=True, slots=True)
class Unshown:
    """A send that the chain has not shown yet. It is searched for in the final blocks `first` ..
    `last`, of which `first` rises as they are read; `last` is None before the search begins."""

    account: str
    key: str
    nonce: int
    first: int
    last: int | None

    def until(self, final_height: int) -> Unshown:
        """The same with an end: a nonce that was used for ever was used up to the final block."""
        if self.last is not None:
            return self
        return replace(self, first=max(self.first, final_height - BLOCKS_MAX), last=final_height)


def name_of(nonce: int) -> str:
    """What a send is noted under while the chain has shown nothing but its nonce."""
    return f"nonce {nonce}"


def is_searched_for(send: ForeignSend) -> bool:
    """Whether the chain may still show whom it paid without anybody's doing."""
    place = send.evidence.get(SEARCHED)
    if NONCE not in send.evidence or foreign_sends.PAID in send.evidence:
        return False
    return not isinstance(place, dict) or bool(place["to"] < place["until"])


async def is_noted(session: AsyncSession, *, account: str, nonce: int) -> bool:
    """Whether the send was noted under its nonce alone."""
    return await session.get(ForeignSendRow, (account, name_of(nonce))) is not None


async def unshown(session: AsyncSession, *, rail: str) -> Sequence[Unshown]:
    """What is left to search on a rail, explained by staff or not, by account and nonce. A new
    search begins where the last payout with a lower nonce was claimed."""
    rows = await session.scalars(
        select(ForeignSendRow)
        .where(
            ForeignSendRow.rail == rail,
            ForeignSendRow.evidence.has_key(NONCE),
            ~ForeignSendRow.evidence.has_key(foreign_sends.PAID),
        )
        .execution_options(populate_existing=True)
    )
    found = [await _search(session, row) for row in rows.all()]
    left = [one for one in found if one.last is None or one.first <= one.last]
    return sorted(left, key=lambda one: (one.account, one.nonce))


async def read_to(session: AsyncSession, *, searches: Sequence[Unshown], height: int) -> None:
    """Keep that these were searched for up to a height, after what was found there."""
    for one in searches:
        row = await _lock(session, one)
        if row is not None:
            row.evidence = {**row.evidence, SEARCHED: {"to": height, "until": one.last}}
    await session.flush()


async def shown(
    session: AsyncSession,
    *,
    search: Unshown,
    tx_hash: str,
    evidence: Mapping[str, object],
    now: datetime,
) -> bool:
    """Complete a send with what the chain has shown of it, and tell staff; once.

    If it was explained before, what it has paid may have been approved again since: that goes back
    to review. Returns whether it is news. Locks the send, then players, then withdrawals."""
    row = await _lock(session, search)
    if row is None:
        return False
    row.evidence = {**row.evidence, **evidence, foreign_sends.TX_HASH: tx_hash}
    await session.flush()
    send = foreign_sends.view(row)
    if send.acknowledged_at is not None:
        fitting = {
            one.id: one
            for paid in send.payments
            for one in await foreign_payments.candidates(session, paid=paid)
        }
        await recovery.doubt_all(session, withdrawals=fitting.values(), now=now)
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=0,
        kind="alert.foreign_send_shown",
        payload={"rail": send.rail, "nonce": search.nonce, "mark": search.key, "tx_hash": tx_hash},
    )
    return True


async def _lock(session: AsyncSession, search: Unshown) -> ForeignSendRow | None:
    """The send, if nothing else has shown it meanwhile."""
    row = await session.get(
        ForeignSendRow,
        (search.account, search.key),
        with_for_update=True,
        populate_existing=True,
    )
    return row if row is not None and foreign_sends.PAID not in row.evidence else None


async def _search(session: AsyncSession, row: ForeignSendRow) -> Unshown:
    nonce = int(str(row.evidence[NONCE]))
    place = row.evidence.get(SEARCHED)
    if isinstance(place, dict):
        return Unshown(row.account, row.tx_hash, nonce, place["to"] + 1, place["until"])
    free = await session.scalar(
        select(func.max(PayoutRow.since_height)).where(
            PayoutRow.account == row.account,
            PayoutRow.expires_at.is_(None),
            PayoutRow.replay_number < nonce,
        )
    )
    return Unshown(row.account, row.tx_hash, nonce, 0 if free is None else free + 1, None)
