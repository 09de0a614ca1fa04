"""`python -m benchmarks [CASE ...]`, or `chains [PART ...]`: measure, print, write results/."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks import plot, report
from benchmarks.bench import Bench, Sizes
from benchmarks.cases import ALONE, CASES
from benchmarks.chains import run as chains
from benchmarks.server import BenchServer, file_system, open_server

CHAINS = "chains"
RESULTS = Path(__file__).parent / "results"
# Where temporary files survive a restart, hence on a disk.
PLACE = Path("/var/tmp")  # noqa: S108 - a folder of its own is made in it


def main(arguments: list[str]) -> None:
    """Run the cases asked for; a missed goal is a figure, an unsound book an error."""
    if arguments[:1] == [CHAINS]:
        chains.main(arguments[1:], results=RESULTS, place=PLACE)
        return
    wishes = _read(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", flush=True)  # noqa: T201

    rows: list[report.Row] = []
    place = wishes.place or PLACE
    with tempfile.TemporaryDirectory(prefix="fairhouse-bench-", dir=place) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may have to run as another account
        say("starting PostgreSQL")
        with open_server(Path(folder) / "postgres") as server:
            heading = _heading(server, Path(folder))
            bench = Bench(server, wishes.sizes, Path(folder), say, profile=wishes.profile)
            for name in wishes.cases:
                say(f"{name}: {CASES[name].what}")
                fresh = CASES[name].run(bench, CASES[name].goal)
                rows.extend(fresh)
                say(report.table(fresh))
    print(f"\n{report.table(rows, heading=heading)}")  # noqa: T201
    if not wishes.profile:
        stored = report.store(RESULTS / "latest.json", rows, order=list(CASES))
        plot.draw(RESULTS / "latest.svg", stored)
        (RESULTS / "latest.txt").write_text(f"{report.table(rows, heading=heading)}\n")


def _heading(server: BenchServer, folder: Path) -> list[str]:
    settings = ", ".join(f"{name}={text}" for name, text in server.settings.items())
    machine = (
        f"{os.cpu_count()} processors, {file_system(folder)} file system,"
        f" Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"
    )
    return [
        f"PostgreSQL: {settings}",
        f"Machine: {machine}",
        "Reference: pgbench TPC-B, -M prepared -c 16 -j 2, on the same server, around each round.",
        "",
    ]


class _Wishes(argparse.Namespace):
    cases: list[str]
    profile: bool
    rounds: int
    seconds: float
    place: Path | None
    stored: int
    sizes: Sizes


def _read(arguments: list[str]) -> _Wishes:
    usual = Sizes()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--profile", action="store_true", help="profile the worker; no results")
    parser.add_argument("--place", type=Path, help=f"where the cluster lies (else {PLACE})")
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--seconds", type=float, default=usual.cell_seconds)
    parser.add_argument("--stored", type=int, default=usual.growth_large, help="bets for growth")
    wishes = parser.parse_args(arguments, namespace=_Wishes())
    for name in wishes.cases:
        if name not in CASES:
            parser.error(f"no case is called {name!r}; there are {', '.join(CASES)}")
    wishes.cases = wishes.cases or [name for name in CASES if name not in ALONE]
    wishes.sizes = replace(
        usual,
        rounds=wishes.rounds,
        cell_seconds=wishes.seconds,
        growth_large=wishes.stored,
    )
    return wishes


def _end(_number: int, _frame: object) -> None:
    """Leave as if interrupted, so that the server is stopped and its folder removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main(sys.argv[1:])
