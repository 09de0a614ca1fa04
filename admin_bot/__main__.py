"""`python -m admin_bot`: the operators' bot, by polling or by webhook, over the same inbox."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING

import structlog
import uvloop

from admin_bot.app import build_dispatcher
from admin_bot.commands import introduce
from admin_bot.desk import ApprovalKey, Desk
from admin_bot.news import StaffNews
from casino import clock, inbox, outbox
from casino.config import (
    AdminSettings,
    AdminWebhookSettings,
    DatabaseSettings,
    RedisSettings,
    TelegramSettings,
    TelemetrySettings,
    VaultSettings,
)
from casino.db import Database
from casino.nursery import Nursery
from casino.staff import people
from casino.telemetry import configure_logs, serve_metrics
from casino.vault import Vault
from games import registry
from messaging.chat_state import ChatState
from messaging.doorbell import Doorbell
from messaging.inbox_worker import InboxWorker
from messaging.outbox_delivery import OutboxWorker
from messaging.poller import Poller
from messaging.redis_link import RedisLink
from messaging.session import make_bot
from messaging.updates import STAFF_SOURCE, STAFF_UPDATES

if TYPE_CHECKING:
    from aiogram import Bot

log = structlog.get_logger(__name__)

FINISH_SECONDS = 12.0
WEBHOOK_PATH = "/telegram/admin"


async def main() -> None:
    """Run until SIGTERM or SIGINT; then claim nothing more and finish what is in hand."""
    telegram, admin, telemetry = TelegramSettings(), AdminSettings(), TelemetrySettings()
    # Who runs the players' bot must not be able to post as an operator.
    telegram = telegram.model_copy(update={"webhook_secret": AdminWebhookSettings().secret})
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url)
    redis = RedisLink(RedisSettings().url)
    bot = make_bot(admin.bot_token.get_secret_value(), api_url=telegram.api_url, redis=redis)
    desk = Desk(
        database=database,
        vault=Vault.from_text(VaultSettings().master_keys.get_secret_value()),
        key=ApprovalKey.from_hex(admin.approval_key.get_secret_value()),
        games=(*registry.INSTANT, *registry.STEPS),
    )
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await ensure_owners(database, admin.owners)
        await _serve(bot, desk, redis=redis, telegram=telegram, stop=stop)
    finally:
        await bot.session.close()
        await redis.close()
        await database.close()


async def ensure_owners(database: Database, listed: str) -> None:
    """Make owners of the people in the settings: Telegram ids, separated by commas or spaces.
    Raises ValueError for anything else."""
    telegram_ids = [int(number) for number in listed.replace(",", " ").split()]
    async with database.transaction() as session:
        made = await people.ensure_owners(session, telegram_ids=telegram_ids, now=clock.utc_now())
        members = await people.list_members(session)
    log.info("staff.ready", owners_made=len(made), members=len(members))
    if len(members) == 1:
        log.warning("staff.alone", advice="two people must agree above the ceiling of the terms")


async def _serve(
    bot: Bot, desk: Desk, *, redis: RedisLink, telegram: TelegramSettings, stop: asyncio.Event
) -> None:
    bell = Doorbell(desk.database.dsn, channels=(inbox.CHANNEL, outbox.CHANNEL))
    updates = InboxWorker(
        database=desk.database,
        source=STAFF_SOURCE,
        dispatcher=build_dispatcher(desk, storage=ChatState(redis)),
        bot=bot,
        doorbell=bell,
    )
    news = OutboxWorker(
        database=desk.database,
        consumer=outbox.STAFF,
        deliver=StaffNews(bot, desk).deliver,
        doorbell=bell,
    )
    async with Nursery() as nursery:
        nursery.keep(bell.run, name="doorbell")
        nursery.keep(partial(updates.run, stop), name="inbox")
        nursery.keep(partial(news.run, stop), name="outbox")
        receiving = nursery.keep(partial(_receive, bot, desk, telegram), name="receive")
        log.info("admin_bot.started", mode=telegram.mode)
        await stop.wait()
        log.info("admin_bot.stopping")
        receiving.cancel()
        await asyncio.wait(
            [
                nursery.start(_ended(worker), name="ending")
                for worker in (updates.ended, news.ended)
            ],
            timeout=FINISH_SECONDS,
        )
    log.info("admin_bot.stopped")


async def _receive(bot: Bot, desk: Desk, telegram: TelegramSettings) -> None:
    """Say who we are, then let updates come: by our own polling, or to the webapp's route."""
    await introduce(bot)
    if telegram.mode == "webhook":
        await bot.set_webhook(
            telegram.webhook_url.rstrip("/") + WEBHOOK_PATH,
            secret_token=telegram.webhook_secret.get_secret_value(),
            allowed_updates=list(STAFF_UPDATES),
        )
        await asyncio.Event().wait()
    await bot.delete_webhook(drop_pending_updates=False)
    poller = Poller(bot, desk.database, source=STAFF_SOURCE, allowed_updates=STAFF_UPDATES)
    await poller.run()


async def _ended(worker: asyncio.Event) -> None:
    await worker.wait()


if __name__ == "__main__":
    uvloop.run(main())
