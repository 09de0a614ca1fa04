"""`python -m casino.worker`: run the schedule; one worker is active, others wait for the lock."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from casino.clock import utc_now
from casino.config import DatabaseSettings, TelemetrySettings
from casino.db import Database
from casino.election import lead
from casino.nursery import Nursery
from casino.telemetry import configure_logs, serve_metrics
from casino.worker.schedule import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

log = structlog.get_logger(__name__)


async def main() -> None:
    """Run until SIGTERM or SIGINT."""
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    database = Database(DatabaseSettings().url, connections_max=4)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        async with Nursery() as nursery:
            nursery.keep(
                lambda: lead(database.dsn, role="worker", work=lambda: work(database)),
                name="worker",
            )
            await stop.wait()
    finally:
        await database.close()


async def work(database: Database) -> None:
    """Run every job of the schedule at once and then at its pace, until cancelled."""
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
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


async def run_job(database: Database, job: Callable[[Database, datetime], Awaitable[None]]) -> None:
    """Run one job; the scheduler logs what it raises and the next run tries again."""
    await job(database, utc_now())
    log.debug("job.done", job=job.__name__)


if __name__ == "__main__":
    asyncio.run(main())
