"""Opening somebody else's game: who may, with which asset, and the address to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino import flags
from casino.clock import utc_now
from casino.errors import NotFound, Paused
from casino.ids import PlayerId, public
from casino.ledger import journal
from casino.ledger.wallet import Wallet
from casino.players import facts, identity
from casino.players.rules import check_play
from casino.switches import BETS, asset_flag, game_flag
from games.aggregators.base import Launch
from games.aggregators.http import OutsideHttp
from webapp import schemas
from webapp.address import caller_of
from webapp.auth import player_of
from webapp.keys import AGGREGATORS, DATABASE
from webapp.schemas import LaunchRequest, read_body
from webapp.wire import json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from games.aggregators.base import Aggregator
    from games.aggregators.catalogue import OutsideGame

HTTP = web.AppKey("outside_http", OutsideHttp)
RETURN_URL = web.AppKey("return_url", str)

routes = web.RouteTableDef()


@routes.post("/api/games/{game}/launch")
async def launch_game(request: web.Request) -> web.Response:
    """The address of one session of the game, for this player and the asset that he chose.

    Refused to whoever may not play now; every stake is judged again when it comes.
    """
    aggregator, game = _find(request.app[AGGREGATORS], request.match_info["game"])
    asset = schemas.asset((await read_body(request, LaunchRequest)).asset)
    player_id = PlayerId(player_of(request))
    now = utc_now()
    async with request.app[DATABASE].transaction() as session:
        refusal = check_play(await facts.load_one(session, player_id=player_id), now=now)
        if refusal is not None:
            raise refusal
        stopped = await flags.stopped(session)
        player = await identity.get(session, player_id=player_id)
        wallets = await journal.balances(session, player_id)
    for switch in (BETS, game_flag(aggregator.name), asset_flag(asset)):
        if switch in stopped:
            raise Paused(switch=switch)
    url = await aggregator.launch_url(
        request.app[HTTP],
        Launch(
            game=game,
            player=public(player_id),
            asset=asset,
            balance=wallets.get(asset, Wallet(asset)).cash,
            language=player.language,
            # Of an IPv6 address the network is enough.
            ip=caller_of(request).partition("/")[0],
            return_url=request.app[RETURN_URL],
        ),
    )
    return json_response({"url": url})


def frame_origins(aggregators: Mapping[str, Aggregator]) -> tuple[str, ...]:
    """Where games in frames come from, each origin once."""
    origins = [origin for one in aggregators.values() for origin in one.frame_origins]
    return tuple(dict.fromkeys(origins))


def _find(aggregators: Mapping[str, Aggregator], slug: str) -> tuple[Aggregator, OutsideGame]:
    for aggregator in aggregators.values():
        for game in aggregator.games:
            if game.slug == slug:
                return aggregator, game
    raise NotFound(thing="game", key=slug[:40])
