"""Cases of the fair draws: rounds a second on one core, without money or database."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.report import Goal, Row, plain
from casino.betting.fairness import Seeds
from games.registry import INSTANT, STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench

SERVER_SEED = "5f" * 32
CLIENT_SEED = "bench"
CARDS = 52
STRETCH = 500


def fair_dice(bench: Bench, goal: Goal) -> list[Row]:
    """A roll with its payout."""
    game = INSTANT["dice"]
    choice = game.parse({"target": 5000, "over": True})
    return _measure(
        bench, "fair_dice", goal, lambda nonce: game.resolve(choice, _seeds(nonce).stream())
    )


def fair_mines(bench: Bench, goal: Goal) -> list[Row]:
    """A field of 24 mines, the most that can be drawn."""
    game = STEPS["mines"]
    choice = game.parse({"mines": 24})
    return _measure(
        bench, "fair_mines", goal, lambda nonce: game.secret(choice, _seeds(nonce).stream())
    )


def fair_deck(bench: Bench, goal: Goal) -> list[Row]:
    """A whole deck in a fair order."""
    return _measure(bench, "fair_deck", goal, shuffled)


def shuffled(nonce: int) -> list[int]:
    """The cards 0 .. 51, each drawn out of those left."""
    left = list(range(CARDS))
    return [left.pop(place) for place in _seeds(nonce).stream().draw_all(range(CARDS, 0, -1))]


def _seeds(nonce: int) -> Seeds:
    return Seeds(SERVER_SEED, CLIENT_SEED, nonce)


def _measure(bench: Bench, name: str, goal: Goal, draw: Callable[[int], object]) -> list[Row]:
    """Rounds for each second of our own processor time, so that neighbours count less."""
    rates = []
    for _ in range(bench.sizes.rounds):
        done, started = 0, time.process_time()
        while (spent := time.process_time() - started) < bench.sizes.fair_seconds:
            for nonce in range(done, done + STRETCH):
                draw(nonce)
            done += STRETCH
        rates.append(done / spent)
    return [plain(name, value=statistics.median(rates), unit="rounds/s", goal=goal)]
