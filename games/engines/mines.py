"""Mines: open tiles of a five by five field, stop before the first mine.

The mines are drawn at the opening: each draw takes one tile out of those left, in order. After k
safe tiles with m mines the multiplier is 0.99 * C(25, k) / C(25 - m, k), so the return is exactly
99 percent wherever the player stops.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING

from casino.betting.game import Choice, Details, Step, Stream
from casino.errors import BadChoice
from games.engines import choices, paytable

if TYPE_CHECKING:
    from collections.abc import Mapping

TILES = 25
RTP = Fraction(99, 100)
TABLE = {
    "algorithm": "mines/1",
    "draws": f"of 0..{TILES - 1}, mines times: take out the tile at place draw(tiles left)",
    "wins": "an opened tile without a mine",
    "mines": [1, TILES - 1],
    "multiplier": f"{RTP} * C({TILES}, opened) / C({TILES} - mines, opened); 1 before the first",
}


class Mines:
    """Choice: `mines` 1 to 24; action: `tile` 0 to 24."""

    slug = "mines"
    algorithm = "mines/1"
    table: Mapping[str, object] = TABLE
    table_hash = paytable.table_hash(TABLE)

    def parse(self, choice: Mapping[str, object]) -> Choice:
        """1 to 24 mines, or BadChoice."""
        choices.only(choice, "mines")
        return {"mines": choices.whole(choice, "mines", low=1, high=TILES - 1)}

    def rtp(self, choice: Choice) -> Fraction:
        """99 percent."""
        del choice
        return RTP

    def steps_max(self, choice: Choice) -> int:
        """As many steps as there are safe tiles."""
        return TILES - int(choice["mines"])

    def multiplier(self, choice: Choice, steps: int) -> Fraction:
        """The inverse of the chance to get this far, times 0.99; nothing is won before a step."""
        if steps == 0:
            return Fraction(1)
        return RTP * Fraction(comb(TILES, steps), comb(TILES - int(choice["mines"]), steps))

    def secret(self, choice: Choice, stream: Stream) -> tuple[int, ...]:
        """The mined tiles, sorted."""
        left = list(range(TILES))
        places = stream.draw_all(range(TILES, TILES - int(choice["mines"]), -1))
        return tuple(sorted([left.pop(place) for place in places]))

    def act(
        self,
        choice: Choice,
        secret: tuple[int, ...],
        steps: tuple[int, ...],
        action: Mapping[str, object],
    ) -> Step:
        """Open a tile that is still closed."""
        choices.only(action, "tile")
        tile = choices.whole(action, "tile", low=0, high=TILES - 1)
        if tile in steps:
            raise BadChoice(field="tile")
        opened = (*steps, tile)
        if tile in secret:
            return Step(opened, lost=True, finished=True)
        return Step(opened, lost=False, finished=len(opened) == self.steps_max(choice))

    def view(
        self, choice: Choice, secret: tuple[int, ...] | None, steps: tuple[int, ...]
    ) -> Details:
        """The opened tiles, and the mines once it is over."""
        del choice
        if secret is None:
            return {"opened": list(steps)}
        return {"opened": list(steps), "mines": list(secret)}
