"""Do withdrawals, deposits and the players' deposit counters agree with the wallets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.cashier.crediting import DepositStatus
from casino.cashier.deposit_counts import deposited
from casino.cashier.tables import DepositRow, WithdrawalRow
from casino.cashier.terms import GAVE_UP
from casino.cashier.withdrawal_states import ALLOWED, WithdrawalStatus
from casino.clock import Window
from casino.db import driver_connection
from casino.ids import PlayerId
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.ledger.finality import not_final_in_wallets
from casino.ledger.findings import Finding, Search
from casino.ledger.reconcile import take_snapshot
from casino.money import Asset
from casino.players import facts
from casino.players.tables import CountersRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from casino.db import Database

    Held = Mapping[tuple[PlayerId, Asset], int]

# A withdrawal holds its money reserved until no status can follow any more.
UNDER_WAY = tuple(status for status in WithdrawalStatus if ALLOWED[status])
PAGE_PLAYERS = 2_000


async def prove_reserved(database: Database) -> Finding:
    """What is reserved in each wallet is the sum of the player's withdrawals under way."""
    search = Search("reserved for withdrawals")
    async with database.transaction() as session:
        await take_snapshot(session)
        rows = await session.execute(
            select(WithdrawalRow.player_id, WithdrawalRow.asset, func.sum(WithdrawalRow.units))
            .where(WithdrawalRow.status.in_(UNDER_WAY))
            .group_by(WithdrawalRow.player_id, WithdrawalRow.asset)
        )
        wanted = {(PlayerId(p), Asset.from_code(code)): int(units) for p, code, units in rows}
        kept = await totals.in_wallets(session, Account.PLAYER_RESERVED)
    _compare(search, "reserved", kept=kept, wanted=wanted)
    return search.end()


async def prove_held(database: Database) -> Finding:
    """What is held in each wallet is the sum of the player's held deposits."""
    search = Search("held deposits")
    async with database.transaction() as session:
        await take_snapshot(session)
        rows = await session.execute(
            select(DepositRow.player_id, DepositRow.asset, func.sum(DepositRow.units))
            .where(DepositRow.status == DepositStatus.HELD)
            .group_by(DepositRow.player_id, DepositRow.asset)
        )
        wanted = {(PlayerId(p), Asset.from_code(code)): int(units) for p, code, units in rows}
        kept = await totals.in_wallets(session, Account.PLAYER_HELD)
    _compare(search, "held", kept=kept, wanted=wanted)
    return search.end()


async def prove_returned(database: Database) -> Finding:
    """A deposit is returned just while one withdrawal that was not given up sends it back, all of
    it, for its player."""
    search = Search("returned deposits")
    async with database.transaction() as session:
        await take_snapshot(session)
        deposits = await session.execute(
            select(DepositRow.id, DepositRow.player_id, DepositRow.asset, DepositRow.units).where(
                DepositRow.status == DepositStatus.RETURNED
            )
        )
        returns = await session.execute(
            select(
                WithdrawalRow.deposit_id,
                WithdrawalRow.player_id,
                WithdrawalRow.asset,
                WithdrawalRow.units,
            ).where(WithdrawalRow.deposit_id.is_not(None), WithdrawalRow.status.not_in(GAVE_UP))
        )
        wanted = {(key, owner, asset): units for key, owner, asset, units in deposits}
        kept = {(key or 0, owner, asset): units for key, owner, asset, units in returns}
    for key, player_id, asset in sorted(kept.keys() | wanted.keys()):
        search.compare(
            f"deposit {key} of player {player_id}: sent back in {Asset.from_code(asset)}",
            stored=kept.get((key, player_id, asset), 0),
            expected=wanted.get((key, player_id, asset), 0),
        )
    return search.end()


async def prove_not_final(database: Database) -> Finding:
    """What may not be withdrawn yet in each wallet is the sum of the player's deposits that were
    credited before they were final and still are not; none of them stands in no block."""
    search = Search("deposits not final")
    async with database.transaction() as session:
        await take_snapshot(session)
        rows = await session.execute(
            select(DepositRow.player_id, DepositRow.asset, func.sum(DepositRow.units))
            .where(
                DepositRow.status == DepositStatus.CREDITED,
                DepositRow.final_at.is_(None),
                DepositRow.block_hash != "",
            )
            .group_by(DepositRow.player_id, DepositRow.asset)
        )
        wanted = {(PlayerId(p), Asset.from_code(code)): int(units) for p, code, units in rows}
        kept = await not_final_in_wallets(session)
    _compare(search, "not final", kept=kept, wanted=wanted)
    return search.end()


async def prove_deposit_counters(database: Database, *, now: datetime) -> Finding:
    """What players deposited in the running windows, counted again from their deposits by the
    rules' own counters."""
    search = Search("deposit counters")
    after = -1
    while True:
        async with database.transaction() as session:
            await take_snapshot(session)
            players = list(
                await session.scalars(
                    select(CountersRow.player_id)
                    .where(CountersRow.player_id > after)
                    .order_by(CountersRow.player_id)
                    .limit(PAGE_PLAYERS)
                )
            )
            if not players:
                return search.end()
            expected = await deposited(session, players, now=now)
            stored = await facts.load(await driver_connection(session), players)
        for player_id in players:
            kept = stored[player_id].counters.rolled(now)
            wanted = expected[player_id].rolled(now)
            for window in Window:
                search.compare(
                    f"player {player_id}, {window}: deposited",
                    stored=kept.tally(window).deposited,
                    expected=wanted.tally(window).deposited,
                )
        after = players[-1]


def _compare(search: Search, column: str, *, kept: Held, wanted: Held) -> None:
    for player_id, asset in sorted(kept.keys() | wanted.keys()):
        search.compare(
            f"player {player_id}: {column} in {asset}",
            stored=kept.get((player_id, asset), 0),
            expected=wanted.get((player_id, asset), 0),
        )
