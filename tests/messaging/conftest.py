"""What the tests of the plumbing share: a Redis that is not there, a local Telegram, a bot."""

import socket
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot

from messaging.redis_link import RedisLink
from messaging.session import make_bot
from sandbox.telegram.world import PLAYERS_TOKEN, default_world
from tests.sandbox.telegram.conftest import Server


@pytest.fixture
def unused_redis_url() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(redis_url)
    yield link
    await link.close()


@pytest.fixture
async def telegram() -> AsyncIterator[Server]:
    """A local Telegram on which Ann has pressed Start."""
    server = Server(world=default_world(), store=None)
    await server.start()
    await server.do("start", person=1001, bot="fairhouse_bot")
    yield server
    await server.stop()


@pytest.fixture
async def bot(telegram: Server, redis: RedisLink) -> AsyncIterator[Bot]:
    """The product's own bot session against the local Telegram."""
    bot = make_bot(PLAYERS_TOKEN, api_url=telegram.origin, redis=redis)
    yield bot
    await bot.session.close()
