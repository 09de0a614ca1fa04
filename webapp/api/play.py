"""Instant bets: one call, one settled round, the same answer for the same reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino.errors import NotFound
from casino.ids import PlayerId, public
from casino.ledger.wallet import Wallet
from games.registry import INSTANT
from webapp import schemas
from webapp.api.rounds import show_seed
from webapp.auth import player_of
from webapp.keys import FLOOR, LIVE
from webapp.schemas import BetRequest, read_body
from webapp.wire import Json, fraction, json_response, moment_or_none

if TYPE_CHECKING:
    from casino.betting.state import Round
    from casino.ledger.journal import Result

routes = web.RouteTableDef()


@routes.post("/api/play/{game}")
async def place_bet(request: web.Request) -> web.Response:
    """Play one instant round; sent again with its reference it answers the same and costs once."""
    slug = request.match_info["game"]
    game = INSTANT.get(slug)
    if game is None:
        raise NotFound(thing="game", key=slug[:40])
    asked = await read_body(request, BetRequest)
    player_id = PlayerId(player_of(request))
    result = await request.app[FLOOR].place_bet(
        player_id=player_id,
        game=game,
        asset=schemas.asset(asked.asset),
        stake=schemas.units(asked.stake),
        choice=asked.choice,
        reference=schemas.reference(asked.reference),
    )
    if not result.replayed:
        request.app[LIVE].balance_changed(player_id)
    return json_response(show_receipt(result))


def show_receipt(result: Result[Round]) -> dict[str, Json]:
    """What an instant round did, with what is needed to check it later; amounts in `asset`."""
    round_ = result.answer
    return {
        "round_id": public(round_.id),
        "game": round_.game,
        "asset": round_.asset.value,
        "stake": str(round_.stake),
        "payout": str(round_.payout),
        "multiplier": fraction(round_.multiplier),
        "choice": dict(round_.choice),
        "outcome": dict(round_.details or {}),
        "seed": show_seed(round_),
        "balance": str(result.wallets.get(round_.asset, Wallet(round_.asset)).cash),
        "settled_at": moment_or_none(round_.settled_at),
        "replayed": result.replayed,
    }
