"""The watcher's process on Ethereum: built from settings alone, killed anywhere, credits once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from embit.bip32 import HDKey

from casino.cashier import rails
from casino.cashier.rails import USDT_ETH
from casino.clock import utc_now
from casino.db import Database
from casino.errors import Paused
from sandbox.evm.chain import CHAIN_ID
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.followed import FollowedHouse
from tests.payments.watcher_process import PATIENCE_SECONDS, Watcher

ACCOUNT = HDKey.from_seed(b"addresses of the process".ljust(32)).derive("m/44h/60h/0h")
XPUB = str(ACCOUNT.to_public().to_base58())


@pytest.fixture
async def watcher(evm: EvmWorld, db: Database) -> AsyncIterator[Watcher]:
    watcher = Watcher(
        db,
        {
            "EVM_CHAIN_ID": str(CHAIN_ID),
            "EVM_NODE_URLS": f"http://127.0.0.1:9,{evm.node.url}",
            "EVM_TOKEN": evm.usdt.address.checksummed,
            "EVM_XPUB": XPUB,
            "EVM_POLL_SECONDS": "1",
            "EVM_REQUESTS_PER_SECOND": "1000",
            "EVM_POOL_AHEAD": "4",
        },
    )
    yield watcher
    watcher.kill()


@pytest.mark.chain
@pytest.mark.faults
async def test_it_opens_the_rail_and_credits_once_although_it_is_killed(
    evm: EvmWorld, db: Database, watcher: Watcher
) -> None:
    house = FollowedHouse(db, evm.chain)
    async with db.transaction() as session:
        rail = replace(await rails.get_rail(session, USDT_ETH), tiers=())
        await rails.change_rail(session, rail=rail, actor="test", now=utc_now())
    await evm.finalize()
    watcher.start()
    player, address = 0, ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not address:
            with contextlib.suppress(Paused):
                player, address = await house.player()
            await asyncio.sleep(0.1)
        for _ in range(3):
            await evm.usdt.give(address, 100 * USDT)
            await evm.finalize()
            await evm.node.mine()
            watcher.kill()
            watcher.start()
        while (await house.wallet(player)).withdrawable < 300 * USDT:
            await asyncio.sleep(0.1)
    assert (await house.wallet(player)).cash == 300 * USDT
    assert len(await house.deposits(player)) == 3
    await house.require_sound()
