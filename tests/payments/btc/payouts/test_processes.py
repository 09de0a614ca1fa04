"""The processes as the operating system sees them: killed at every state, paid exactly once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.staff import orders
from payments.config import BtcPayoutSettings, BtcSettings, EvmSettings
from tests.payments.btc.conftest import BTC
from tests.payments.btc.payouts.house import APPROVER_SEED, FEE, PayingHouse, entropy_of

pytestmark = [pytest.mark.chain, pytest.mark.faults]

PATIENCE_SECONDS = 300
FINAL = 6
WATCHER = ("payments", "watcher")
SENDER = ("payments", "sender")
SIGNER = ("payments.signer", "run")
Command = tuple[str, str]


class Crew:
    """Real processes of one test, built from settings alone."""

    def __init__(self, house: PayingHouse) -> None:
        others = [f"EVM_{name}".upper() for name in EvmSettings.model_fields]
        others += [f"BTC_{name}".upper() for name in BtcSettings.model_fields]
        others += [f"BTC_PAYOUT_{name}".upper() for name in BtcPayoutSettings.model_fields]
        node = house.world.node
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in others},
            "DATABASE_URL": house.database.url,
            "TON_TONCENTER_URL": "http://127.0.0.1:9",
            "TON_POLL_SECONDS": "1",
            "BTC_NETWORK": house.world.network.name,
            "BTC_NODE_URL": node.url,
            "BTC_NODE_USER": node.user,
            "BTC_NODE_PASSWORD": node.password,
            "BTC_XPUB": house.key.xpub,
            "BTC_POLL_SECONDS": "1",
            "BTC_POOL_AHEAD": "4",
            "BTC_PAYOUT_RATE_FALLBACK": "5",
            "BTC_PAYOUT_CONSOLIDATE_RATE_MAX": "0",
            "SIGNER_TON_KEY_SEED": bytes(range(32)).hex(),
            "SIGNER_BTC_ETH_KEY_ENTROPY": entropy_of(house.name).hex(),
            "SIGNER_APPROVAL_PUBLIC_KEY": orders.public_key(APPROVER_SEED).hex(),
        }
        self.running: dict[Command, subprocess.Popen[bytes]] = {}

    def start(self, *commands: Command) -> None:
        for command in commands:
            self.running[command] = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environment,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[4],
            )

    def end(self, *commands: Command) -> None:
        """Kill them and wait until they are gone."""
        for command in commands:
            process = self.running.pop(command)
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)

    def end_all(self) -> None:
        self.end(*list(self.running))


@pytest.fixture
async def crew(house: PayingHouse) -> AsyncIterator[Crew]:
    crew = Crew(house)
    yield crew
    crew.end_all()


async def until(wanted: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await wanted():
            await asyncio.sleep(0.1)


def has(house: PayingHouse, withdrawal: int, *wanted: Status) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await house.status(withdrawal) in wanted

    return ask


async def test_hazard_1_processes_killed_at_every_state_pay_once(
    house: PayingHouse, crew: Crew
) -> None:
    """One withdrawal; at each state that is committed, whoever works on it is killed."""
    player = await house.rich_player(BTC)
    await house.mine(FINAL)
    to = house.somebody()
    withdrawal = await house.withdraw(player, 200_000, to)
    crew.start(WATCHER, SENDER)
    await until(has(house, withdrawal, Status.ASSIGNED))
    crew.end(SENDER)
    crew.start(SIGNER)
    await until(has(house, withdrawal, Status.SIGNED))
    crew.end(SIGNER)
    signed = (await house.only_payout()).attempts[0]
    crew.start(SENDER)
    await until(has(house, withdrawal, Status.BROADCAST))
    crew.end(SENDER)
    crew.start(SENDER, SIGNER)

    async def waits() -> bool:
        return await house.waits(signed.tx_hash)

    await until(waits)
    crew.end(SENDER, WATCHER)
    await house.mine()
    crew.start(SENDER, WATCHER)
    await house.mine(FINAL)
    await until(has(house, withdrawal, Status.CONFIRMED))
    crew.end_all()
    assert (await house.withdrawal(withdrawal)).tx_hash == signed.tx_hash
    assert await house.received(to) == 200_000 - FEE
    assert not await house.foreign()
    await house.follower.step()
    await house.require_balanced()


async def test_hazard_1_processes_killed_anywhere_pay_each_withdrawal_once(
    house: PayingHouse, crew: Crew
) -> None:
    dice = random.Random(16)
    player = await house.rich_player(BTC, BTC)
    await house.mine(FINAL)
    everyone = (WATCHER, SENDER, SIGNER)
    wanted: dict[int, str] = {}
    crew.start(*everyone)
    for number in range(4):
        to = house.somebody(number)
        wanted[await house.withdraw(player, 200_000, to)] = to
        await asyncio.sleep(dice.random() * 3)
        victim = dice.choice(everyone)
        crew.end(victim)
        await house.mine()
        crew.start(victim)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while {await house.status(one) for one in wanted} != {Status.CONFIRMED}:
            await house.mine()
            await asyncio.sleep(1)
    crew.end_all()
    for to in wanted.values():
        assert await house.received(to) == 200_000 - FEE
    await house.watch()
    await house.require_balanced()
