"""Every game of the house and every aggregator of other people's, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from games.aggregators import config
from games.engines.dice import Dice
from games.engines.mines import Mines

if TYPE_CHECKING:
    from collections.abc import Callable

    from casino.betting.game import InstantGame, StepGame
    from games.aggregators.base import Aggregator

INSTANT: dict[str, InstantGame] = {"dice": Dice()}
STEPS: dict[str, StepGame] = {"mines": Mines()}

# Each reads its own settings, and is None where it is switched off.
AGGREGATORS: dict[str, Callable[[], Aggregator | None]] = {"softswiss": config.softswiss}


def configured_aggregators() -> dict[str, Aggregator]:
    """The aggregators that the environment switches on, by name; raises ValueError."""
    found = {name: read() for name, read in AGGREGATORS.items()}
    return {name: one for name, one in found.items() if one is not None}
