"""The case of disk: what a stored bet takes, in tables and indexes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.betting import seat
from benchmarks.load import open_crew
from benchmarks.report import Goal, Row, plain

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.house import House

SEATS = 256
# The outbox is emptied as its effects are delivered; `pg_total_relation_size` of a partition holds
# its indexes and what is stored out of line.
EVERY_TABLE = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'outbox'
"""
NAMED = 4


def bytes_per_bet(bench: Bench, goal: Goal) -> list[Row]:
    """Growth of the whole database by many bets, vacuumed before and after."""
    with bench.house() as house, open_crew(*seat(house, seats=SEATS)) as crew:
        house.calm()
        before = _sizes(house)
        while crew.bets_total < bench.sizes.size_bets:
            crew.play(bench.sizes.cell_seconds)
            bench.say(f"  {crew.bets_total:,} bets")
        house.calm()
        after = _sizes(house)
        bets = crew.bets_total
        house.prove(rounds=bets)
    grown = {name: (size - before.get(name, 0)) / bets for name, size in after.items()}
    largest = sorted(grown, key=lambda name: grown[name], reverse=True)[:NAMED]
    note = ", ".join(f"{name} {grown[name]:.0f}" for name in largest)
    return [plain("bytes_per_bet", value=sum(grown.values()), unit="B", goal=goal, note=note)]


def _sizes(house: House) -> dict[str, int]:
    lines = house.read(EVERY_TABLE).splitlines()
    return {name: int(size) for name, _, size in (line.partition("|") for line in lines)}
