"""The lobby: which games there are, what they pay back and cost, what is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino import flags, switches
from casino.betting import terms
from casino.money import PLAYABLE, Asset
from games.registry import INSTANT, STEPS
from webapp.keys import AGGREGATORS, DATABASE
from webapp.wire import Json, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casino.betting.game import Game
    from casino.betting.state import StakeRange
    from games.aggregators.catalogue import OutsideGame

# The choice whose return is shown on the cover; a game that is not listed shows none.
SHOWN_CHOICE: Mapping[str, Mapping[str, object]] = {
    "dice": {"target": 5050, "over": True},
    "mines": {"mines": 3},
}

routes = web.RouteTableDef()


@routes.get("/api/lobby")
async def show_lobby(request: web.Request) -> web.Response:
    """Games in the order of the registry."""
    async with request.app[DATABASE].transaction() as session:
        stakes = await terms.stakes(session)
        stopped = await flags.stopped(session)
    games = [_show(game, "instant", stakes) for game in INSTANT.values()]
    games += [_show(game, "steps", stakes) for game in STEPS.values()]
    for name, aggregator in request.app[AGGREGATORS].items():
        # One switch stops all games of an aggregator.
        is_stopped = switches.game_flag(name) in stopped
        games += [_show_outside(game) for game in aggregator.games if not is_stopped]
    return json_response(
        {
            "games": games,
            "assets": [{"asset": one.value, "decimals": one.decimals} for one in PLAYABLE],
            "stopped": sorted(stopped),
        }
    )


def _show_outside(game: OutsideGame) -> dict[str, Json]:
    """Somebody else's game: its own name, no return that we could vouch for."""
    return {
        "slug": game.slug,
        "kind": "iframe",
        "title": game.title,
        "rtp_bp": None,
        "stake": {},
    }


def _show(game: Game, kind: str, stakes: Mapping[tuple[str, Asset], StakeRange]) -> dict[str, Json]:
    shown = SHOWN_CHOICE.get(game.slug)
    rtp = None if shown is None else game.rtp(game.parse(shown))
    ranges = {
        asset.value: {"min": str(found.low), "max": str(found.high)}
        for asset in PLAYABLE
        if (found := stakes.get((game.slug, asset))) is not None
    }
    return {
        "slug": game.slug,
        "kind": kind,
        "rtp_bp": None if rtp is None else rtp.numerator * 10_000 // rtp.denominator,
        "stake": ranges,
    }
