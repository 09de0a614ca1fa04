"""Which job runs how often, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from casino.worker import jobs, measures

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from casino.db import Database


@dataclass(frozen=True, slots=True)
class Row:
    """A job and the pause between its starts; a run that is still going is not started again."""

    job: Callable[[Database, datetime], Awaitable[None]]
    every: timedelta


SCHEDULE = (
    Row(jobs.roll_up, timedelta(seconds=5)),
    Row(measures.measure, timedelta(seconds=15)),
    Row(jobs.prove_books, timedelta(minutes=1)),
    Row(measures.measure_rtp, timedelta(minutes=5)),
    Row(jobs.clear_logins, timedelta(hours=1)),
    Row(jobs.make_partitions, timedelta(hours=6)),
    Row(jobs.prove_history, timedelta(days=1)),
)
