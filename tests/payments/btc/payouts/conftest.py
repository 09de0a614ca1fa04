"""A paying house for each test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from casino.db import Database
from tests.payments.btc.conftest import World
from tests.payments.btc.payouts.house import PayingHouse


@pytest.fixture
async def house(
    world: World, db: Database, request: pytest.FixtureRequest
) -> AsyncIterator[PayingHouse]:
    """On the module's node, with keys, players and coins of its own."""
    house = PayingHouse(world, db, request.node.name)
    await house.open()
    yield house
    await house.close()
