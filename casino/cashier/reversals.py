"""A credited deposit that its chain took back: a compensating entry, a freeze, and an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino import outbox
from casino.cashier import crediting, freezes
from casino.cashier.crediting import DepositStatus
from casino.cashier.deposit_counts import recount
from casino.cashier.deposit_news import facts_of, tell_player
from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.chart import Account, Kind, hot_wallet
from casino.ledger.finality import shift_not_final
from casino.ledger.wallet import Posting, Wallet

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.cashier.tables import DepositRow

REORGANISED = "reorganised"
GONE = "deposit.orphaned"


async def orphan(session: AsyncSession, row: DepositRow, rail: Rail, *, now: datetime) -> None:
    """Drop a deposit whose block the chain abandoned; its player is locked. What was credited is
    taken back. Raises IllegalMove for one that was final."""
    was = crediting.require_move(row, DepositStatus.ORPHANED)
    if was in (DepositStatus.CREDITED, DepositStatus.HELD):
        await _take_back(session, row, rail, was, now)
    row.confirmations = 0
    await crediting.move(session, row, DepositStatus.ORPHANED, reason=REORGANISED, now=now)
    if was is DepositStatus.CREDITED:
        await recount(session, player_id=row.player_id, now=now)
    await tell_player(session, row, rail, kind=GONE)


async def _take_back(
    session: AsyncSession, row: DepositRow, rail: Rail, was: DepositStatus, now: datetime
) -> None:
    """Transfer the coins back out of the book. What the player no longer has in cash he owes."""
    player_id = PlayerId(row.player_id)
    wallet = (await journal.balances(session, player_id)).get(rail.asset, Wallet(rail.asset))
    source = Account.PLAYER_CASH if was is DepositStatus.CREDITED else Account.PLAYER_HELD
    there = wallet.cash if was is DepositStatus.CREDITED else wallet.held
    taken = min(row.units, there)
    parts = ((source, taken), (Account.PLAYER_DEFICIT, row.units - taken))
    await journal.post(
        session,
        player_id=player_id,
        source=f"deposit:{row.rail}",
        kind_key="reversal",
        reference=crediting.credit_reference(row),
        request={"deposit": row.id, "units": row.units},
        postings=[
            Posting(account, hot_wallet(rail.name), units, rail.asset, Kind.DEPOSIT_REVERSAL)
            for account, units in parts
            if units
        ],
        subject_id=row.id,
        now=now,
    )
    row.reversals += 1
    if was is DepositStatus.CREDITED:
        await shift_not_final(session, rail.asset, {player_id: -row.units})
        await freezes.freeze(session, player_id=row.player_id, deposit_id=row.id, now=now)
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=row.id,
        kind="alert.deposit_reversed",
        payload=facts_of(row, rail)
        | {
            "player_id": row.player_id,
            "deficit": {"units": row.units - taken, "asset": rail.asset},
            "frozen": was is DepositStatus.CREDITED,
            "block": row.block,
            "block_hash": row.block_hash,
        },
    )
