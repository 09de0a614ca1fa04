"""Ours and a raw reference in turns, and what a case is given: sizes, nodes' limits, the bench."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from benchmarks.bench import medians

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.bench import Bench, Interleaved

UNLIMITED = 10**9
"""Requests a second of a node of our own."""


@dataclass(frozen=True, slots=True)
class ChainSizes:
    """How much of everything; tests make it tiny.

    One in `own_every` transfers is a deposit, one in `full_own_every` in full blocks and one in
    `btc_own_every` on Bitcoin. The first `warm` part of each history is read unmeasured. `few` and
    `many` are how many addresses of ours are watched."""

    rounds: int = 3
    players: int = 100
    few: int = 1_000
    many: int = 100_000
    warm: float = 0.1
    own_every: int = 500
    full_own_every: int = 5_000
    btc_own_every: int = 5_000
    evm_blocks: int = 1_500
    evm_transfers: int = 5
    full_blocks: int = 1_500
    full_transfers: int = 50
    btc_blocks: int = 360
    btc_transactions: int = 300
    ton_transactions: int = 500
    samples: int = 20
    poll_seconds: int = 1
    sign_seconds: float = 0.5
    inputs: int = 50
    outputs: int = 100


@dataclass(frozen=True, slots=True)
class ChainBench:
    """A running PostgreSQL with houses to copy, and the wishes of the caller."""

    bench: Bench
    sizes: ChainSizes
    say: Callable[[str], None]


async def in_turns(
    rounds: int,
    *,
    ours: Callable[[], Awaitable[float]],
    reference: Callable[[], Awaitable[float]],
) -> Interleaved:
    """The reference once unmeasured, then before, between and after the rounds; each round is held
    against the mean of its two neighbours."""
    await reference()
    references, values = [await reference()], []
    for _ in range(rounds):
        values.append(await ours())
        references.append(await reference())
    return medians(values, references)


class Stopwatch:
    """Wall-clock seconds between entering and leaving."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.seconds = time.perf_counter() - self._began
