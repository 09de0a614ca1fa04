"""Cases of an aggregator's signed bet calls against the production webapp."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.bench import interleave
from benchmarks.load import Table, open_crew
from benchmarks.report import Goal, Row, compared
from benchmarks.webapps import open_webapps

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.load import Played


def http_64(bench: Bench, goal: Goal) -> list[Row]:
    """One webapp, 64 connections."""
    return _calls(bench, "http_64", goal, webapps=1, connections=64)


def http_256_2w(bench: Bench, goal: Goal) -> list[Row]:
    """Two webapps, 256 connections in all."""
    return _calls(bench, "http_256_2w", goal, webapps=2, connections=256)


def _calls(bench: Bench, name: str, goal: Goal, *, webapps: int, connections: int) -> list[Row]:
    cells: list[Played] = []
    spent: list[float] = []
    with bench.house() as house:
        keys_before = house.count("bet_keys")
        players = tuple(house.players()[:connections])
        with open_webapps(bench.folder / house.name, house.url, count=webapps) as apps:
            table = Table(house.dsn, players, callbacks=apps.ports)
            with open_crew(table) as crew:
                crew.play(bench.sizes.warm_seconds)
                house.calm()

                def cell() -> float:
                    before = apps.cpu_seconds()
                    played = crew.play(bench.sizes.cell_seconds)
                    cells.append(played)
                    spent.append((apps.cpu_seconds() - before) / played.bets * 1e6)
                    bench.say(f"  {played.rate:,.0f} calls/s")
                    return played.rate

                found = interleave(bench.sizes.rounds, cell=cell, reference=bench.tpcb)
        house.prove(rounds=0, keys=keys_before + crew.bets_total)
    p50 = statistics.median(cell.quantile_ms(0.5) for cell in cells)
    p99 = statistics.median(cell.quantile_ms(0.99) for cell in cells)
    note = (
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms,"
        f" webapp {statistics.median(spent):.0f} us a call, load generator in its own process"
    )
    value, reference, ratio = found.figures
    return [
        compared(
            name,
            value=value,
            unit="calls/s",
            reference=reference,
            ratio=ratio,
            goal=goal,
            note=note,
        )
    ]
