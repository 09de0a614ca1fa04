"""`python -m tests.simulation --seed n --days d`: a simulated month, and its hash."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import structlog

from tests.servers import TEMPLATE, asyncpg_url, begin_run, in_database, migrate, shared_postgres
from tests.simulation.faults import Point
from tests.simulation.run import Outcome, simulate

LONG_DAYS = 14


def main() -> int:
    """Run the seed; 1 when the house did not do what the model foretold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Play a seeded month against the real core and check every step.",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--steps", type=int, default=160, help="steps a day")
    parser.add_argument("--copy", type=Path, help="write every line that is hashed into this file")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    address = os.environ.get("DATABASE_URL", "")
    if address:
        return asyncio.run(_on_server(address.replace("+asyncpg", "", 1), "", given))
    run = begin_run()
    try:
        return asyncio.run(_on_server(shared_postgres(run, environment={}), TEMPLATE, given))
    finally:
        run.end()


async def _on_server(dsn: str, template: str, given: argparse.Namespace) -> int:
    """Run in a database of its own on that server, dropped when it is over."""
    name = f"fairhouse_simulation_{os.getpid()}"
    administrator = await asyncpg.connect(dsn)
    try:
        await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")
        try:
            url = asyncpg_url(in_database(dsn, name))
            if not template:
                await asyncio.to_thread(migrate, url)
            with (given.copy or Path(os.devnull)).open("w") as copy:
                outcome = await simulate(
                    url,
                    seed=given.seed,
                    days=given.days,
                    steps_a_day=given.steps,
                    say=_say,
                    copy=copy,
                )
        finally:
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administrator.close()
    return _report(outcome, days=given.days)


def _report(outcome: Outcome, *, days: int) -> int:
    _say(f"events {outcome.events}, connections terminated by the server {outcome.terminated}")
    for point in Point:
        _say(f"  lost {point:<28} {outcome.injected[point]:>5}")
    _say("  ".join(f"{deed} {count}" for deed, count in sorted(outcome.deeds.items())))
    missing = [point.value for point in Point if not outcome.injected[point]]
    if missing:
        _say(f"never lost: {', '.join(missing)}")
    if outcome.failure:
        _say(outcome.failure)
        return 1
    _say(f"seed {outcome.seed}, {days} days: trace {outcome.digest}")
    return 1 if missing and days >= LONG_DAYS else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
