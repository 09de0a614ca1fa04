"""The watcher's process on Ethereum: built from settings alone, killed anywhere, credits once."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from embit.bip32 import HDKey

from casino.cashier import rails
from casino.cashier.rails import DEFAULTS, USDT_ETH
from casino.clock import utc_now
from casino.db import Database
from casino.errors import AddressInvalid, Paused
from payments.chains.evm_addresses import ExtendedKeyInvalid
from payments.config import EvmSettings
from payments.registry import FOLLOWED
from sandbox.evm.chain import CHAIN_ID
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.followed import FollowedHouse

PATIENCE_SECONDS = 60
ACCOUNT = HDKey.from_seed(b"addresses of the process".ljust(32)).derive("m/44h/60h/0h")
XPUB = str(ACCOUNT.to_public().to_base58())
TOKEN = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
GIVEN = {
    "EVM_CHAIN_ID": "1",
    "EVM_NODE_URLS": "http://127.0.0.1:9/one, http://127.0.0.1:9/two",
    "EVM_TOKEN": TOKEN,
    "EVM_XPUB": XPUB,
}


@pytest.fixture
async def watcher(evm: EvmWorld, db: Database) -> AsyncIterator["Watcher"]:
    watcher = Watcher(evm, db)
    yield watcher
    watcher.kill()


class Watcher:
    """`python -m payments watcher`; its other chain has no node and must not be in the way."""

    def __init__(self, evm: EvmWorld, database: Database) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": database.url,
            "TON_TONCENTER_URL": "http://127.0.0.1:9",
            "EVM_CHAIN_ID": str(CHAIN_ID),
            "EVM_NODE_URLS": f"http://127.0.0.1:9,{evm.node.url}",
            "EVM_TOKEN": evm.usdt.address.checksummed,
            "EVM_XPUB": XPUB,
            "EVM_POLL_SECONDS": "1",
            "EVM_REQUESTS_PER_SECOND": "1000",
            "EVM_POOL_AHEAD": "4",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "payments", "watcher"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[3],
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE_SECONDS)
            self.process = None


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


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of Ethereum in the environment."""
    for name in EvmSettings.model_fields:
        monkeypatch.delenv(f"EVM_{name}".upper(), raising=False)
    return monkeypatch


def test_followed_rails_are_rails_with_addresses() -> None:
    offered = {rail.name: rail for rail in DEFAULTS}
    for entry in FOLLOWED:
        assert offered[entry.rail].chain == entry.name
        assert offered[entry.rail].deposits_by == "address"


@pytest.mark.usefixtures("environment")
def test_without_settings_a_chain_is_not_followed() -> None:
    for entry in FOLLOWED:
        assert entry.build() is None


async def test_settings_make_a_chain(environment: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        environment.setenv(name, value)
    (entry,) = FOLLOWED
    followed = entry.build()
    assert followed is not None
    assert (followed.chain.name, followed.rail) == (entry.name, entry.rail)
    assert (followed.network_id, followed.token) == ("1", TOKEN)
    (first,) = followed.addresses.between(0, 0)
    assert first.address == first.shown.lower()
    await followed.chain.close()


@pytest.mark.parametrize("missing", GIVEN)
def test_half_of_the_settings_are_refused(environment: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in GIVEN.items():
        environment.setenv(name, "" if name != "EVM_CHAIN_ID" else "0")
        if name != missing:
            environment.setenv(name, value)
    with pytest.raises(ValueError, match="go together"):
        EvmSettings()


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("EVM_XPUB", str(ACCOUNT.to_base58()), ExtendedKeyInvalid),
        ("EVM_TOKEN", TOKEN[:-1] + "8", AddressInvalid),
    ],
)
def test_a_private_key_or_a_mistyped_token_starts_nothing(
    environment: pytest.MonkeyPatch, name: str, value: str, error: type[Exception]
) -> None:
    for key, given in (GIVEN | {name: value}).items():
        environment.setenv(key, given)
    (entry,) = FOLLOWED
    with pytest.raises(error):
        entry.build()
