"""What has to be done from time to time; each job may run twice without harm."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select, text

from casino import outbox
from casino.ledger import reconcile, totals
from casino.outbox import OutboxRow
from casino.players import logins
from casino.telemetry import outbox_oldest_seconds, withdrawals_waiting

if TYPE_CHECKING:
    from datetime import datetime

    from casino.db import Database

log = structlog.get_logger(__name__)

# Entries younger than this may belong to transactions that still run, so a roll-up stays behind.
ROLL_UP_BEHIND = timedelta(seconds=15)
MONTHS_AHEAD = 3
UNSOUND = "alert.ledger"
OPEN_STATUSES = ("requested", "in_review", "approved", "assigned", "signed", "broadcast", "dead")


async def roll_up(database: Database, now: datetime) -> None:
    """Move the cached balances of the house on, behind the oldest running transaction."""
    async with database.transaction() as session:
        oldest = await session.scalar(
            text(
                "SELECT min(xact_start) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                "   AND backend_type = 'client backend'"
            )
        )
        behind = min(now, oldest or now) - ROLL_UP_BEHIND
        await totals.roll_up(session, upto=behind)


async def prove_books(database: Database, now: datetime) -> None:
    """Reconcile wallets with transfers; tell staff of a fault once for each state of it."""
    async with database.transaction() as session:
        report = await reconcile.reconcile(session)
    if report.sound:
        return
    log.error("ledger.unsound", differences=len(report.differences), sums=dict(report.sums))
    payload = {
        "sums": {asset: units for asset, units in report.sums.items() if units},
        "differences": len(report.differences),
        "transfers_without_key": report.transfers_without_key,
    }
    async with database.transaction() as session:
        told = await session.scalar(
            select(OutboxRow.payload)
            .where(OutboxRow.kind == UNSOUND)
            .order_by(OutboxRow.id.desc())
            .limit(1)
        )
        if told is None or {**told, "at": None} != {**payload, "at": None}:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=0,
                kind=UNSOUND,
                payload={**payload, "at": now.isoformat()},
            )


async def make_partitions(database: Database, now: datetime) -> None:
    """Have the partitions of this month and the next ones ready."""
    async with database.transaction() as session:
        made = await session.scalar(
            text(
                "SELECT sum(make_month((date_trunc('month', CAST(:now AS timestamptz)"
                " AT TIME ZONE 'UTC') + n * interval '1 month')::date))"
                " FROM generate_series(0, :ahead) n"
            ).bindparams(now=now, ahead=MONTHS_AHEAD)
        )
    if made:
        log.info("partitions.made", count=made)


async def clear_logins(database: Database, now: datetime) -> None:
    """Forget logins and tickets that ended long ago."""
    async with database.transaction() as session:
        await logins.clear_old(session, now=now)


async def measure(database: Database, _now: datetime) -> None:
    """Set the gauges that come from tables."""
    async with database.transaction() as session:
        outbox_oldest_seconds.set(await outbox.oldest_seconds(session))
        rows = await session.execute(
            text(
                "SELECT status, count(*) FROM withdrawals WHERE status = ANY(:open) GROUP BY status"
            ).bindparams(open=list(OPEN_STATUSES))
        )
        waiting = {str(row[0]): int(row[1]) for row in rows}
    for status in OPEN_STATUSES:
        withdrawals_waiting.labels(status=status).set(waiting.get(status, 0))
