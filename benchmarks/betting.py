"""Cases of the play service: many players, one hot wallet, two workers, a lone player."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.bench import Interleaved, interleave
from benchmarks.load import Played, Table, open_crew
from benchmarks.report import Goal, Row, compared, plain

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.house import House
    from benchmarks.load import Crew

P99_GOAL_MS = Goal(40, at_most=True)
BATCH_LEAST = 16


def bets_64(bench: Bench, goal: Goal) -> list[Row]:
    """64 distinct players in one worker."""
    return _throughput(bench, "bets_64", goal, seats=64)


def bets_256(bench: Bench, goal: Goal) -> list[Row]:
    """256 distinct players in one worker, with the slowest hundredth of their bets."""
    return _throughput(bench, "bets_256", goal, seats=256, p99=P99_GOAL_MS)


def bets_hot(bench: Bench, goal: Goal) -> list[Row]:
    """64 commands at once on the wallet of one player."""
    return _throughput(bench, "bets_hot", goal, seats=64, players=1)


def bets_2w(bench: Bench, goal: Goal) -> list[Row]:
    """256 distinct players shared by two worker processes."""
    return _throughput(bench, "bets_2w", goal, seats=256, workers=2)


def lone_p50(bench: Bench, goal: Goal) -> list[Row]:
    """The median bet of a player who has the house to himself."""
    cells: list[Played] = []
    with bench.house() as house, open_crew(*seat(house, seats=1)) as crew:
        _warm(bench, house, crew)
        found = interleave(
            bench.sizes.rounds,
            cell=lambda: _play(bench, crew, cells).quantile_ms(0.5),
            reference=bench.tpcb_alone_ms,
        )
        house.prove(rounds=crew.bets_total)
    note = "reference: average latency of TPC-B with one client"
    return [_row("lone_p50", found, "ms", goal, note)]


def cpu_per_bet(bench: Bench, goal: Goal) -> list[Row]:
    """What a bet costs the worker's processor, the load generator in it included."""
    cells: list[Played] = []
    with bench.house() as house, open_crew(*seat(house, seats=64)) as crew:
        _warm(bench, house, crew)
        for _ in range(bench.sizes.rounds):
            _play(bench, crew, cells)
        house.prove(rounds=crew.bets_total)
    each = statistics.median(cell.cpu_seconds / cell.bets for cell in cells) * 1e6
    batch = statistics.median(cell.batch for cell in cells)
    row = plain("cpu_per_bet", value=each, unit="us", goal=goal, note=f"batches of {batch:.0f}")
    if batch >= BATCH_LEAST:
        return [row]
    note = f"batches of {batch:.0f} only: the goal speaks of {BATCH_LEAST} and more"
    return [Row(row.name, each, "us", None, None, row.goal, met=None, note=note)]


def house_live(bench: Bench, goal: Goal) -> list[Row]:
    """64 players with the house's live balance kept, against the same without it."""
    found = _side_by_side(bench, live=False)
    return [_row("house_live", found, "bets/s", goal, "reference: without the live balance")]


def vs_orm(bench: Bench, goal: Goal) -> list[Row]:
    """64 players on the floor, and 64 in another house through an ORM with a pool of 16."""
    found = _side_by_side(bench, orm=True)
    return [
        _row("vs_orm", found, "bets/s", goal, "reference: the same bet in benchmarks/orm_bet.py")
    ]


def _side_by_side(bench: Bench, **reference: bool) -> Interleaved:
    """The floor in one house, held against another table in a house of its own, which keeps no
    live balances."""
    with bench.house() as ours, bench.house() as theirs:
        with (
            open_crew(*seat(ours, seats=64)) as floor,
            open_crew(*seat(theirs, seats=64, **reference)) as other,
        ):
            _warm(bench, ours, floor)
            _warm(bench, theirs, other)
            found = interleave(
                bench.sizes.rounds,
                cell=lambda: _play(bench, floor, []).rate,
                reference=lambda: other.play(bench.sizes.cell_seconds).rate,
            )
        ours.prove(rounds=floor.bets_total)
        theirs.prove(rounds=other.bets_total, live=False)
    return found


def cold(bench: Bench, goal: Goal) -> list[Row]:
    """The first seconds of an empty house, with a worker that has just started."""
    values, references = [], []
    for _ in range(bench.sizes.rounds):
        with bench.house() as house, open_crew(*seat(house, seats=64)) as crew:
            values.append(_play(bench, crew, []).rate)
            _warm(bench, house, crew)
            references.append(crew.play(bench.sizes.cell_seconds).rate)
            house.prove(rounds=crew.bets_total)
    ratios = [value / warm for value, warm in zip(values, references, strict=True)]
    found = Interleaved(*map(statistics.median, (values, references, ratios)))
    return [_row("cold", found, "bets/s", goal, "reference: the same house, warm")]


def _throughput(
    bench: Bench,
    name: str,
    goal: Goal,
    *,
    seats: int,
    players: int | None = None,
    workers: int = 1,
    p99: Goal | None = None,
) -> list[Row]:
    cells: list[Played] = []
    with bench.house() as house:
        tables = seat(house, seats=seats, players=players or seats, workers=workers)
        with open_crew(*tables) as crew:
            _warm(bench, house, crew)
            found = interleave(
                bench.sizes.rounds,
                cell=lambda: _play(bench, crew, cells).rate,
                reference=bench.tpcb,
            )
        house.prove(rounds=crew.bets_total)
    rows = [_row(name, found, "bets/s", goal, describe(cells))]
    if p99 is not None:
        slow = statistics.median(cell.quantile_ms(0.99) for cell in cells)
        rows.append(plain(f"{name}_p99", value=slow, unit="ms", goal=p99))
    return rows


def describe(cells: list[Played]) -> str:
    """Latency, batch and processor time of the measured stretches, in a line."""

    def median(read: list[float]) -> float:
        return statistics.median(read)

    return (
        f"p50 {median([cell.quantile_ms(0.5) for cell in cells]):.1f} ms,"
        f" p99 {median([cell.quantile_ms(0.99) for cell in cells]):.1f} ms,"
        f" batches of {median([cell.batch for cell in cells]):.0f},"
        f" Python {median([cell.cpu_seconds / cell.bets for cell in cells]) * 1e6:.0f} us a bet"
    )


def seat(
    house: House,
    *,
    seats: int,
    players: int | None = None,
    workers: int = 1,
    live: bool = True,
    orm: bool = False,
) -> list[Table]:
    """Seats dealt to the workers in turn, each with a player of its own as far as they reach."""
    known = house.players()[: players or seats]
    dealt = [known[seat % len(known)] for seat in range(seats)]
    return [Table(house.dsn, tuple(dealt[one::workers]), live, orm) for one in range(workers)]


def _warm(bench: Bench, house: House, crew: Crew) -> None:
    crew.play(bench.sizes.warm_seconds)
    house.calm()


def _play(bench: Bench, crew: Crew, cells: list[Played]) -> Played:
    played = crew.play(bench.sizes.cell_seconds, profile=bench.profile)
    cells.append(played)
    bench.say(f"  {played.rate:,.0f} bets/s, {describe([played])}")
    if played.profile:
        bench.say(played.profile)
    return played


def _row(name: str, found: Interleaved, unit: str, goal: Goal, note: str) -> Row:
    return compared(
        name,
        value=found.value,
        unit=unit,
        reference=found.reference,
        ratio=found.ratio,
        goal=goal,
        note=note,
    )
