"""Where a player's own jettons are: what a wallet program needs to send a deposit of them."""

from __future__ import annotations

from aiohttp import web

from casino.cashier import rails
from casino.errors import NotFound
from payments.addresses import parse_ton
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.rpc import Toncenter
from webapp.auth import player_of
from webapp.keys import DATABASE, THROTTLE
from webapp.schemas import JettonWalletRequest, read_body
from webapp.throttle import Rate
from webapp.wire import json_response

NODE: web.AppKey[Toncenter | None] = web.AppKey("ton_node")
LOOKUP = Rate("lookup", per_second=1, burst=5)
"""Each one is a question to a node whose plan the watcher lives on too."""

routes = web.RouteTableDef()


@routes.post("/api/cashier/jetton-wallet")
async def show_jetton_wallet(request: web.Request) -> web.Response:
    """The jetton wallet of any owner for the token of a rail, as the token's master names it."""
    asked = await read_body(request, JettonWalletRequest)
    await request.app[THROTTLE].require(LOOKUP, key=player_of(request))
    owner = parse_ton(asked.owner, testnet=True).raw
    async with request.app[DATABASE].transaction() as session:
        rail = await rails.get_rail(session, asked.rail)
    node = request.app[NODE]
    if node is None or rail.chain != rails.TON or rail.token is None:
        raise NotFound(thing="jetton", key=asked.rail)
    master = parse_ton(rail.token, testnet=True).raw
    # Asked anew each time: owners are whatever strangers send, and not worth remembering.
    wallet = await JettonWallets(node, masters=[master]).wallet_of(owner, master=master)
    return json_response({"wallet": parse_ton(wallet).friendly(bounceable=True)})
