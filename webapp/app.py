"""The application: its parts put together by hand, its background work, its routes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from casino import outbox
from casino.nursery import Nursery
from games.aggregators.http import OutsideHttp
from games.aggregators.wallet import OutsideWallet
from messaging.doorbell import Doorbell
from messaging.outbox_delivery import OutboxWorker
from webapp import health, keys, middlewares
from webapp.api import (
    address_book,
    cashier,
    fairness,
    jettons,
    launch,
    live,
    lobby,
    play,
    player,
    responsible,
    rounds,
    support,
)
from webapp.callbacks import aggregators, telegram
from webapp.live import Live
from webapp.news import Newsroom
from webapp.pages import STATIC, Pages
from webapp.throttle import Throttle
from webapp.wallets import bridge_origins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from casino.betting.floor import GamingFloor
    from casino.db import Database
    from games.aggregators.base import Aggregator
    from messaging.redis_link import RedisLink
    from payments.rpc import Toncenter
    from webapp.init_data import InitDataCheck

BODY_BYTES_MAX = 512 * 1024  # an update of Telegram; the API's own bodies are far smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made of; opened and closed by whoever builds it."""

    database: Database
    floor: GamingFloor
    redis: RedisLink | None
    launch_check: InitDataCheck
    webhook_secrets: Mapping[str, str]
    testnet: bool
    public_url: str
    parent_origin: str = ""
    static: Path = STATIC
    ton_node: Toncenter | None = None
    aggregators: Mapping[str, Aggregator] = field(default_factory=dict)


def build_app(parts: Parts) -> web.Application:
    """The application, ready to run; its background work lives as long as it does."""
    app = web.Application(
        middlewares=[middlewares.speak_json, middlewares.require_login],
        client_max_size=BODY_BYTES_MAX,
    )
    app[keys.DATABASE] = parts.database
    app[keys.FLOOR] = parts.floor
    app[keys.LAUNCH_CHECK] = parts.launch_check
    app[keys.LIVE] = Live(parts.redis)
    app[keys.THROTTLE] = Throttle(parts.redis)
    app[telegram.WEBHOOK_SECRETS] = parts.webhook_secrets
    app[keys.TESTNET] = parts.testnet
    app[jettons.NODE] = parts.ton_node
    app[keys.AGGREGATORS] = parts.aggregators
    app[aggregators.WALLET] = OutsideWallet(floor=parts.floor, database=parts.database)
    app[aggregators.CHANGED] = aggregators.Changed()
    app[launch.HTTP] = OutsideHttp()
    app[launch.RETURN_URL] = parts.public_url
    app[health.STOPPING] = asyncio.Event()
    live.install(app)
    for module in (
        health,
        telegram,
        aggregators,
        player,
        lobby,
        launch,
        play,
        rounds,
        cashier,
        jettons,
        address_book,
        responsible,
        fairness,
        support,
        live,
    ):
        app.router.add_routes(module.routes)
    Pages(parts.static, parent_origin=parts.parent_origin, public_url=parts.public_url).add_routes(
        app
    )
    app.on_response_prepare.append(
        middlewares.secure_headers(
            parts.parent_origin,
            bridges=bridge_origins(parts.static),
            frames=launch.frame_origins(parts.aggregators),
        )
    )
    app.on_shutdown.append(_say_goodbye)
    app.cleanup_ctx.append(_background)
    return app


async def _background(app: web.Application) -> AsyncIterator[None]:
    """Deliver live news and keep in touch with the other replicas while the app runs."""
    database, hub = app[keys.DATABASE], app[keys.LIVE]
    doorbell = Doorbell(database.dsn, channels=[outbox.CHANNEL])
    worker = OutboxWorker(
        database=database,
        consumer=outbox.LIVE,
        deliver=Newsroom(hub).deliver,
        doorbell=doorbell,
    )
    async with Nursery() as nursery:
        nursery.keep(doorbell.run, name="doorbell")
        nursery.keep(lambda: worker.run(app[health.STOPPING]), name="live.outbox")
        nursery.keep(hub.publish, name="live.publish")
        nursery.keep(hub.listen, name="live.listen")
        nursery.keep(lambda: app[aggregators.CHANGED].tell(hub), name="aggregators.changed")
        yield
    await app[launch.HTTP].close()


async def _say_goodbye(app: web.Application) -> None:
    """Called before connections are closed: sockets are asked to come again elsewhere."""
    app[health.STOPPING].set()
    app[keys.LIVE].close_all()
