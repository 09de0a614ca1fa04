"""Which games an aggregator lends us: a file that the vendor's list is turned into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

GAMES_MAX = 5000
_SEPARATORS = re.compile(r"[^a-z0-9]+", re.ASCII)


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    game: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


@dataclass(frozen=True, slots=True)
class OutsideGame:
    """A game of somebody else: our slug, the aggregator's own name for it, its title."""

    slug: str
    identifier: str
    title: str


def read_catalogue(path: str, *, aggregator: str) -> tuple[OutsideGame, ...]:
    """The games of the file, in its order; none without a path.

    The file is JSON: `[{"game": "provider:Identifier", "title": "What players read"}]`. Raises
    OSError when it is not there and ValueError when it is something else or a game stands twice.
    """
    if not path:
        return ()
    try:
        lines = msgspec.json.decode(Path(path).read_bytes(), type=list[_Line])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is not a list of games: {error}") from error
    if len(lines) > GAMES_MAX:
        raise ValueError(f"{path} has more than {GAMES_MAX} games")
    games = tuple(
        OutsideGame(slug_of(aggregator, line.game), line.game, line.title) for line in lines
    )
    slugs = [game.slug for game in games]
    twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twice:
        raise ValueError(f"{path} has games twice: {', '.join(twice)}")
    return games


def slug_of(aggregator: str, identifier: str) -> str:
    """Our name of a game, unique beside our own games and other aggregators'."""
    return f"{aggregator}-{_SEPARATORS.sub('-', identifier.lower()).strip('-')}"
