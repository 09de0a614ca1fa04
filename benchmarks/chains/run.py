"""`python -m benchmarks chains [PART ...]`: measure the chain code, print, write results."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import structlog

from benchmarks import report
from benchmarks.bench import Bench, Sizes
from benchmarks.chains.cases import GOALS, PARTS
from benchmarks.chains.compare import ChainBench, ChainSizes
from benchmarks.server import BenchServer, file_system, open_server


def main(arguments: list[str], *, results: Path, place: Path) -> None:
    """Run the parts asked for; a missed goal is a figure, a wrong book an error."""
    wishes = _read(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", flush=True)  # noqa: T201

    # The watchers' own lines would stand between those of the progress.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sizes = replace(ChainSizes(), rounds=wishes.rounds)
    rows: list[report.Row] = []
    with tempfile.TemporaryDirectory(prefix="fairhouse-bench-", dir=place) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may have to run as another account
        say("starting PostgreSQL")
        with open_server(Path(folder) / "postgres") as server:
            bench = Bench(server, Sizes(players=sizes.players), Path(folder), say)
            heading = _heading(server, Path(folder))
            for name in wishes.parts:
                say(f"{name}: {PARTS[name].what}")
                fresh = PARTS[name].run(ChainBench(bench, sizes, say), GOALS)
                rows.extend(fresh)
                # At once: who ends a long run keeps what it found.
                report.store(results / "chains-latest.json", fresh, order=list(GOALS))
                say(f"load {os.getloadavg()[0]:.1f}\n{report.table(fresh)}")
    text = report.table(rows, heading=[*heading, f"At the end: {_load()}.", ""])
    print(f"\n{text}")  # noqa: T201
    (results / "chains-latest.txt").write_text(f"{text}\n")


def _heading(server: BenchServer, folder: Path) -> list[str]:
    settings = ", ".join(f"{name}={text}" for name, text in server.settings.items())
    machine = (
        f"{os.cpu_count()} processors, {file_system(folder)} file system,"
        f" Python {sys.version.split()[0]}, {_load()} at the start"
    )
    return [
        f"PostgreSQL: {settings}",
        f"Machine: {machine}",
        "Nodes, PostgreSQL and the watcher share the processors.",
        "Reference: the same node asked raw, around each round.",
    ]


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


class _Wishes(argparse.Namespace):
    parts: list[str]
    rounds: int


def _read(arguments: list[str]) -> _Wishes:
    parser = argparse.ArgumentParser(prog="python -m benchmarks chains", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=ChainSizes().rounds)
    wishes = parser.parse_args(arguments, namespace=_Wishes())
    for name in wishes.parts:
        if name not in PARTS:
            parser.error(f"no part is called {name!r}; there are {', '.join(PARTS)}")
    wishes.parts = wishes.parts or list(PARTS)
    return wishes
