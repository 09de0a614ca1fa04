"""The case of disk: what a stored bet takes, in tables and indexes together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from benchmarks.betting import seat
from benchmarks.load import open_crew
from benchmarks.report import Goal, Row, plain
from casino.betting import receipt_signer
from casino.betting.receipt_roots import HouseKey
from casino.db import Database
from casino.worker.signing import sign_all

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
NAMED = 6
SIGNED_WITHIN_SECONDS = 60


def bytes_per_bet(bench: Bench, goal: Goal) -> list[Row]:
    """Growth of the whole database by many bets and the signatures of their receipts, vacuumed
    before and after."""
    with bench.house() as house, open_crew(*seat(house, seats=SEATS)) as crew:
        house.calm()
        before = _sizes(house)
        while crew.bets_total < bench.sizes.size_bets:
            crew.play(bench.sizes.cell_seconds)
            bench.say(f"  {crew.bets_total:,} bets")
        asyncio.run(_sign(house, crew.bets_total))
        house.calm()
        after = _sizes(house)
        bets = crew.bets_total
        house.prove(rounds=bets)
    grown = {name: (size - before.get(name, 0)) / bets for name, size in after.items()}
    largest = sorted(grown, key=lambda name: grown[name], reverse=True)[:NAMED]
    note = ", ".join(f"{name} {grown[name]:.0f}" for name in largest)
    return [plain("bytes_per_bet", value=sum(grown.values()), unit="B", goal=goal, note=note)]


async def _sign(house: House, receipts: int) -> None:
    """Do what the worker does each second, until every receipt has its signed path."""
    database, key = Database(house.url, connections_max=1), HouseKey(bytes(32))
    signed = 0
    try:
        async with database.transaction() as session:
            await receipt_signer.register(session, key)
        async with asyncio.timeout(SIGNED_WITHIN_SECONDS):
            while signed < receipts:
                signed += await sign_all(database, key)
                await asyncio.sleep(0.5)  # the newest are signed when they are a moment old
    finally:
        await database.close()


def _sizes(house: House) -> dict[str, int]:
    """Bytes by table; a month's partitions count for their table."""
    sizes: dict[str, int] = {}
    for line in house.read(EVERY_TABLE).splitlines():
        name, _, size = line.partition("|")
        table = name.partition("_p2")[0]
        sizes[table] = sizes.get(table, 0) + int(size)
    return sizes
