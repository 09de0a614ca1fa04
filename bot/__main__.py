"""`python -m bot`: the player's bot, by polling or by webhook, over the same inbox."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING

import structlog
import uvloop

from bot.app import build_dispatcher
from bot.commands import introduce
from bot.house import House
from bot.notices import Notices
from casino import inbox, outbox
from casino.betting.seeds import SeedStore
from casino.config import (
    DatabaseSettings,
    PlayerBotSettings,
    RedisSettings,
    TelegramSettings,
    TelemetrySettings,
    VaultSettings,
)
from casino.db import Database
from casino.nursery import Nursery
from casino.telemetry import configure_logs, serve_metrics
from casino.vault import Vault
from messaging.chat_state import ChatState
from messaging.doorbell import Doorbell
from messaging.inbox_worker import InboxWorker
from messaging.outbox_delivery import OutboxWorker
from messaging.poller import Poller
from messaging.redis_link import RedisLink
from messaging.session import make_bot
from messaging.updates import PLAYER_SOURCE, PLAYER_UPDATES
from payments.config import TonNetwork, TonSettings

if TYPE_CHECKING:
    from aiogram import Bot

log = structlog.get_logger(__name__)

FINISH_SECONDS = 12.0
WEBHOOK_PATH = "/telegram/player"


async def main() -> None:
    """Run until SIGTERM or SIGINT; then claim nothing more and finish what is in hand."""
    telegram = TelegramSettings()
    own = PlayerBotSettings()
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url)
    redis = RedisLink(RedisSettings().url)
    bot = make_bot(own.token.get_secret_value(), api_url=telegram.api_url, redis=redis)
    vault = Vault.from_text(VaultSettings().master_keys.get_secret_value())
    house = House(
        database=database,
        vault=vault,
        seeds=SeedStore(vault),
        mini_app_url=telegram.mini_app_url,
        bot_name=own.name,
        testnet=TonSettings().network is TonNetwork.TESTNET,
    )
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await _serve(bot, house, redis=redis, telegram=telegram, stop=stop)
    finally:
        await bot.session.close()
        await redis.close()
        await database.close()


async def _serve(
    bot: Bot, house: House, *, redis: RedisLink, telegram: TelegramSettings, stop: asyncio.Event
) -> None:
    bell = Doorbell(house.database.dsn, channels=(inbox.CHANNEL, outbox.CHANNEL))
    updates = InboxWorker(
        database=house.database,
        source=PLAYER_SOURCE,
        dispatcher=build_dispatcher(house, storage=ChatState(redis)),
        bot=bot,
        doorbell=bell,
    )
    notices = Notices(bot, house)
    news = OutboxWorker(
        database=house.database,
        consumer=outbox.PLAYER,
        deliver=notices.deliver,
        unreachable=notices.unreachable,
        doorbell=bell,
    )
    async with Nursery() as nursery:
        nursery.keep(bell.run, name="doorbell")
        nursery.keep(partial(updates.run, stop), name="inbox")
        nursery.keep(partial(news.run, stop), name="outbox")
        receiving = nursery.keep(partial(_receive, bot, house, telegram), name="receive")
        log.info("bot.started", mode=telegram.mode, bot=house.bot_name)
        await stop.wait()
        log.info("bot.stopping")
        receiving.cancel()
        await asyncio.wait(
            [
                nursery.start(_ended(worker), name="ending")
                for worker in (updates.ended, news.ended)
            ],
            timeout=FINISH_SECONDS,
        )
    log.info("bot.stopped")


async def _receive(bot: Bot, house: House, telegram: TelegramSettings) -> None:
    """Say who we are, then let updates come: by our own polling, or to the webapp's route."""
    await introduce(bot, mini_app_url=telegram.mini_app_url)
    if telegram.mode == "webhook":
        await bot.set_webhook(
            telegram.webhook_url.rstrip("/") + WEBHOOK_PATH,
            secret_token=telegram.webhook_secret.get_secret_value(),
            allowed_updates=list(PLAYER_UPDATES),
        )
        await asyncio.Event().wait()
    await bot.delete_webhook(drop_pending_updates=False)
    poller = Poller(bot, house.database, source=PLAYER_SOURCE, allowed_updates=PLAYER_UPDATES)
    await poller.run()


async def _ended(worker: asyncio.Event) -> None:
    await worker.wait()


if __name__ == "__main__":
    uvloop.run(main())
