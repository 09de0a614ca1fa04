"""The whole world in one go: servers, chain, local Telegram and the casino's own processes."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from casino.db import Database
from casino.errors import OutsideError
from casino.nursery import Nursery
from payments.rpc import Toncenter
from sandbox.casino_processes import COMMANDS, CasinoProcesses, base_environment, last_words
from sandbox.genesis import (
    count_bankroll,
    fund_house,
    fund_people,
    hire,
    point_explorer,
    quote_rates,
)
from sandbox.processes import ServiceFailed, free_port
from sandbox.services import start_services
from sandbox.telegram.app import build_app
from sandbox.telegram.world import OPERATORS_TOKEN, PLAYERS_TOKEN, default_world
from sandbox.ton.chain import LocalChain
from sandbox.world_bar import WorldBar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.home import Home, Secrets

PLAYERS = (1001, 1002)
OWNER, PAYMENTS = 9001, 9002
READY_SECONDS = 150
RATES_EVERY_SECONDS = 1800
MAINNET = ("toncenter.com", "tonapi.io", "api.telegram.org")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the world answers on 127.0.0.1."""

    page: int
    webapp: int
    chain: int

    @classmethod
    def from_first(cls, first: int) -> Ports:
        """Three ports in a row."""
        return cls(first, first + 1, first + 2)

    @classmethod
    def free(cls) -> Ports:
        """Three ports that nobody uses."""
        return cls(free_port(), free_port(), free_port())


@dataclass(slots=True)
class Stage:
    """A running world."""

    home: Home
    ports: Ports
    environment: dict[str, str]
    chain: LocalChain
    processes: CasinoProcesses
    database: Database
    bar: WorldBar

    @property
    def page_url(self) -> str:
        """The one link."""
        return f"http://127.0.0.1:{self.ports.page}/"

    @property
    def webapp_url(self) -> str:
        """Where the Mini App is served."""
        return f"http://127.0.0.1:{self.ports.webapp}"


@asynccontextmanager
async def open_stage(
    home: Home,
    ports: Ports,
    *,
    block_ms: int,
    say: Callable[[str], None],
    names: tuple[str, ...] = tuple(COMMANDS),
) -> AsyncIterator[Stage]:
    """Start everything, in order, and stop everything at the end; raises ServiceFailed with what
    to do. `names` are the casino's processes to run."""
    async with AsyncExitStack() as stack:
        home.open()
        stack.callback(home.close)
        say("starting PostgreSQL and Valkey")
        services = await asyncio.to_thread(
            start_services, home.services, environment=_given(), log=lambda _line: None
        )
        stack.callback(services.stop)
        say("starting the local TON chain")
        chain = LocalChain(port=ports.chain, store=home.chain, block_ms=block_ms)
        await asyncio.to_thread(chain.start)
        stack.callback(chain.stop)
        environment = environment_of(
            home.secrets(), ports, chain.url, services.database_url, services.redis_url
        )
        processes = CasinoProcesses(home, environment)
        say("bringing the database to its schema")
        await asyncio.to_thread(processes.run, "-m", "alembic", "upgrade", "head")
        await asyncio.to_thread(processes.run, "-m", "payments.signer", "address")
        database = Database(services.database_url, connections_max=4)
        stack.push_async_callback(database.close)
        rpc = Toncenter(url=chain.url, api_key="", requests_per_second=500)
        stack.push_async_callback(rpc.close)
        bar = WorldBar(database=database, chain=chain, rpc=rpc, processes=processes, people=PLAYERS)
        say("giving coins to the house and its players")
        await quote_rates(database)
        await point_explorer(database, chain)
        await fund_house(database, chain, rpc)
        await count_bankroll(database)
        await fund_people(chain, [bar.address_of(person) for person in PLAYERS])
        await hire(database, owner=OWNER, payments=PAYMENTS)
        say("opening the local Telegram")
        await _serve_telegram(stack, home, ports, bar)
        say(f"starting the casino: {', '.join(names)}")
        stack.callback(processes.stop)
        await asyncio.to_thread(processes.start, *names)
        stage = Stage(home, ports, environment, chain, processes, database, bar)
        await _until_ready(stage, names)
        nursery = await stack.enter_async_context(Nursery())
        nursery.keep(lambda: _look_after(stage), name="look-after")
        yield stage


def environment_of(
    secrets: Secrets, ports: Ports, chain_url: str, database_url: str, redis_url: str
) -> dict[str, str]:
    """The settings of every process of this world; refuses addresses of real networks."""
    origin = f"http://127.0.0.1:{ports.page}"
    environment = {
        **base_environment(os.environ),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "VAULT_MASTER_KEYS": f"1:{secrets.vault_master_key}",
        "TELEGRAM_API_URL": origin,
        "TELEGRAM_PLAYER_BOT_TOKEN": PLAYERS_TOKEN,
        "TELEGRAM_PLAYER_BOT_NAME": "fairhouse_bot",
        "TELEGRAM_MODE": "polling",
        "TELEGRAM_WEBHOOK_SECRET": secrets.webhook_secret,
        "TELEGRAM_MINI_APP_URL": f"http://127.0.0.1:{ports.webapp}/",
        "ADMIN_BOT_TOKEN": OPERATORS_TOKEN,
        "ADMIN_WEBHOOK_SECRET": secrets.admin_webhook_secret,
        "ADMIN_OWNERS": str(OWNER),
        "ADMIN_APPROVAL_KEY": secrets.approval_key,
        "WEBAPP_HOST": "127.0.0.1",
        "WEBAPP_PORT": str(ports.webapp),
        "WEBAPP_TELEGRAM_PARENT_ORIGIN": origin,
        "TON_NETWORK": "testnet",
        "TON_TONCENTER_URL": chain_url,
        "TON_REQUESTS_PER_SECOND": "200",
        "TON_POLL_SECONDS": "1",
        "RECEIPTS_SIGNING_KEY": secrets.receipts_key,
        "SIGNER_TON_KEY_SEED": secrets.hot_wallet_key,
        "SIGNER_BTC_ETH_KEY_ENTROPY": secrets.btc_eth_entropy,
        "SIGNER_APPROVAL_PUBLIC_KEY": secrets.approval_public_key,
        "TELEMETRY_JSON_LOGS": "true",
    }
    for name, text in environment.items():
        if any(real in text for real in MAINNET):
            raise ServiceFailed(f"{name} names a real network: the sandbox never leaves here")
    return environment


def _given() -> dict[str, str]:
    return {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}


async def _serve_telegram(stack: AsyncExitStack, home: Home, ports: Ports, bar: WorldBar) -> None:
    app = build_app(world=default_world(), store=home.telegram, feed=bar)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, "127.0.0.1", ports.page).start()
    except OSError as error:
        raise ServiceFailed(
            f"Port {ports.page} is taken ({error.strerror}). Choose another: DEMO_PORT=9000."
        ) from error


async def _until_ready(stage: Stage, names: tuple[str, ...]) -> None:
    """Wait for the webapp to say that it is ready and for both bots to ask for updates."""
    deadline = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession() as http:
        while not await _ready(http, stage, names):
            stage.processes.look_after()
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"The casino was not ready after {READY_SECONDS} s.\n"
                    + last_words(stage.processes, names)
                )
            await asyncio.sleep(0.2)


async def _ready(http: aiohttp.ClientSession, stage: Stage, names: tuple[str, ...]) -> bool:
    if "webapp" in names:
        try:
            async with http.get(f"{stage.webapp_url}/readyz") as answer:
                if answer.status != 200:
                    return False
        except aiohttp.ClientError:
            return False
    asked = set()
    for name, token in (("bot", PLAYERS_TOKEN), ("admin_bot", OPERATORS_TOKEN)):
        if name in names:
            asked.add(token.partition(":")[0])
    if not asked:
        return True
    async with http.get(f"{stage.page_url}sim/calls", params={"method": "deleteWebhook"}) as answer:
        calls = (await answer.json())["calls"]
    return asked <= {str(call["bot"]) for call in calls}


async def _look_after(stage: Stage) -> None:
    quoted = time.monotonic()
    while True:
        stage.processes.look_after()
        if time.monotonic() - quoted > RATES_EVERY_SECONDS:
            quoted = time.monotonic()
            try:
                await quote_rates(stage.database)
            except (OSError, OutsideError):
                quoted = 0.0
        await asyncio.sleep(1)
