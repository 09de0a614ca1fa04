"""Figures of the house: today at a glance, and what one player put in and took out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino.betting.tables import RoundRow
from casino.clock import Window, window_end, window_start
from casino.ids import PlayerId, first_id_at, moment_of
from casino.ledger import totals
from casino.ledger.chart import Kind
from casino.money import PLAYABLE, Asset
from casino.players.tables import PlayerRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    Moved = Mapping[tuple[Kind, Asset], int]
    OpenStakes = Mapping[tuple[datetime, Asset], int]

# What each figure adds up and takes away. A stake that came back unplayed was never a stake.
STAKES = {
    Kind.BET_STAKE: 1,
    Kind.SEAMLESS_DEBIT: 1,
    Kind.BET_REFUND: -1,
    Kind.SEAMLESS_ROLLBACK: -1,
}
PAYOUTS = {Kind.BET_PAYOUT: 1, Kind.SEAMLESS_CREDIT: 1, Kind.SEAMLESS_REVERSAL: -1}
# A held deposit is in the house already; its release moves nothing in or out. Coins without an
# owner count when they get one.
DEPOSITS = {Kind.DEPOSIT: 1, Kind.DEPOSIT_HELD: 1, Kind.DEPOSIT_REVERSAL: -1}
WITHDRAWALS = {Kind.WITHDRAWAL_PAYOUT: 1, Kind.WITHDRAWAL_FEE: 1}


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the day, by its first moment; units by asset."""

    start: datetime
    stakes: Mapping[Asset, int]
    payouts: Mapping[Asset, int]
    ggr: Mapping[Asset, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """A calendar day in UTC; units by asset. GGR is stakes minus payouts without the stakes of
    rounds that are still open."""

    day: datetime
    players_active: int
    new_players: int
    bets: int
    stakes: Mapping[Asset, int]
    payouts: Mapping[Asset, int]
    ggr: Mapping[Asset, int]
    deposits: Mapping[Asset, int]
    withdrawals: Mapping[Asset, int]
    by_hour: Sequence[Hour]


@dataclass(frozen=True, slots=True)
class Summary:
    """A player's life with the house; units by asset."""

    staked: Mapping[Asset, int]
    paid: Mapping[Asset, int]
    deposits: Mapping[Asset, int]
    withdrawals: Mapping[Asset, int]


async def today(session: AsyncSession, *, now: datetime) -> Figures:
    """The figures of the day that holds `now`, hour by hour up to now."""
    since, until = window_start(Window.DAY, now), window_end(Window.DAY, now)
    moved = await totals.by_kind(session, since=since, until=until)
    low, high = first_id_at(since), first_id_at(until)
    bets, players_active = (
        await session.execute(
            select(func.count(), func.count(func.distinct(RoundRow.player_id))).where(
                RoundRow.id >= low, RoundRow.id < high
            )
        )
    ).one()
    new_players = await session.scalar(
        select(func.count()).where(PlayerRow.created_at >= since, PlayerRow.created_at < until)
    )
    still_open = await _still_open(session, low, high)
    return Figures(
        day=since,
        players_active=players_active,
        new_players=new_players or 0,
        bets=bets,
        stakes=_sum(moved, STAKES),
        payouts=_sum(moved, PAYOUTS),
        ggr=_ggr(moved, _at_stake(still_open)),
        deposits=_sum(moved, DEPOSITS),
        withdrawals=_sum(moved, WITHDRAWALS),
        by_hour=await _by_hour(session, since, until, now, still_open),
    )


async def player_summary(session: AsyncSession, *, player_id: int) -> Summary:
    """What a player ever staked, won back, put in and took out."""
    moved = await totals.by_kind(
        session,
        since=moment_of(0),
        until=moment_of(2**62),
        player_id=PlayerId(player_id),
    )
    return Summary(
        staked=_sum(moved, STAKES),
        paid=_sum(moved, PAYOUTS),
        deposits=_sum(moved, DEPOSITS),
        withdrawals=_sum(moved, WITHDRAWALS),
    )


async def _by_hour(
    session: AsyncSession,
    since: datetime,
    until: datetime,
    now: datetime,
    still_open: OpenStakes,
) -> Sequence[Hour]:
    moved = await totals.by_kind_hour(session, since=since, until=until)
    hours = []
    for number in range((now - since) // timedelta(hours=1) + 1):
        start = since + timedelta(hours=number)
        of_hour = {
            (kind, asset): units for (hour, kind, asset), units in moved.items() if hour == start
        }
        hours.append(
            Hour(
                start=start,
                stakes=_sum(of_hour, STAKES),
                payouts=_sum(of_hour, PAYOUTS),
                ggr=_ggr(of_hour, _at_stake(still_open, start)),
            )
        )
    return hours


def _sum(moved: Moved, signs: Mapping[Kind, int]) -> Mapping[Asset, int]:
    """Units by asset, every playable asset present."""
    sums = dict.fromkeys(PLAYABLE, 0)
    for (kind, asset), units in moved.items():
        if kind in signs:
            sums[asset] = sums.get(asset, 0) + signs[kind] * units
    return sums


def _ggr(moved: Moved, at_stake: Mapping[Asset, int]) -> Mapping[Asset, int]:
    paid = _sum(moved, PAYOUTS)
    return {
        asset: units - paid.get(asset, 0) - at_stake.get(asset, 0)
        for asset, units in _sum(moved, STAKES).items()
    }


async def _still_open(session: AsyncSession, low: int, high: int) -> OpenStakes:
    """Stakes of rounds opened in a range of ids that nobody has won or lost yet, by hour."""
    hour = func.date_trunc("hour", RoundRow.opened_at, "UTC")
    rows = await session.execute(
        select(hour, RoundRow.asset, func.sum(RoundRow.stake))
        .where(RoundRow.id >= low, RoundRow.id < high, RoundRow.status == "open")
        .group_by(hour, RoundRow.asset)
    )
    return {(start, Asset.from_code(asset)): int(units) for start, asset, units in rows}


def _at_stake(still_open: OpenStakes, hour: datetime | None = None) -> Mapping[Asset, int]:
    sums: dict[Asset, int] = {}
    for (start, asset), units in still_open.items():
        if hour is None or start == hour:
            sums[asset] = sums.get(asset, 0) + units
    return sums
