"""What every case stands on: the server, fresh houses, sizes, and the reference between rounds."""

from __future__ import annotations

import itertools
import statistics
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.house import build_template, copy_house

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.house import House
    from benchmarks.server import BenchServer


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything; tests make it tiny."""

    rounds: int = 3
    cell_seconds: float = 3.0
    warm_seconds: float = 2.0
    reference_seconds: int = 2
    tpcb_scale: int = 20
    players: int = 2000
    crash_players: int = 1000
    crash_rounds: int = 5
    size_bets: int = 40_000
    growth_small: int = 100_000
    growth_large: int = 1_000_000
    reads: int = 1000
    fair_seconds: float = 1.0


@dataclass(slots=True)
class Bench:
    """A prepared server and the wishes of the caller."""

    server: BenchServer
    sizes: Sizes
    folder: Path
    say: Callable[[str], None]
    profile: bool = False
    _names: itertools.count[int] = field(default_factory=itertools.count)
    _has_tpcb: bool = False
    _has_template: bool = False

    @contextmanager
    def house(self) -> Iterator[House]:
        """A fresh house that is forgotten afterwards."""
        if not self._has_template:
            self.say(f"opening a house with {self.sizes.players:,} players")
            build_template(self.server, players=self.sizes.players)
            self._has_template = True
        house = copy_house(self.server, f"house_{next(self._names)}")
        try:
            yield house
        finally:
            house.drop()

    def tpcb(self) -> float:
        """The reference's transactions a second, now."""
        self._need_tpcb()
        return self.server.tpcb(seconds=self.sizes.reference_seconds)

    def tpcb_alone_ms(self) -> float:
        """The reference's latency with a single client, now."""
        self._need_tpcb()
        return self.server.tpcb_alone(seconds=self.sizes.reference_seconds)

    def _need_tpcb(self) -> None:
        if not self._has_tpcb:
            self.say(f"filling the reference: pgbench TPC-B, scale {self.sizes.tpcb_scale}")
            self.server.prepare_tpcb(scale=self.sizes.tpcb_scale)
            # After its loading every page is new to the log; the reference is to be warm as well.
            self.server.tpcb(seconds=2 * self.sizes.reference_seconds)
            self._has_tpcb = True


@dataclass(frozen=True, slots=True)
class Interleaved:
    """Medians over the rounds of a figure and of the reference measured around each."""

    value: float
    reference: float
    ratio: float

    @property
    def figures(self) -> tuple[float, float, float]:
        """Value, reference and ratio, in this order."""
        return self.value, self.reference, self.ratio


def interleave(
    rounds: int, *, cell: Callable[[], float], reference: Callable[[], float]
) -> Interleaved:
    """Measure the reference before, between and after the rounds; each round is held against the
    mean of its two neighbours, so that a machine that slows down slows both."""
    references, values = [reference()], []
    for _ in range(rounds):
        values.append(cell())
        references.append(reference())
    return medians(values, references)


def medians(values: Sequence[float], references: Sequence[float]) -> Interleaved:
    """What rounds came to, with the reference measured before each of them and after the last."""
    beside = [(before + after) / 2 for before, after in pairwise(references)]
    ratios = [value / reference for value, reference in zip(values, beside, strict=True)]
    return Interleaved(
        statistics.median(values), statistics.median(beside), statistics.median(ratios)
    )
