"""Makes bots whose calls never run inside a transaction, keep the pace and obey "retry after"."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods.base import TelegramType

from casino.db import forbid_open_transaction
from messaging.pace import Pace

if TYPE_CHECKING:
    from aiogram.methods import Response, TelegramMethod

    from messaging.redis_link import RedisLink

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 3
PATIENCE_SECONDS = 5  # a longer silence is the caller's affair: it can do something else meanwhile
UNPACED = frozenset({"getUpdates", "getMe", "getFile"})
SPEAKING = ("send", "copy", "forward")  # a chat's own rate counts new messages, not edits


def make_bot(token: str, *, api_url: str, redis: RedisLink | None) -> Bot:
    """A bot that speaks HTML to `api_url` and shares its pace through Redis, if there is one."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url.rstrip("/")), timeout=40)
    bot = Bot(
        token,
        session=session,
        default=DefaultBotProperties(parse_mode=ParseMode.HTML, link_preview_is_disabled=True),
    )
    session.middleware(Guard())
    session.middleware(Manners(Pace(redis, bot_id=bot.id)))
    return bot


class Guard(BaseRequestMiddleware):
    """Raises NetworkInsideTransaction for a call made while a transaction is open."""

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        forbid_open_transaction()
        return await make_request(bot, method)


class Manners(BaseRequestMiddleware):
    """Waits for the pace, and sends again after a short "retry after".

    A call refused with 429 had no effect, so any call may be repeated. A longer silence than
    `PATIENCE_SECONDS` is raised to the caller and kept from everyone else by the shut bucket.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        name = method.__api_method__
        if name in UNPACED:
            return await make_request(bot, method)
        chat_id = getattr(method, "chat_id", None) if name.startswith(SPEAKING) else None
        attempt = 1
        while True:
            await self._pace.admit(chat_id)
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as error:
                log.warning(
                    "telegram.retry_after",
                    method=name,
                    seconds=error.retry_after,
                    attempt=attempt,
                )
                if attempt >= ATTEMPTS_MAX or error.retry_after > PATIENCE_SECONDS:
                    await self._pace.shut(chat_id, seconds=error.retry_after)
                    raise
                await asyncio.sleep(error.retry_after)
                attempt += 1
