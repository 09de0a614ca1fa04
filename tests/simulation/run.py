"""One run from its seed to its hash: all events, and at the end all rows of all tables."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from tests.simulation.faults import Point
from tests.simulation.month import STEPS_A_DAY, Month, first_day
from tests.simulation.world import World, open_world

# What no seed decides: ciphertexts and their keys, tags drawn from the system's randomness, and
# the real moments at which migrations wrote the first rows.
DRAWN_ELSEWHERE = {
    ("seed_pairs", "sealed"),
    ("player_keys", "wrapped"),
    ("deposit_tags", "tag"),
    ("game_terms", "since"),
    ("ledger_marks", "id"),
    ("ledger_marks", "made_at"),
    ("ledger_sums", "mark_id"),
}
# Rows that are named after the process that wrote them count by their sums.
IN_SUM = {
    "house_lanes": "SELECT account, asset, sum(balance) FROM house_lanes GROUP BY account, asset"
}
REAL_CLOCK = ("clock_timestamp", "now()", "pg_current_xact_id")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `failure` is empty, or tells everything that is needed to repeat it."""

    seed: int
    digest: str
    events: int
    injected: Counter[Point]
    terminated: int
    deeds: Counter[str]
    failure: str


async def simulate(
    url: str,
    *,
    seed: int,
    days: int,
    steps_a_day: int = STEPS_A_DAY,
    say: Callable[[str], None] = lambda _line: None,
    copy: TextIO | None = None,
) -> Outcome:
    """Play `days` days from `seed` in the freshly migrated database at `url`.

    Never raises for a fault of the house: the outcome tells. `copy` takes every line that is hashed.
    """
    failure, digest = "", ""
    async with open_world(url, seed=seed, start=first_day(days), copy=copy) as world:
        month = Month(world, days=days, steps_a_day=steps_a_day)
        started = time.monotonic()
        try:
            async for day in month.run():
                elapsed = time.monotonic() - started
                say(
                    f"day {day + 1:>3} of {days} ({world.now:%Y-%m-%d}) proved,"
                    f" {world.trace.count} events, {elapsed:.0f} s"
                )
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told with its seed
            failure = _failure(world, month, seed, error)
        else:
            digest = await _digest(world)
        return Outcome(
            seed=seed,
            digest=digest,
            events=world.trace.count,
            injected=world.faults.injected,
            terminated=world.faults.terminated,
            deeds=world.trace.kinds,
            failure=failure,
        )


def _failure(world: World, month: Month, seed: int, error: Exception) -> str:
    trace = "".join(traceback.format_exception(error))
    last = "\n".join(world.trace.lines)
    return (
        f"{trace}\nThe last events:\n{last}\n"
        f"FAILED: seed {seed}, day {month.day + 1} of {month.days}, step {month.step}"
        f" ({world.now.isoformat()}): {error}"
    )


async def _digest(world: World) -> str:
    """The hash of the events and of every row, in an order that no page layout decides."""
    columns: dict[str, list[str]] = {}
    for table, column, default in await world.administrator.fetch(
        "SELECT c.table_name::text, c.column_name::text, coalesce(c.column_default, '')"
        " FROM information_schema.columns c JOIN pg_class k ON k.relname = c.table_name"
        "   AND k.relnamespace = 'public'::regnamespace AND NOT k.relispartition"
        " WHERE c.table_schema = 'public' AND k.relkind IN ('r', 'p')"
        " ORDER BY c.table_name, c.ordinal_position"
    ):
        real = any(word in default for word in REAL_CLOCK)
        if not real and (table, column) not in DRAWN_ELSEWHERE:
            columns.setdefault(table, []).append(f'"{column}"')
    for table, names in columns.items():
        query = IN_SUM.get(table, f"SELECT {', '.join(names)} FROM {table}")
        rows = await world.administrator.fetch(f"SELECT t::text FROM ({query}) t ORDER BY 1")
        world.trace.add(f"{table}: {len(rows)} rows")
        for row in rows:
            world.trace.add(row[0])
    return world.trace.digest
