"""A crew with an open house for each test of the player's bot."""

from collections.abc import AsyncIterator

import pytest

from casino.db import Database
from messaging.redis_link import RedisLink
from sandbox.telegram.world import default_world
from tests.bot.crew import Crew, Visitor
from tests.sandbox.telegram.conftest import ANN, BORIS, Server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A local Telegram of the test's own."""
    running = Server(world=default_world(), store=None)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def crew(server: Server, db: Database, redis_url: str) -> AsyncIterator[Crew]:
    redis = RedisLink(redis_url)
    crew = Crew(server=server, database=db, redis=redis)
    await crew.open_house()
    yield crew
    await crew.close()
    await redis.close()


@pytest.fixture
def ann(crew: Crew) -> Visitor:
    """A player whose Telegram speaks English."""
    return crew.visitor(ANN)


@pytest.fixture
def boris(crew: Crew) -> Visitor:
    """A player whose Telegram speaks Russian."""
    return crew.visitor(BORIS)
