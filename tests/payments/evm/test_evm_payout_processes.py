"""The three processes on Ethereum as the operating system sees them: killed anywhere, paid once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from casino.cashier.rails import USDT_ETH, get_rail
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from casino.staff import orders
from payments.chains.evm_addresses import EvmAddress
from sandbox.evm.chain import CHAIN_ID
from sandbox.evm.faulty_front import FaultyFront
from sandbox.evm.usdt import deploy_delegate
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.evm.paying import APPROVER_SEED, FEE, EvmHouse

pytestmark = [pytest.mark.chain, pytest.mark.faults]

PATIENCE_SECONDS = 300
WATCHER = ("payments", "watcher")
SENDER = ("payments", "sender")
SIGNER = ("payments.signer", "run")
Command = tuple[str, str]


class Crew:
    """Real processes of one test; their only chain with a node is Ethereum."""

    def __init__(self, house: EvmHouse, node_url: str) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": house.database.url,
            "TON_TONCENTER_URL": "http://127.0.0.1:9",
            "TON_POLL_SECONDS": "1",
            "EVM_CHAIN_ID": str(CHAIN_ID),
            "EVM_NODE_URLS": node_url,
            "EVM_TOKEN": house.world.usdt.address.checksummed,
            "EVM_XPUB": house.master.evm_deposits().xpub,
            "EVM_POLL_SECONDS": "1",
            "EVM_REQUESTS_PER_SECOND": "1000",
            "EVM_POOL_AHEAD": "8",
            "EVM_SWEEP_SECONDS": "1",
            "EVM_SWEEP_UNITS_MIN": str(10 * USDT),
            "EVM_SWEEP_COST_TIMES": "1",
            "SIGNER_TON_KEY_SEED": "",
            "SIGNER_BTC_ETH_KEY_ENTROPY": house.entropy.reveal().hex(),
            "SIGNER_APPROVAL_PUBLIC_KEY": orders.public_key(APPROVER_SEED).hex(),
            "SIGNER_EVM_OWN_ADDRESSES": "8",
        }
        self.running: dict[Command, subprocess.Popen[bytes]] = {}

    def start(self, *commands: Command) -> None:
        for command in commands:
            if command not in self.running:
                self.running[command] = subprocess.Popen(
                    [sys.executable, "-m", *command],
                    env=self.environment,
                    stdout=subprocess.DEVNULL,
                    cwd=Path(__file__).parents[3],
                )

    def kill(self, *commands: Command) -> None:
        for command in commands or tuple(self.running):
            process = self.running.pop(command)
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)


@pytest.fixture
async def front(evm: EvmWorld) -> FaultyFront:
    return await evm.front()


@pytest.fixture
async def house(evm: EvmWorld, db: Database) -> EvmHouse:
    house = EvmHouse(evm, db)
    await house.open()
    return house


@pytest.fixture
async def crew(house: EvmHouse, front: FaultyFront) -> AsyncIterator[Crew]:
    crew = Crew(house, front.url)
    yield crew
    crew.kill()


async def until(wanted: Callable[[], Awaitable[bool]], *, mine: EvmHouse | None = None) -> None:
    """Wait for something to become true, making blocks meanwhile if asked to."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await wanted():
            if mine is not None:
                await mine.world.node.mine()
            await asyncio.sleep(0.2)


def has(house: EvmHouse, withdrawal: int, *wanted: Status) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await house.status(withdrawal) in wanted

    return ask


def somebody(house: EvmHouse, number: int) -> EvmAddress:
    return house.world.wallet(f"{house.hot.raw} {number}").address


async def in_the_pool(house: EvmHouse) -> bool:
    waiting = await house.world.node.ask("eth_getTransactionCount", house.hot.raw, "pending")
    return int(waiting, 16) > 0


async def test_hazard_1_processes_killed_at_every_status_pay_once(
    house: EvmHouse, crew: Crew, front: FaultyFront
) -> None:
    """At each status that is committed, whoever works on it is killed: after the replay key and
    before the bytes, after the bytes and before they are sent, after a send whose answer is lost,
    and after it was mined."""
    player = await house.rich_player(200 * USDT)
    to = somebody(house, 1)
    crew.environment["EVM_SWEEPS"] = "off"
    withdrawal = await house.withdraw(player, 40 * USDT, to)
    crew.start(WATCHER, SENDER)
    await until(has(house, withdrawal, Status.ASSIGNED))
    crew.kill(SENDER, WATCHER)
    crew.start(SIGNER)
    await until(has(house, withdrawal, Status.SIGNED))
    crew.kill(SIGNER)
    front.refused = {"eth_sendRawTransaction": "nobody is at home"}
    crew.start(WATCHER, SENDER)
    await until(has(house, withdrawal, Status.BROADCAST))
    crew.kill(SENDER)
    assert not await in_the_pool(house), "said to be sent, and never sent"
    front.refused = {}
    crew.start(SENDER)
    await until(lambda: in_the_pool(house))
    crew.kill(SENDER, WATCHER)
    await house.world.node.mine()  # it lands while nobody looks
    crew.start(WATCHER, SENDER, SIGNER)
    await until(has(house, withdrawal, Status.CONFIRMED), mine=house)
    crew.kill()
    assert await house.paid(to) == 40 * USDT - FEE
    assert (await house.withdrawal(withdrawal)).attempts == 1
    await house.require_balanced()


async def test_hazard_1_processes_killed_again_and_again_pay_and_sweep_once(
    house: EvmHouse, crew: Crew
) -> None:
    """No moment is chosen: whoever is hit, is hit wherever he happens to be."""
    await deploy_delegate(house.world.node, treasury=house.hot)
    dice = random.Random(18)
    player = await house.rich_player(400 * USDT)
    wanted = {
        await house.withdraw(player, (30 + number) * USDT, somebody(house, number)): number
        for number in range(4)
    }
    for _ in range(6):
        crew.start(WATCHER, SENDER, SIGNER)
        await asyncio.sleep(1 + 3 * dice.random())
        crew.kill(*dice.sample([WATCHER, SENDER, SIGNER], dice.randint(1, 3)))
        await house.world.node.mine(dice.randint(0, 2))
    crew.start(WATCHER, SENDER, SIGNER)
    for withdrawal in wanted:
        await until(has(house, withdrawal, Status.CONFIRMED), mine=house)

    async def swept() -> bool:
        return not await house.open_payouts() and await house.world.usdt.units(address) == 0

    address = await house.followed.address(player)
    await until(swept, mine=house)
    crew.kill()
    for number in wanted.values():
        assert await house.paid(somebody(house, number)) == (30 + number) * USDT - FEE
    await house.require_balanced()


async def test_the_signer_registers_the_hot_wallet_of_each_rail_it_has_keys_for(
    evm: EvmWorld, db: Database
) -> None:
    house = EvmHouse(evm, db)
    environment = Crew(house, evm.node.url).environment

    def address(**given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "payments.signer", "address"],
            env={**environment, **given},
            capture_output=True,
            text=True,
            check=False,
        )

    done = address()
    assert done.returncode == 0, done.stderr
    assert house.hot.checksummed in done.stdout
    async with db.transaction() as session:
        assert (await get_rail(session, USDT_ETH)).address == house.hot.checksummed
        assert (await get_rail(session, "ton")).address is None
    other = address(SIGNER_BTC_ETH_KEY_ENTROPY="ab" * 32)
    assert other.returncode == 1
    assert "--replace" in other.stderr
    nothing = address(EVM_CHAIN_ID="0")
    assert nothing.returncode == 1
    assert "no key for any rail" in nothing.stderr
