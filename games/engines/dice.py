"""Dice: a roll of 0.00 to 100.00, won over or under the player's target.

The roll is one draw of 10,001 in hundredths. With w winning hundredths of 10,000 the multiplier is
99 percent of the fair one, 9900 / w, so the exact return is 9900 / 10001 for every choice.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from casino.betting.game import Choice, Outcome, Stream
from games.engines import choices, paytable

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLLS = 10_001
EDGE_KEPT = 9_900
WINNING_MIN, WINNING_MAX = 1, 9_800
RTP = Fraction(EDGE_KEPT, ROLLS)
NOTHING = Fraction(0)
TABLE = {
    "algorithm": "dice/1",
    "draws": f"roll = draw({ROLLS})",
    "wins": "over: roll > target, winning = 10000 - target; under: roll < target, winning = target",
    "winning": [WINNING_MIN, WINNING_MAX],
    "multiplier": f"{EDGE_KEPT} / winning",
}


class Dice:
    """One roll; choice: `target` in hundredths, `over` (else under)."""

    slug = "dice"
    algorithm = "dice/1"
    table: Mapping[str, object] = TABLE
    table_hash = paytable.table_hash(TABLE)

    def parse(self, choice: Mapping[str, object]) -> Choice:
        """Target within what leaves a chance of 0.01 to 98 percent, or BadChoice."""
        choices.only(choice, "target", "over")
        over = choices.yes_or_no(choice, "over")
        low, high = (10_000 - WINNING_MAX, 10_000 - WINNING_MIN) if over else (1, WINNING_MAX)
        return {"target": choices.whole(choice, "target", low=low, high=high), "over": over}

    def rtp(self, choice: Choice) -> Fraction:  # noqa: ARG002 - the Protocol's; alike for all
        """The same for every choice: multiplier times chance is 9900 / 10001."""
        return RTP

    def max_multiplier(self, choice: Choice) -> Fraction:
        """What a won roll pays."""
        return _multiplier(_winning(choice))

    def resolve(self, choice: Choice, stream: Stream) -> Outcome:
        """Roll; strictly over or strictly under the target wins."""
        roll = stream.draw(ROLLS)
        target = int(choice["target"])
        won = roll > target if choice["over"] else roll < target
        return Outcome(self.max_multiplier(choice) if won else NOTHING, {"roll": roll})


@lru_cache(maxsize=WINNING_MAX)
def _multiplier(winning: int) -> Fraction:
    return Fraction(EDGE_KEPT, winning)


def _winning(choice: Choice) -> int:
    target = int(choice["target"])
    return 10_000 - target if choice["over"] else target
