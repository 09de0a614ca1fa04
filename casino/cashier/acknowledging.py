"""Staff say what a foreign send was: payouts go on, and what it may have paid is looked at again.

Whoever explains a transaction need not have settled what it paid. Withdrawals that it fits would be
claimed again with the next replay key, so they go back to review in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import audit
from casino.cashier import blocks, foreign_payments, foreign_sends, recovery
from casino.cashier.payout_tables import ForeignSendRow, OwnCoinRow
from casino.cashier.rails import BTC, get_rail, list_rails
from casino.errors import IllegalMove, NotFound
from casino.staff.people import require_permission
from casino.staff.roles import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.foreign_sends import ForeignSend
    from casino.cashier.withdrawal_states import Withdrawal
    from casino.staff.people import Member

NOTE_MAX = 500
COINS = "coins"
"""In the evidence of a Bitcoin transaction: the coins of ours that it spends."""


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
    nothing.

    Withdrawals that payments of it fit, as long as those are not settled, go to review; where it is
    not known whom it paid, all that its account could have paid do. Raises NotPermitted, NotFound;
    IllegalMove while the chain can take it back."""
    await require_permission(session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE)
    row = await session.get(
        ForeignSendRow, (account, tx_hash), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(thing="foreign_send", key=tx_hash[:80])
    if row.acknowledged_at is None:
        await _acknowledge(session, [row], member=member, note=note, now=now)


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
    was not on the screen of whoever says so. Returns how many there were. Raises NotPermitted;
    IllegalMove, and none is explained, while the chain can take one of them back."""
    await require_permission(session, member_id=member.id, permission=Permission.WITHDRAWALS_DECIDE)
    rows = await session.scalars(
        select(ForeignSendRow)
        .where(
            ForeignSendRow.account == account,
            ForeignSendRow.acknowledged_at.is_(None),
            ForeignSendRow.seen_at <= until,
        )
        .order_by(ForeignSendRow.tx_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = rows.all()
    await _acknowledge(session, found, member=member, note=note, now=now)
    return len(found)


async def is_decided(session: AsyncSession, send: ForeignSend) -> bool:
    """Whether the chain has the last word on it: it stays, or it can never land."""
    return await foreign_payments.is_final(session, send) or await _is_void(session, send)


async def _acknowledge(
    session: AsyncSession,
    rows: Sequence[ForeignSendRow],
    *,
    member: Member,
    note: str,
    now: datetime,
) -> None:
    """Explain locked transactions. All of them are locked before any player, all players before any
    withdrawal, and the audit log comes last."""
    offered: dict[int, Withdrawal] = {}
    for row in rows:
        offered |= await _maybe_paid(session, foreign_sends.view(row))
    await recovery.doubt_all(session, withdrawals=offered.values(), now=now)
    actor, told = f"staff:{member.id}", note[:NOTE_MAX]
    for row in rows:
        row.acknowledged_by, row.acknowledged_at, row.note = actor, now, told
    await session.flush()
    for row in rows:
        await audit.append(
            session,
            actor=actor,
            action="foreign_send.acknowledged",
            subject=f"rail:{row.rail}",
            after={"account": row.account, "tx_hash": row.tx_hash, "note": told},
            now=now,
        )


async def _maybe_paid(session: AsyncSession, send: ForeignSend) -> Mapping[int, Withdrawal]:
    """Open withdrawals that it may have paid, by id; raises IllegalMove while it is not decided."""
    if await _is_void(session, send):
        return {}
    if not await foreign_payments.is_final(session, send):
        raise IllegalMove(thing="foreign_explanation", current="not_final", wanted="acknowledged")
    found: list[Withdrawal] = []
    if foreign_sends.PAID in send.evidence:
        settled = await foreign_payments.settled(
            session, account=send.account, tx_hash=send.tx_hash
        )
        for position, paid in enumerate(send.payments):
            if position not in settled:
                found += await foreign_payments.candidates(session, paid=paid)
    else:
        offered = await list_rails(session)
        of_account = {rail.name for rail in offered if rail.address == send.account}
        for rail in sorted({send.rail, *of_account}):
            found += await recovery.unpaid(session, rail=rail)
    return {one.id: one for one in found}


async def _is_void(session: AsyncSession, send: ForeignSend) -> bool:
    """Whether another transaction has spent a coin of it for ever, so that it can never land."""
    coins = send.evidence.get(COINS)
    if send.rail != BTC or not isinstance(coins, list):
        return False
    place = await blocks.read_place(session, chain=(await get_rail(session, BTC)).chain)
    if place is None:
        return False
    rival = await session.scalar(
        select(OwnCoinRow.outpoint)
        .where(
            OwnCoinRow.rail == BTC,
            OwnCoinRow.outpoint.in_([str(coin) for coin in coins]),
            OwnCoinRow.spent_by != send.tx_hash,
            OwnCoinRow.spent_height <= place.final_height,
        )
        .limit(1)
    )
    return rival is not None
