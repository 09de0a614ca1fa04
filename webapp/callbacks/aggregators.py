"""Aggregators' wallet calls: bounded bytes in, the answer of their dialect out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from casino.errors import NotFound, OutsideUnavailable
from games.aggregators.base import Incoming, Refused
from games.aggregators.wallet import OutsideWallet
from webapp.errors import DATABASE_AWAY, TooLarge
from webapp.keys import AGGREGATORS

if TYPE_CHECKING:
    from casino.ids import PlayerId
    from games.aggregators.base import Reply
    from webapp.live import Live

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 64 * 1024
TELL_SECONDS = 0.2

routes = web.RouteTableDef()


class Changed:
    """Whose balance changed by a wallet call; told to open pages a few times a second.

    A game settles many small calls a second and its page shows the balance by itself, so ours need
    not follow every one of them.
    """

    def __init__(self) -> None:
        self._players: set[PlayerId] = set()
        self._some = asyncio.Event()

    def add(self, player_id: PlayerId) -> None:
        """Remember to tell the player's pages."""
        self._players.add(player_id)
        self._some.set()

    async def tell(self, live: Live) -> None:
        """Tell pages for ever."""
        while True:
            await self._some.wait()
            await asyncio.sleep(TELL_SECONDS)
            self._some.clear()
            players, self._players = self._players, set()
            for player_id in players:
                live.balance_changed(player_id)


WALLET = web.AppKey("outside_wallet", OutsideWallet)
CHANGED = web.AppKey("balances_changed", Changed)


@routes.post("/aggregators/{aggregator}/{call}")
async def receive_call(request: web.Request) -> web.Response:
    """Answer one call of an aggregator that is switched on; safe to send again."""
    name = request.match_info["aggregator"]
    aggregator = request.app[AGGREGATORS].get(name)
    if aggregator is None:
        raise NotFound(thing="aggregator", key=name[:40])
    incoming = Incoming(request.match_info["call"], request.headers, await _read_bytes(request))
    try:
        handled = await request.app[WALLET].handle(aggregator, incoming)
    except DATABASE_AWAY as error:
        log.warning("database.away", aggregator=name, error=repr(error))
        return _respond(aggregator.answer(None, Refused(OutsideUnavailable(reason="database"))))
    if handled.changed is not None:
        request.app[CHANGED].add(handled.changed)
    return _respond(handled.reply)


async def _read_bytes(request: web.Request) -> bytes:
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise TooLarge(maximum=BODY_BYTES_MAX)
    raw = await request.read()
    if len(raw) > BODY_BYTES_MAX:
        raise TooLarge(maximum=BODY_BYTES_MAX)
    return raw


def _respond(reply: Reply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, content_type="application/json")
