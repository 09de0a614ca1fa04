"""Where games in frames may come from: origins that we agreed on, and nothing else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from casino.errors import OutsideRefused

# Plain http is for a game on this very machine.
_ORIGIN = re.compile(
    r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.ASCII
)


def read_origins(text: str) -> tuple[str, ...]:
    """Comma separated origins, each once; raises ValueError for anything that is not one.

    They become part of a header: a blank or a semicolon would let in more than was meant.
    """
    origins = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"not an origin, such as https://games.example: {origin!r}")
    return origins


def require_framed(url: str, origins: tuple[str, ...]) -> str:
    """The address of a game, if it is served from one of the origins; raises OutsideRefused."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise OutsideRefused(source="aggregator", reason="not an address") from error
    if f"{parts.scheme}://{parts.netloc}".lower() not in origins:
        raise OutsideRefused(source="aggregator", reason="the game is not where it should be")
    return url
