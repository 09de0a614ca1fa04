"""The three processes as the operating system sees them: killed anywhere, paid exactly once."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from casino.cashier.rails import get_rail
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from casino.staff import orders
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World
from tests.payments.house import APPROVER_SEED, RAIL, House

pytestmark = [pytest.mark.chain, pytest.mark.faults]

PATIENCE_SECONDS = 240
WATCHER = ("payments", "watcher")
SENDER = ("payments", "sender")
SIGNER = ("payments.signer", "run")
Command = tuple[str, str]


class Crew:
    """Real processes of one test, with one environment."""

    def __init__(self, world: World, database: Database) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": database.url,
            "TELEMETRY_JSON_LOGS": "true",
            "TON_TONCENTER_URL": world.node.url,
            "TON_REQUESTS_PER_SECOND": "1000",
            "TON_POLL_SECONDS": "1",
            "TON_WALLET_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
            "SIGNER_TON_KEY_SEED": bytes(world.key).hex(),
            "SIGNER_APPROVAL_PUBLIC_KEY": orders.public_key(APPROVER_SEED).hex(),
        }
        self.running: dict[Command, subprocess.Popen[bytes]] = {}

    def start(self, *commands: Command) -> None:
        for command in commands:
            self.running[command] = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environment,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )

    def end(self, *commands: Command, how: signal.Signals = signal.SIGKILL) -> list[int]:
        """Signal them and wait until they are gone; returns their exit codes."""
        codes = []
        for command in commands:
            process = self.running.pop(command)
            process.send_signal(how)
            codes.append(process.wait(PATIENCE_SECONDS))
        return codes

    def end_all(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.end(*list(self.running), how=how)


@pytest.fixture
async def crew(world: World, db: Database) -> AsyncIterator[Crew]:
    crew = Crew(world, db)
    yield crew
    crew.end_all()


@pytest.fixture
async def house(world: World, db: Database) -> House:
    house = House(world, db)
    await house.open()
    return house


async def until(wanted: Callable[[], Awaitable[bool]], *, mine: House | None = None) -> None:
    """Wait for something to become true, making blocks meanwhile if asked to."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await wanted():
            if mine is not None:
                await mine.world.node.mine()
            await asyncio.sleep(0.2)


def has(house: House, withdrawal: int, *wanted: Status) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await house.status(withdrawal) in wanted

    return ask


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
async def test_processes_ended_at_every_status_pay_once(
    house: House, crew: Crew, how: signal.Signals
) -> None:
    """One withdrawal; at each status that is committed, whoever works on it is ended."""
    player = await house.rich_player(10 * TON)
    to = house.somebody(1)
    withdrawal = await house.withdraw(player, 2 * TON, to.friendly())
    crew.start(WATCHER)
    assert await house.status(withdrawal) is Status.APPROVED
    crew.end(WATCHER, how=how)
    crew.start(WATCHER, SENDER)
    await until(has(house, withdrawal, Status.ASSIGNED))
    crew.end(SENDER, how=how)
    crew.start(SIGNER)
    await until(has(house, withdrawal, Status.SIGNED))
    crew.end(SIGNER, how=how)
    crew.start(SENDER)
    await until(has(house, withdrawal, Status.BROADCAST))
    await until(lambda: accepted(house))
    crew.end(SENDER, how=how)
    crew.end(WATCHER, how=how)
    await house.world.node.mine()  # it lands while nobody looks
    crew.start(WATCHER, SENDER, SIGNER)
    await until(has(house, withdrawal, Status.CONFIRMED), mine=house)
    crew.end_all(how)
    assert await house.world.node.balance(to.raw) == 2 * TON - 50_000_000
    await house.watch()
    await house.require_balanced()


async def accepted(house: House) -> bool:
    return bool((await house.world.node.status())["mempool"])


async def test_a_process_asked_to_stop_says_goodbye(house: House, crew: Crew) -> None:
    player = await house.rich_player(10 * TON)
    withdrawal = await house.withdraw(player, 2 * TON, house.somebody(2).friendly())
    crew.start(WATCHER, SENDER, SIGNER)
    await until(has(house, withdrawal, Status.CONFIRMED), mine=house)
    assert crew.end(WATCHER, SENDER, SIGNER, how=signal.SIGTERM) == [0, 0, 0]


async def test_of_two_of_a_kind_one_works_and_the_other_takes_over(
    house: House, crew: Crew
) -> None:
    first = Crew(house.world, house.database)
    first.start(WATCHER)
    player = await house.player()
    tag = await house.tag(player)
    await house.world.pay_in(TON, comment=tag)
    await until(lambda: holds(house, player, TON))
    crew.start(WATCHER)
    await house.world.pay_in(TON, comment=tag)
    await until(lambda: holds(house, player, 2 * TON))
    first.end_all()
    await house.world.pay_in(TON, comment=tag)
    await until(lambda: holds(house, player, 3 * TON))


async def holds(house: House, player: int, units: int) -> bool:
    return await house.cash(player) == units


async def test_a_process_that_loses_its_connection_is_elected_again(
    house: House, crew: Crew
) -> None:
    crew.start(WATCHER)
    player = await house.player()
    tag = await house.tag(player)
    await house.world.pay_in(TON, comment=tag)
    await until(lambda: holds(house, player, TON))
    await cut_connections(house)
    await house.world.pay_in(TON, comment=tag)
    await until(lambda: holds(house, player, 2 * TON))


async def cut_connections(house: House) -> None:
    """End every connection to the database but our own, as a restart of the server would."""
    async with house.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_the_key_is_made_once_and_its_address_registered_once(
    world: World, db: Database, crew: Crew, tmp_path: Path
) -> None:
    environment = {
        **crew.environment,
        "SIGNER_TON_KEY_SEED": "",
        "SIGNER_KEYSTORE": str(tmp_path / "keystore.json"),
        "SIGNER_KEYSTORE_PASSWORD": "a long enough password",
    }

    def signer(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "payments.signer", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    made = signer("keys", "create", "--print-words")
    assert made.returncode == 0, made.stderr
    registered = signer("address")
    assert registered.returncode == 0, registered.stderr
    async with db.transaction() as session:
        address = (await get_rail(session, RAIL)).address
    assert address is not None
    assert address in made.stdout
    assert address in registered.stdout
    assert signer("keys", "create", "--print-words").returncode == 1, "never overwritten"
    again = signer("address")
    assert address in again.stdout
    with contextlib.suppress(KeyError):
        del environment["SIGNER_KEYSTORE"]
    environment["SIGNER_TON_KEY_SEED"] = bytes(world.key).hex()
    other = signer("address")
    assert other.returncode == 1
    assert "--replace" in other.stderr
    assert signer("address", "--replace").returncode == 0
    async with db.transaction() as session:
        assert (await get_rail(session, RAIL)).address == world.wallet.address.friendly()
