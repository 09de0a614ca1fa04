"""`python -m payments watcher | sender`: one of the two processes that talk to chains.

`python -m payments keys ...` becomes the signer's process, which this one must never load."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from casino.config import DatabaseSettings, MoneySettings, TelemetrySettings
from casino.db import Database
from casino.election import lead
from casino.nursery import Nursery
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from payments.config import TonSettings, TonWalletSettings
from payments.follower import Follower
from payments.registry import CHAINS, FOLLOWED, toncenter
from payments.sender import Sender
from payments.token_watch import TokenWatch
from payments.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from payments.chains.base import Chain
    from payments.follower import Followed
    from payments.registry import ChainEntry

CONNECTIONS_MAX = 4


def main() -> None:
    """Read the command line and run the process that it names."""
    if sys.argv[1:2] == ["keys"]:
        command = [sys.executable, "-m", "payments.signer", *sys.argv[1:]]
        os.execv(sys.executable, command)  # noqa: S606 - our own interpreter and module
    parser = argparse.ArgumentParser(prog="payments", description=__doc__)
    parser.add_argument("process", choices=["watcher", "sender", "keys"])
    asyncio.run(run(parser.parse_args().process))


async def run(process: str) -> None:
    """Work on every chain until asked to stop. Being cancelled is safe at any point: facts and
    cursor commit together, and bytes are stored before they are sent."""
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url, connections_max=CONNECTIONS_MAX)
    await require_fit(database, real_money=MoneySettings().real_money)
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        nursery = Nursery()
        settings = TonSettings()
        rpc = toncenter(settings)
        stack.push_async_callback(rpc.close)
        chains = [
            (entry, chain)
            for entry in CHAINS
            if (chain := entry.build(settings, rpc)) is not None
            and (entry.pays or process == "watcher")
        ]
        followed = _followed() if process == "watcher" else []
        for one in followed:
            stack.push_async_callback(one.chain.close)
            if one.tokens is not None:
                stack.push_async_callback(one.tokens.close)
        await stack.enter_async_context(nursery)
        for entry, chain in chains:
            role = f"{process}:{entry.name}"
            work = worker(process, database, entry, chain)
            nursery.keep(functools.partial(lead, database.dsn, role=role, work=work), name=role)
        for one in followed:
            role = f"{process}:{one.chain.name}"
            work = Follower(database, one).run
            nursery.keep(functools.partial(lead, database.dsn, role=role, work=work), name=role)
            if one.tokens is not None:
                role = f"{role}:tokens"
                work = TokenWatch(database, one.tokens, one.rail).run
                nursery.keep(functools.partial(lead, database.dsn, role=role, work=work), name=role)
        await stopping.wait()


def _followed() -> list[Followed]:
    """The chains of blocks whose settings are there."""
    return [one for entry in FOLLOWED if (one := entry.build()) is not None]


def worker(
    process: str, database: Database, entry: ChainEntry, chain: Chain
) -> Callable[[], Awaitable[None]]:
    """The loop of one process on one chain."""
    settings = TonSettings()
    if process == "watcher":
        offer = entry.offer(settings)
        return Watcher(database, chain, entry.rails, settings.poll_seconds, offer).run
    return Sender(
        database,
        chain,
        entry.rails,
        settings.poll_seconds,
        settings.watcher_lag_blocks_max,
        timedelta(seconds=TonWalletSettings().timeout_seconds),
    ).run


if __name__ == "__main__":
    main()
