"""Every game of the house, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from games.engines.dice import Dice
from games.engines.mines import Mines

if TYPE_CHECKING:
    from casino.betting.game import InstantGame, StepGame

INSTANT: dict[str, InstantGame] = {"dice": Dice()}
STEPS: dict[str, StepGame] = {"mines": Mines()}
