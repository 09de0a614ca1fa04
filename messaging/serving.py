"""The life of a bot's process: updates come in, news go out, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from casino import inbox, outbox
from casino.nursery import Nursery
from messaging.doorbell import Doorbell
from messaging.inbox_worker import InboxWorker
from messaging.outbox_delivery import OutboxWorker
from messaging.poller import Poller
from messaging.telegram_delivery import by_telegram

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiogram import Bot, Dispatcher

    from casino.config import TelegramSettings
    from casino.db import Database
    from messaging.outbox_delivery import Deliver, Unreachable

log = structlog.get_logger(__name__)

FINISH_SECONDS = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one bot serves: the updates of `source` through its dispatcher, the effects of
    `consumer` through `deliver`. `introduce` tells Telegram who the bot is, at each start;
    `logged` is what the log says of it besides its name."""

    name: str
    bot: Bot
    database: Database
    dispatcher: Dispatcher
    source: str
    allowed_updates: tuple[str, ...]
    webhook_path: str
    consumer: str
    deliver: Deliver
    introduce: Callable[[], Awaitable[None]]
    unreachable: Unreachable | None = None
    logged: Mapping[str, str] = field(default_factory=dict)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


async def serve(service: Service, *, telegram: TelegramSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; then claim nothing more and finish what is in hand."""
    bell = Doorbell(service.database.dsn, channels=(inbox.CHANNEL, outbox.CHANNEL))
    updates = InboxWorker(
        database=service.database,
        source=service.source,
        dispatcher=service.dispatcher,
        bot=service.bot,
        doorbell=bell,
    )
    news = OutboxWorker(
        database=service.database,
        consumer=service.consumer,
        deliver=by_telegram(service.deliver),
        unreachable=service.unreachable,
        doorbell=bell,
    )
    started, stopping, stopped = (
        f"{service.name}.{state}" for state in ("started", "stopping", "stopped")
    )
    async with Nursery() as nursery:
        nursery.keep(bell.run, name="doorbell")
        nursery.keep(partial(updates.run, stop), name="inbox")
        nursery.keep(partial(news.run, stop), name="outbox")
        receiving = nursery.keep(partial(_receive, service, telegram), name="receive")
        log.info(started, mode=telegram.mode, **service.logged)
        await stop.wait()
        log.info(stopping)
        receiving.cancel()
        await asyncio.wait(
            [
                nursery.start(_ended(worker), name="ending")
                for worker in (updates.ended, news.ended)
            ],
            timeout=FINISH_SECONDS,
        )
    log.info(stopped)


async def _receive(service: Service, telegram: TelegramSettings) -> None:
    """Say who we are, then let updates come: by our own polling, or to the webapp's route."""
    await service.introduce()
    if telegram.mode == "webhook":
        await service.bot.set_webhook(
            telegram.webhook_url.rstrip("/") + service.webhook_path,
            secret_token=telegram.webhook_secret.get_secret_value(),
            allowed_updates=list(service.allowed_updates),
        )
        await asyncio.Event().wait()
    await service.bot.delete_webhook(drop_pending_updates=False)
    poller = Poller(
        service.bot,
        service.database,
        source=service.source,
        allowed_updates=service.allowed_updates,
    )
    await poller.run()


async def _ended(worker: asyncio.Event) -> None:
    await worker.wait()
