"""The local Telegram as one aiohttp application: Bot API, people, the page and the world's bar."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from casino.nursery import Nursery
from sandbox.telegram import page_routes
from sandbox.telegram.botapi.dispatch import BotApi
from sandbox.telegram.delivery import deliver
from sandbox.telegram.errors import ActError
from sandbox.telegram.params import UPLOAD_BYTES_MAX
from sandbox.telegram.person import routes
from sandbox.telegram.pressure import Pressure
from sandbox.telegram.state import Telegram
from sandbox.telegram.store import Store
from sandbox.telegram.world import World
from sandbox.telegram.world_feed import EmptyWorld, WorldFeed, WorldRoutes

log = structlog.get_logger(__name__)

TELEGRAM = web.AppKey("telegram", Telegram)
BOT_API = web.AppKey("bot_api", BotApi)
PRESSURE = web.AppKey("pressure", Pressure)
LOCAL = frozenset({"127.0.0.1", "::1"})


def build_app(
    *, world: World, store: Path | None, feed: WorldFeed | None = None
) -> web.Application:
    """The application. With `store`, all that happens is kept in that one file and restored at the
    next start; without, it lives in memory. `feed` fills the bar of the world on the page."""
    telegram = Telegram(world=world, store=Store(store))
    pressure = Pressure(flood_limits=world.flood_limits)
    api = BotApi(telegram=telegram, pressure=pressure)
    app = web.Application(
        middlewares=[_only_here, _plain_errors, _keep], client_max_size=UPLOAD_BYTES_MAX + 2**20
    )
    app[TELEGRAM], app[BOT_API], app[PRESSURE] = telegram, api, pressure
    api.add_routes(app.router)
    routes.add_routes(app.router, telegram=telegram, pressure=pressure)
    WorldRoutes(feed or EmptyWorld()).add_routes(app.router)
    page_routes.add_routes(app.router)
    app.cleanup_ctx.append(_running)
    app.on_shutdown.append(_hang_up)
    return app


@web.middleware
async def _only_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wherever it was bound by mistake, it answers this machine only."""
    if request.remote not in LOCAL:
        raise web.HTTPForbidden(text="the local Telegram answers its own machine only")
    return await handler(request)


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ActError as error:
        return web.json_response({"error": error.sentence}, status=error.status)


@web.middleware
async def _keep(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What a request changed is kept before its answer leaves."""
    try:
        return await handler(request)
    finally:
        request.app[TELEGRAM].store.commit()


async def _running(app: web.Application) -> AsyncIterator[None]:
    telegram, api = app[TELEGRAM], app[BOT_API]
    async with aiohttp.ClientSession() as http, Nursery() as nursery:
        for bot in telegram.bots.values():
            nursery.keep(
                partial(deliver, telegram, bot, http=http, answer=api.run_reply),
                name=f"telegram.webhook.{bot.id}",
            )
        yield
    telegram.store.close()


async def _hang_up(app: web.Application) -> None:
    """End waiting polls and open pages, so that stopping takes no time."""
    telegram = app[TELEGRAM]
    for bot in telegram.bots.values():
        bot.poll_turn += 1
        bot.ended_by = "terminated: the server is stopping"
        bot.bell.ring()
    telegram.hub.hang_up()
