"""The case of a long past: the same house with few and with very many stored bets."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.bench import interleave
from benchmarks.betting import seat
from benchmarks.load import open_crew
from benchmarks.report import Goal, Row, compared, plain
from benchmarks.stored import fill_past
from casino.betting import history
from casino.db import Database
from casino.ids import PlayerId
from casino.ledger import journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from benchmarks.bench import Bench
    from benchmarks.house import House

GOAL_STORED = 10_000_000
BALANCE_GOAL = Goal(1.3, at_most=True)
LAST_20_GOAL = Goal(5, at_most=True)
SAMPLE_SEATS = 1000
SEATS = 64


def growth(bench: Bench, goal: Goal) -> list[Row]:
    """Bets a second, a balance and the last twenty bets, in both houses."""
    sizes = bench.sizes
    with bench.house() as small, bench.house() as large:
        rounds = {
            house: _fill(bench, house, bets)
            for house, bets in ((small, sizes.growth_small), (large, sizes.growth_large))
        }
        with (
            open_crew(*seat(small, seats=SEATS)) as few,
            open_crew(*seat(large, seats=SEATS)) as many,
        ):
            few.play(sizes.warm_seconds)
            many.play(sizes.warm_seconds)
            bets = interleave(
                sizes.rounds,
                cell=lambda: many.play(sizes.cell_seconds).rate,
                reference=lambda: few.play(sizes.cell_seconds).rate,
            )
            balance = interleave(
                sizes.rounds,
                cell=lambda: asyncio.run(_read(large, _balance, sizes.reads)),
                reference=lambda: asyncio.run(_read(small, _balance, sizes.reads)),
            )
            last = interleave(
                sizes.rounds,
                cell=lambda: asyncio.run(_read(large, _last_20, sizes.reads)),
                reference=lambda: asyncio.run(_read(small, _last_20, sizes.reads)),
            )
        bench.say("  proving both books")
        small.prove(rounds=rounds[small] + few.bets_total, history=False)
        large.prove(rounds=rounds[large] + many.bets_total, history=False)
    note = f"{rounds[large]:,} stored bets against {rounds[small]:,}"
    rows = [
        compared(name, value=f.value, unit=unit, reference=f.reference, ratio=f.ratio, goal=aim)
        for name, f, unit, aim in (
            ("growth", bets, "bets/s", goal),
            ("growth_balance", balance, "ms", BALANCE_GOAL),
        )
    ]
    rows.append(plain("growth_last20", value=last.value, unit="ms", goal=LAST_20_GOAL))
    judged = rounds[large] >= GOAL_STORED
    return [replace(row, note=note, met=row.met if judged else None) for row in rows]


def _fill(bench: Bench, house: House, bets: int) -> int:
    """Play real bets with many players, then copy them back."""
    with open_crew(*seat(house, seats=SAMPLE_SEATS)) as crew:
        while crew.bets_total < min(bets // 10, 10_000):
            crew.play(bench.sizes.warm_seconds)
    bench.say(f"  filling a house with {bets:,} bets")
    return fill_past(house, bets=bets, say=bench.say)


async def _balance(session: AsyncSession, player_id: PlayerId) -> None:
    await journal.balances(session, player_id)


async def _last_20(session: AsyncSession, player_id: PlayerId) -> None:
    await history.list_rounds(session, player_id=player_id, limit=20)


async def _read(
    house: House, one: Callable[[AsyncSession, PlayerId], Awaitable[None]], reads: int
) -> float:
    """Median milliseconds of a read as a screen makes it, one after the other, over everybody."""
    players: Sequence[int] = house.players()
    database = Database(house.url, connections_max=1)
    spent = []
    try:
        for turn in range(reads):
            started = time.perf_counter()
            async with database.transaction() as session:
                await one(session, PlayerId(players[turn * 7 % len(players)]))
            spent.append(time.perf_counter() - started)
    finally:
        await database.close()
    return statistics.median(spent) * 1e3
