"""Every case by its name, with what it measures and the goal it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import betting, crash, fair, growth, size, wallet_calls
from benchmarks.report import Goal

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.report import Row


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    what: str
    goal: Goal
    run: Callable[[Bench, Goal], list[Row]]


# Too long for the whole: it has a target of its own.
ALONE = frozenset({"growth"})

CASES: dict[str, Case] = {
    "bets_64": Case("64 players, one worker, dice with all rules", Goal(2.2), betting.bets_64),
    "bets_256": Case("256 players, one worker", Goal(4.0), betting.bets_256),
    "bets_hot": Case("64 commands at once on one wallet", Goal(3.0), betting.bets_hot),
    "bets_2w": Case("256 players, two workers", Goal(4.2), betting.bets_2w),
    "house_live": Case("live house balance on / off", Goal(0.9), betting.house_live),
    "http_64": Case("signed bet calls, one webapp, 64 lines", Goal(1.5), wallet_calls.http_64),
    "http_256_2w": Case(
        "signed bet calls, two webapps, 256 lines", Goal(2.0), wallet_calls.http_256_2w
    ),
    "lone_p50": Case("a lone player's bet", Goal(1.6, at_most=True), betting.lone_p50),
    "cold": Case("the first seconds of an empty house / warm", Goal(0.8), betting.cold),
    "vs_orm": Case("the same bet as an ORM unit of work", Goal(20), betting.vs_orm),
    "growth": Case("many stored bets / a hundred thousand", Goal(0.8), growth.growth),
    "bytes_per_bet": Case(
        "tables and indexes for a bet", Goal(600, at_most=True), size.bytes_per_bet
    ),
    "cpu_per_bet": Case("Python time for a bet", Goal(40, at_most=True), betting.cpu_per_bet),
    "crash_round": Case(
        "a shared round of 1,000 players settled", Goal(60, at_most=True), crash.crash_round
    ),
    "fair_dice": Case("dice rolled", Goal(300_000), fair.fair_dice),
    "fair_mines": Case("fields of 24 mines drawn", Goal(80_000), fair.fair_mines),
    "fair_deck": Case("decks shuffled", Goal(30_000), fair.fair_deck),
}
