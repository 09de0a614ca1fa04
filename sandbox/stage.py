"""The whole world in one go: servers, chain, local Telegram and the casino's own processes."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from casino.db import Database
from casino.errors import OutsideError
from casino.nursery import Nursery
from sandbox.capital import fund_house
from sandbox.casino_processes import COMMANDS, CasinoProcesses, base_environment, last_words
from sandbox.chains import LocalChains, Pace
from sandbox.explorer import Explorer
from sandbox.first_coins import deploy_tokens, fund_people
from sandbox.genesis import count_bankroll, hire, offer_rails, quote_rates
from sandbox.processes import ServiceFailed
from sandbox.purse import Purse
from sandbox.services import start_services
from sandbox.settings import (
    OWNER,
    HousePublicKeys,
    Ports,
    require_local,
    settings_of_chains,
    settings_of_house,
    settings_of_keys,
)
from sandbox.signer_role import SignerRole
from sandbox.telegram.app import build_app
from sandbox.telegram.world import OPERATORS_TOKEN, PLAYERS_TOKEN, default_world
from sandbox.world_bar import WorldBar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sandbox.first_coins import Tokens
    from sandbox.home import Home

PLAYERS = (1001, 1002)
PAYMENTS = 9002
SHOW_KEYS = ("-m", "payments.signer", "keys", "show", "--json")
READY_SECONDS = 300
RATES_EVERY_SECONDS = 1800


@dataclass(slots=True)
class Stage:
    """A running world."""

    home: Home
    ports: Ports
    environment: dict[str, str]
    chains: LocalChains
    tokens: Tokens
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
    pace: Pace,
    say: Callable[[str], None],
    names: tuple[str, ...] = tuple(COMMANDS),
    reroute: Callable[[dict[str, str]], Awaitable[None]] | None = None,
) -> AsyncIterator[Stage]:
    """Start everything, in order, and stop everything at the end; raises ServiceFailed with what
    to do. `names` are the casino's processes to run; `reroute` may change their settings, such as
    where they find their nodes."""
    async with AsyncExitStack() as stack:
        home.open()
        stack.callback(home.close)
        say("starting PostgreSQL and Valkey")
        services = await asyncio.to_thread(
            start_services, home.services, environment=_given(), log=lambda _line: None
        )
        stack.callback(services.stop)
        say("starting the local TON, Ethereum and Bitcoin")
        chains = LocalChains.of(
            home, ton=ports.ton, ethereum=ports.ethereum, bitcoin=ports.bitcoin, pace=pace
        )
        stack.push_async_callback(chains.close)
        stack.callback(chains.stop)
        await asyncio.to_thread(chains.start)
        signer_role = SignerRole(services.database_url)
        environment = {
            **base_environment(os.environ),
            **settings_of_keys(home.secrets()),
            **settings_of_house(
                home.secrets(),
                ports,
                database_url=services.database_url,
                signer_url=signer_role.url,
                redis_url=services.redis_url,
            ),
        }
        processes = CasinoProcesses(home, environment)
        keys = HousePublicKeys.read(
            await asyncio.to_thread(
                processes.run, "-m", "payments.signer", "keys", "show", "--json"
            )
        )
        say("deploying USDT on both chains")
        tokens = await deploy_tokens(chains, evm_hot=keys.evm_hot)
        environment |= settings_of_chains(
            chains,
            keys,
            token=tokens.usdt.address.checksummed,
            jetton=tokens.jetton.master.friendly(bounceable=True),
            jetton_wallet=(await tokens.jetton.wallet_of(keys.ton)).friendly(bounceable=True),
        )
        if reroute is not None:
            await reroute(environment)
        require_local(environment)
        say("bringing the database to its schema")
        await asyncio.to_thread(processes.run, "-m", "alembic", "upgrade", "head")
        await asyncio.to_thread(processes.run, "-m", "payments.signer", "address")
        database = Database(services.database_url, connections_max=4)
        stack.push_async_callback(database.close)
        await signer_role.admit(database)
        purses = {
            one: Purse.of(one, chains, usdt=tokens.usdt, jetton=tokens.jetton) for one in PLAYERS
        }
        bar = WorldBar(chains=chains, purses=purses, processes=processes)
        say("giving coins to the house and its players")
        await quote_rates(database)
        await offer_rails(database, explorer=f"http://127.0.0.1:{ports.page}/chain/")
        await fund_house(database, chains, tokens, keys)
        await count_bankroll(database)
        await fund_people(chains, tokens, purses.values())
        await hire(database, owner=OWNER, payments=PAYMENTS)
        say("opening the local Telegram")
        await _serve_telegram(stack, home, ports, bar, Explorer(chains))
        say(f"starting the casino: {', '.join(names)}")
        stack.callback(processes.stop)
        nursery = await stack.enter_async_context(Nursery())
        for name in ("ethereum", "bitcoin"):
            nursery.keep(partial(chains.keep_making_blocks, name), name=f"blocks.{name}")
        await asyncio.to_thread(processes.start, *names)
        stage = Stage(home, ports, environment, chains, tokens, processes, database, bar)
        await _until_ready(stage, names)
        nursery.keep(lambda: _look_after(stage), name="look-after")
        yield stage


def _given() -> dict[str, str]:
    return {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}


async def _serve_telegram(
    stack: AsyncExitStack, home: Home, ports: Ports, bar: WorldBar, explorer: Explorer
) -> None:
    app = build_app(world=default_world(), store=home.telegram, feed=bar)
    explorer.add_routes(app.router)
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
        if not stage.chains.running:
            await asyncio.to_thread(stage.chains.start)
        if time.monotonic() - quoted > RATES_EVERY_SECONDS:
            quoted = time.monotonic()
            try:
                await quote_rates(stage.database)
            except (OSError, OutsideError):
                quoted = 0.0
        await asyncio.sleep(1)
