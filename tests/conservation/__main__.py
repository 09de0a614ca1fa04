"""`python -m tests.conservation --minutes n --seed n`: faults on all chains, and no coin lost."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

from sandbox.home import Home
from tests.conservation.run import Outcome, conserve


def main() -> int:
    """Run it; 1 when something was lost or doubled, or a kind of fault never struck."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conservation",
        description="Deposits, payouts, crashes, reorganisations and lies on all chains at once.",
    )
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the world's folder and logs")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    folder = Path(tempfile.mkdtemp(prefix="fairhouse-conservation-"))
    home, began = Home(folder), time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s  {line}\n")
        sys.stdout.flush()

    kept = True
    try:
        outcome = asyncio.run(conserve(home, seed=given.seed, minutes=given.minutes, say=say))
        report(outcome)
        kept = given.keep or bool(outcome.failure)
    finally:
        if kept:
            say(f"the world is kept in {folder}")
    if not kept:
        home.erase()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if outcome.failure else 0


def report(outcome: Outcome) -> None:
    """Print what was done and what was broken, each with its count."""
    lines = [f"seed {outcome.seed}, final points {outcome.rounds}", "faults:"]
    lines += [f"  {name:<32} {count:>5}" for name, count in sorted(outcome.faults.items())]
    lines += ["deeds:"]
    lines += [f"  {name:<32} {count:>5}" for name, count in sorted(outcome.deeds.items())]
    lines += outcome.failure or ["nothing was lost, nothing was paid twice"]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
