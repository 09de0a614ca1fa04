"""`python -m casino.worker`: run the schedule; one worker is active, others wait for the lock.

`python -m casino.worker house-key` prints the public part of the key that signs receipts, and
`python -m casino.worker prove` proves the whole house once and prints what it found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from casino.betting.abandoned import keep_closing
from casino.betting.floor import open_floor
from casino.betting.receipt_roots import HouseKey
from casino.clock import utc_now
from casino.config import (
    DatabaseSettings,
    MoneySettings,
    ReceiptsSettings,
    TelemetrySettings,
    WorkerSettings,
)
from casino.db import Database
from casino.election import lead
from casino.ledger.progress import Progress
from casino.nursery import Nursery
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from casino.vault import Vault
from casino.worker.proofs import prove_all
from casino.worker.schedule import SCHEDULE
from casino.worker.signing import keep_signing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

log = structlog.get_logger(__name__)


async def main() -> None:
    """Run until SIGTERM or SIGINT."""
    key = _house_key()
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url, connections_max=4)
    await require_fit(database, real_money=MoneySettings().real_money)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        async with Nursery() as nursery:
            nursery.keep(
                lambda: lead(database.dsn, role="worker", work=lambda: work(database, key)),
                name="worker",
            )
            await stop.wait()
    finally:
        await database.close()


async def work(database: Database, key: HouseKey) -> None:
    """Run every job of the schedule at once and then at its pace, and sign receipts, until
    cancelled."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for row in SCHEDULE:
        scheduler.add_job(
            run_job,
            "interval",
            seconds=row.every.total_seconds(),
            args=[database, row.job],
            id=row.job.__name__,
            next_run_time=utc_now(),
            max_instances=1,
            coalesce=True,
        )
    scheduler.start()
    try:
        async with Nursery() as nursery:
            nursery.keep(lambda: keep_signing(database, key), name="receipts")
            nursery.keep(lambda: close_rounds(database, WorkerSettings()), name="rounds")
            await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


async def close_rounds(database: Database, settings: WorkerSettings) -> None:
    """End abandoned rounds on a floor of our own, until cancelled."""
    keys = settings.vault_master_keys.get_secret_value()
    if not keys:
        log.warning("rounds.left_open", advice="give the worker VAULT_MASTER_KEYS")
        await asyncio.Event().wait()
    vault = Vault.from_text(keys)
    async with open_floor(database.dsn, vault, step_games=settings.step_games, lanes=1) as floor:
        await keep_closing(database, floor)


async def prove() -> int:
    """Prove everything once, with progress on the error stream; returns the exit code."""
    database = Database(DatabaseSettings().url, connections_max=4)
    try:
        found = await prove_all(database, now=utc_now(), progress=Progress(sys.stderr))
    finally:
        await database.close()
    print(json.dumps(found.as_json(), indent=2))  # noqa: T201
    return 0 if found.sound else 1


async def run_job(database: Database, job: Callable[[Database, datetime], Awaitable[None]]) -> None:
    """Run one job; the scheduler logs what it raises and the next run tries again."""
    await job(database, utc_now())
    log.debug("job.done", job=job.__name__)


def show_house_key() -> None:
    """Print what players need in order to check receipts."""
    key = _house_key()
    print(json.dumps({"key_id": key.key_id, "public_key": key.public_key.hex()}))  # noqa: T201


def _house_key() -> HouseKey:
    return HouseKey.from_text(ReceiptsSettings().signing_key.get_secret_value())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m casino.worker", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["house-key", "prove"])
    match parser.parse_args().command:
        case "house-key":
            show_house_key()
        case "prove":
            sys.exit(asyncio.run(prove()))
        case _:
            asyncio.run(main())
