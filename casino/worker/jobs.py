"""What has to be done from time to time; each job may run twice without harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

from casino.ledger import alerts, marks, totals
from casino.players import logins
from casino.worker import proofs

if TYPE_CHECKING:
    from datetime import datetime

    from casino.db import Database
    from casino.worker.proofs import Proofs

log = structlog.get_logger(__name__)

MONTHS_AHEAD = 3


async def roll_up(database: Database, now: datetime) -> None:
    """Move the cached balances of the house on, behind the oldest running transaction."""
    async with database.transaction() as session:
        behind = await marks.settled_before(session, now=now)
        await totals.roll_up(session, upto=behind)
        await totals.fold_lanes(session)


async def prove_books(database: Database, now: datetime) -> None:
    """Prove what is new in the book and what is open now; tell staff of a fault once for each
    state of it, again while it stands, and when it is over."""
    await _tell(database, "book", await proofs.prove_new(database, now=now), now)


async def prove_history(database: Database, now: datetime) -> None:
    """Prove rounds and limit counters, and tell staff in the same way."""
    await _tell(database, "history", await proofs.prove_history(database, now=now), now)


async def _tell(database: Database, proof: str, found: Proofs, now: datetime) -> None:
    content = found.alert()
    if content is not None:
        log.error("proof.unsound", proof=proof, **content)
    async with database.transaction() as session:
        told = await alerts.tell(session, proof=proof, content=content, now=now)
    if told == alerts.SOUND_AGAIN:
        log.info("proof.sound_again", proof=proof)


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
