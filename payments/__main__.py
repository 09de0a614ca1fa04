"""`python -m payments watcher | sender`: one of the two processes that talk to chains.

`python -m payments delegate` shows and deploys the contract that sweeps on Ethereum.

`python -m payments keys ...` becomes the signer's process, which this one must never load."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvloop

from casino.config import DatabaseSettings, MoneySettings, TelemetrySettings
from casino.db import Database
from casino.election import lead
from casino.nursery import Nursery
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from payments import delegate_command
from payments.builds_btc import build_btc_reconciler
from payments.builds_ton import toncenter
from payments.config import TonSettings
from payments.follower import Follower
from payments.registry import AUDITS, CHAINS, DESKS, FOLLOWED, SEARCHES, SWEEPERS
from payments.sender import Sender
from payments.settler import Settler
from payments.token_watch import TokenWatch
from payments.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from payments.desks.desk import Desk
    from payments.registry import LoopEntry

CONNECTIONS_MAX = 4


def main() -> None:
    """Read the command line and run the process that it names."""
    if sys.argv[1:2] == ["keys"]:
        command = [sys.executable, "-m", "payments.signer", *sys.argv[1:]]
        os.execv(sys.executable, command)  # noqa: S606 - our own interpreter and module
    parser = argparse.ArgumentParser(prog="payments", description=__doc__)
    parser.add_argument("process", choices=["watcher", "sender", "delegate", "keys"])
    parser.add_argument("--deploy", action="store_true", help="of delegate: put it on the chain")
    given = parser.parse_args()
    if given.process == "delegate":
        sys.exit(asyncio.run(delegate_command.show(deploy=given.deploy)))
    uvloop.run(run(given.process))


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
        loops = sending(database) if process == "sender" else watching(database)
        for loop in loops:
            stack.push_async_callback(loop.close)
        await stack.enter_async_context(nursery)
        for loop in loops:
            nursery.keep(
                functools.partial(lead, database.dsn, role=loop.role, work=loop.work),
                name=loop.role,
            )
        await stopping.wait()


@dataclass(frozen=True, slots=True)
class Loop:
    """Work that one process at a time does, elected by its role, and the connection it needs."""

    role: str
    work: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def watching(database: Database) -> list[Loop]:
    """What reads the chains: watchers and followers of what comes in, settlers of what went out."""
    settings = TonSettings()
    rpc = toncenter(settings)
    loops = []
    for entry in CHAINS:
        chain = entry.build(settings, rpc)
        if chain is not None:
            watcher = Watcher(
                database, chain, entry.rails, settings.poll_seconds, entry.offer(settings)
            )
            loops.append(Loop(f"watcher:{entry.name}", watcher.run, chain.close))
    for followed_entry in FOLLOWED:
        followed = followed_entry.build()
        if followed is None:
            continue
        role = f"watcher:{followed.chain.name}"
        loops.append(Loop(role, Follower(database, followed).run, followed.chain.close))
        if followed.tokens is not None:
            tokens = TokenWatch(database, followed.tokens, followed.rail)
            loops.append(Loop(f"{role}:tokens", tokens.run, followed.tokens.close))
    for name, desk in _desks(database):
        settler = Settler(database, desk, settings.poll_seconds)
        loops.append(Loop(f"settler:{name}", settler.run, desk.close))
    reconciler = build_btc_reconciler(database)
    if reconciler is not None:
        loops.append(Loop("reconciler:bitcoin", reconciler.run, reconciler.close))
    loops += _others("search", SEARCHES, database)
    return loops + _others("audit", AUDITS, database)


def sending(database: Database) -> list[Loop]:
    """What hands bytes to the networks, and what plans moves of our own coins."""
    poll_seconds = TonSettings().poll_seconds
    loops = [
        Loop(f"sender:{name}", Sender(database, desk, poll_seconds).run, desk.close)
        for name, desk in _desks(database)
    ]
    return loops + _others("sweeper", SWEEPERS, database)


def _others(role: str, entries: Sequence[LoopEntry], database: Database) -> list[Loop]:
    """Loops of rails whose settings are there."""
    built = [(entry.name, entry.build(database)) for entry in entries]
    return [Loop(f"{role}:{name}", one[0].run, one[1]) for name, one in built if one is not None]


def _desks(database: Database) -> list[tuple[str, Desk]]:
    """The rails that pay out and whose settings are there."""
    found = ((entry.name, entry.build(database)) for entry in DESKS)
    return [(name, desk) for name, desk in found if desk is not None]


if __name__ == "__main__":
    main()
