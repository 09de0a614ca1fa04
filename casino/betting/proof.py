"""Do rounds, open exposure and the players' counters agree with the book that they came from."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.betting.tables import ExposureRow, RoundRow
from casino.clock import Window, window_start
from casino.db import driver_connection
from casino.exchange import Rate
from casino.ids import PlayerId, moment_of
from casino.ledger import totals
from casino.ledger.chart import Account, Kind
from casino.ledger.findings import Finding, Search
from casino.ledger.marks import opening
from casino.ledger.reconcile import take_snapshot
from casino.money import PLAYERS, UNITS_MAX, Asset
from casino.players import facts
from casino.players.rules import Counters
from casino.players.tables import CountersRow
from casino.rates import RateRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from casino.ledger.progress import Progress
    from casino.ledger.totals import Move

PAGE_ROUNDS = 5_000
PAGE_PLAYERS = 500

ROUND_KINDS = (Kind.BET_STAKE, Kind.BET_PAYOUT, Kind.BET_REFUND)
STAKES = frozenset({Kind.BET_STAKE, Kind.SEAMLESS_DEBIT})
PAYOUTS = frozenset({Kind.BET_PAYOUT, Kind.SEAMLESS_CREDIT})
REFUNDS = frozenset({Kind.BET_REFUND, Kind.SEAMLESS_ROLLBACK})
REVERSALS = frozenset({Kind.SEAMLESS_REVERSAL})

# A bet decided while a rate was being quoted may have been counted at the one or the other.
QUOTE_TAKES = timedelta(seconds=30)
# A process's clock may be this far from the database's, whose time is in the ids.
CLOCKS_APART = timedelta(hours=1)
_NOTHING = Counters.empty(moment_of(0))


async def prove_open_rounds(database: Database) -> Finding:
    """`house:open_rounds` holds the stakes of the open rounds, and `house_exposure` their sum."""
    search = Search("open rounds")
    async with database.transaction() as session:
        await take_snapshot(session)
        rows = await session.execute(
            select(RoundRow.asset, func.sum(RoundRow.stake), func.sum(RoundRow.exposure))
            .where(RoundRow.status == "open")
            .group_by(RoundRow.asset)
        )
        open_now = {
            Asset.from_code(code): (int(stakes), int(exposure)) for code, stakes, exposure in rows
        }
        exposed = {
            Asset.from_code(row.asset): row.open_units
            for row in await session.scalars(select(ExposureRow))
        }
        for asset in PLAYERS:
            stakes, exposure = open_now.get(asset, (0, 0))
            held = await totals.account_balance(session, Account.HOUSE_OPEN_ROUNDS, asset)
            search.compare(
                f"{Account.HOUSE_OPEN_ROUNDS.path} in {asset}", stored=held, expected=stakes
            )
            search.compare(
                f"house_exposure in {asset}", stored=exposed.get(asset, 0), expected=exposure
            )
    return search.end()


async def prove_rounds(database: Database, *, progress: Progress | None = None) -> Finding:
    """Each round's stake and payout are its transfers, and no stake is without its round."""
    search = Search("rounds")
    async with database.transaction() as session:
        above = (await opening(session)).upto
        total = await session.scalar(select(func.count()).select_from(RoundRow))
    if progress is not None:
        progress.begin("holding rounds against transfers", int(total or 0))
    while True:
        async with database.transaction() as session:
            await take_snapshot(session)
            page = (
                await session.execute(
                    select(
                        RoundRow.id,
                        RoundRow.status,
                        RoundRow.stake,
                        RoundRow.payout,
                        RoundRow.steps.is_not(None),
                    )
                    .where(RoundRow.id > above)
                    .order_by(RoundRow.id)
                    .limit(PAGE_ROUNDS)
                )
            ).all()
            upto = page[-1][0] if len(page) == PAGE_ROUNDS else UNITS_MAX
            moved = dict(
                await totals.by_subject(session, kinds=ROUND_KINDS, above=above, upto=upto)
            )
            # A round of several steps is paid under a later entry than the one that opened it.
            stepped = [round_id for round_id, _, _, _, steps in page if steps]
            moved |= await totals.of_subjects(session, kinds=ROUND_KINDS, subjects=stepped)
        _compare_rounds(search, page, moved, above=above)
        if progress is not None:
            progress.add(len(page))
        if len(page) < PAGE_ROUNDS:
            break
        above = upto
    if progress is not None:
        progress.end()
    return search.end()


async def prove_counters(
    database: Database, *, now: datetime, progress: Progress | None = None
) -> Finding:
    """What players staked and lost in the running windows, counted again from the transfers by
    the rules' own counters."""
    search = Search("limit counters")
    since = min(window_start(window, now) for window in Window) - CLOCKS_APART
    async with database.transaction() as session:
        total = await session.scalar(select(func.count()).select_from(CountersRow))
    if progress is not None:
        progress.begin("counting limits again", int(total or 0), unit="players")
    after = -1
    while True:
        async with database.transaction() as session:
            await take_snapshot(session)
            players = [
                PlayerId(player_id)
                for player_id in await session.scalars(
                    select(CountersRow.player_id)
                    .where(CountersRow.player_id > after)
                    .order_by(CountersRow.player_id)
                    .limit(PAGE_PLAYERS)
                )
            ]
            if not players:
                break
            await _compare_counters(session, search, players, since=since, now=now)
        after = players[-1]
        if progress is not None:
            progress.add(len(players))
    if progress is not None:
        progress.end()
    return search.end()


def _compare_rounds(
    search: Search,
    page: Sequence[tuple[int, str, int, int, bool]],
    moved: Mapping[tuple[int, Kind], int],
    *,
    above: int,
) -> None:
    known = set()
    for round_id, status, stake, payout, _ in page:
        known.add(round_id)
        expected = {
            Kind.BET_STAKE: stake,
            Kind.BET_PAYOUT: payout if status == "settled" else 0,
            Kind.BET_REFUND: stake if status == "void" else 0,
        }
        for kind, units in expected.items():
            search.compare(
                f"round {round_id}: {kind.path}",
                stored=moved.get((round_id, kind), 0),
                expected=units,
            )
    for subject, kind in moved:
        if kind is Kind.BET_STAKE and subject > above and subject not in known:
            search.fault(f"round {subject}: a stake was taken and there is no round")


async def _compare_counters(
    session: AsyncSession,
    search: Search,
    players: Sequence[PlayerId],
    *,
    since: datetime,
    now: datetime,
) -> None:
    stored = await facts.load(await driver_connection(session), players)
    quoted = _Quotes((await session.scalars(select(RateRow).order_by(RateRow.id))).all())
    bounds = dict.fromkeys(players, (_NOTHING, _NOTHING))
    moves = totals.moves_of(
        session, players=players, kinds=[*STAKES, *PAYOUTS, *REFUNDS, *REVERSALS], since=since
    )
    async for move in moves:
        values = quoted.values(move)
        if values:
            low, high = bounds[move.player_id]
            bounds[move.player_id] = (
                _count(low.rolled(move.at), move.kind, min(values), max(values)),
                _count(high.rolled(move.at), move.kind, max(values), min(values)),
            )
    for player_id in players:
        low, high = (counters.rolled(now) for counters in bounds[player_id])
        found = stored[player_id].counters.rolled(now)
        for window in Window:
            least, most, kept = low.tally(window), high.tally(window), found.tally(window)
            search.looked_at += 1
            if not (
                least.start == kept.start
                and least.staked <= kept.staked <= most.staked
                and least.lost <= kept.lost <= most.lost
            ):
                search.fault(
                    f"player {player_id}, {window}: staked {kept.staked}, lost {kept.lost};"
                    f" his transfers say {most.staked} and {most.lost}"
                )


def _count(counters: Counters, kind: Kind, stake: int, payout: int) -> Counters:
    """The counters after a move whose value is `stake` where it adds, `payout` where it gives
    back."""
    if kind in STAKES:
        return counters.with_stake(stake)
    if kind in REVERSALS:
        return counters.with_payout(-stake)
    if kind in PAYOUTS:
        return counters.with_payout(payout)
    return counters.with_refund(payout)


class _Quotes:
    """Rates by asset in the order in which they were quoted."""

    def __init__(self, rows: Sequence[RateRow]) -> None:
        self._rates: dict[Asset, list[Rate]] = defaultdict(list)
        for row in rows:
            asset = Asset.from_code(row.asset)
            self._rates[asset].append(
                Rate(row.id, asset, row.numerator, row.denominator, row.quoted_at)
            )
        self._moments = {
            asset: [rate.quoted_at for rate in rates] for asset, rates in self._rates.items()
        }

    def values(self, move: Move) -> list[int]:
        """A move in reference micro-units at each rate that may have been in force: stakes are
        rounded up, what comes back is rounded down."""
        rates, moments = self._rates.get(move.asset, []), self._moments.get(move.asset, [])
        first = max(0, bisect_right(moments, move.at - QUOTE_TAKES) - 1)
        last = bisect_right(moments, move.at + QUOTE_TAKES)
        sign = 1 if move.kind in STAKES | REVERSALS else -1
        return [sign * rate.to_reference(sign * move.units) for rate in rates[first:last]]
