"""A bot's calls: never inside a transaction, patient with 429, at the pace of its token."""

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter

from casino.db import transaction_open
from casino.errors import NetworkInsideTransaction
from messaging.redis_link import RedisLink
from messaging.session import make_bot
from sandbox.telegram.world import PLAYERS_TOKEN
from tests.sandbox.telegram.conftest import ANN, BORIS, Server


async def test_a_call_inside_a_transaction_raises(bot: Bot, telegram: Server) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await bot.send_message(ANN, "hello")
    assert await _said(telegram) == []


async def test_messages_speak_html(bot: Bot, telegram: Server) -> None:
    sent = await bot.send_message(ANN, "<b>hello</b> &lt;there&gt;")
    assert sent.text == "hello <there>"
    assert await _said(telegram) == ["hello <there>"]


async def test_a_short_retry_after_is_waited_for_and_the_message_sent_once(
    bot: Bot, telegram: Server
) -> None:
    await telegram.do("faults", method="sendMessage", code=429, times=2, retry_after=1)
    await bot.send_message(ANN, "patience")
    assert await _said(telegram) == ["patience"]


async def test_a_long_retry_after_is_the_callers_affair(bot: Bot, telegram: Server) -> None:
    await telegram.do("faults", method="sendMessage", code=429, times=1, retry_after=60)
    with pytest.raises(TelegramRetryAfter):
        await bot.send_message(ANN, "later")
    assert await _said(telegram) == []


async def test_a_chat_that_never_started_the_bot_is_refused(bot: Bot) -> None:
    with pytest.raises(TelegramForbiddenError):
        await bot.send_message(BORIS, "hello?")


async def test_a_bot_speaks_without_redis(telegram: Server, unused_redis_url: str) -> None:
    link = RedisLink(unused_redis_url)
    bot = make_bot(PLAYERS_TOKEN, api_url=telegram.origin, redis=link)
    await bot.send_message(ANN, "still here")
    assert await _said(telegram) == ["still here"]
    await bot.session.close()
    await link.close()


async def _said(telegram: Server) -> list[str]:
    chat = await telegram.see("chat", person=ANN, bot="fairhouse_bot")
    return [message["text"] for message in chat["messages"] if message["from"]["is_bot"]]
