"""The watcher's process on Bitcoin: built from settings alone, killed anywhere, credits once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from casino.cashier.rails import BTC as RAIL
from casino.db import Database
from casino.errors import Paused
from casino.money import Asset
from tests.payments.btc.conftest import BTC, World
from tests.payments.followed import FollowedHouse
from tests.payments.watcher_process import PATIENCE_SECONDS, Watcher

pytestmark = [pytest.mark.chain, pytest.mark.faults]


@pytest.fixture
async def watcher(world: World, db: Database) -> AsyncIterator[Watcher]:
    watcher = Watcher(
        db,
        {
            "BTC_NETWORK": world.network.name,
            "BTC_NODE_URL": world.node.url,
            "BTC_NODE_USER": world.node.user,
            "BTC_NODE_PASSWORD": world.node.password,
            "BTC_XPUB": world.keys.public,
            "BTC_POLL_SECONDS": "1",
            "BTC_POOL_AHEAD": "4",
        },
    )
    yield watcher
    watcher.kill()


async def test_it_opens_the_rail_shows_what_waits_and_credits_once_although_it_is_killed(
    world: World, db: Database, watcher: Watcher
) -> None:
    house = FollowedHouse(db, world.chain, rail=RAIL, asset=Asset.BTC)
    watcher.start()
    player, address = 0, ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not address:
            with contextlib.suppress(Paused):
                player, address = await house.player()
            await asyncio.sleep(0.1)
        for number in range(1, 4):
            await world.person.send(address, BTC // 10)
            while len(await house.deposits(player)) < number:
                await asyncio.sleep(0.1)
            watcher.kill()
            await world.mine()
            watcher.start()
        await world.mine(6)
        while (await house.wallet(player)).withdrawable < 3 * BTC // 10 * 1000:
            await asyncio.sleep(0.1)
    assert (await house.wallet(player)).cash == 3 * BTC // 10 * 1000
    assert len(await house.deposits(player)) == 3
    told = await house.told("player")
    assert (told.count("deposit.seen"), told.count("deposit.credited")) == (3, 3)
    assert "deposit.replaced" not in told
    await house.require_sound()
