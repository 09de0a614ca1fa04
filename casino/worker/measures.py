"""Gauges that come from tables: what waits, and what games really return."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from prometheus_client import Gauge
from sqlalchemy import func, select

from casino import outbox, rates
from casino.betting.abandoned import ABANDONED_AFTER
from casino.betting.tables import RoundRow
from casino.cashier.tables import WithdrawalRow
from casino.ids import first_id_at
from casino.money import Asset
from casino.telemetry import outbox_oldest_seconds, withdrawals_waiting

if TYPE_CHECKING:
    from casino.db import Database

# The watcher, which knows the payouts under way, counts `assigned`, `signed` and `broadcast`.
WAITING = ("requested", "in_review", "approved", "dead")
RTP_OVER = timedelta(hours=24)

rtp_actual = Gauge(
    "rtp_actual", "Payouts over stakes of the rounds settled in the last 24 hours", ["game"]
)


async def measure(database: Database, _now: datetime) -> None:
    """Set the gauges of what waits."""
    async with database.transaction() as session:
        outbox_oldest_seconds.set(await outbox.oldest_seconds(session))
        rows = await session.execute(
            select(WithdrawalRow.status, func.count())
            .where(WithdrawalRow.status.in_(WAITING))
            .group_by(WithdrawalRow.status)
        )
        waiting = {str(status): int(count) for status, count in rows}
    for status in WAITING:
        withdrawals_waiting.labels(status=status).set(waiting.get(status, 0))


async def measure_rtp(database: Database, now: datetime) -> None:
    """Set what each game returned of its stakes; assets are added up at today's rates."""
    for game, share in (await actual_rtp(database, now=now)).items():
        # A gauge shows a share to people; nothing is decided by it.
        rtp_actual.labels(game=game).set(share.numerator / share.denominator)


async def actual_rtp(database: Database, *, now: datetime) -> dict[str, Fraction]:
    """Payouts over stakes by game, of rounds settled within 24 hours before `now`."""
    since = now - RTP_OVER
    async with database.transaction() as session:
        quoted = await rates.latest(session)
        rows = await session.execute(
            select(
                RoundRow.game, RoundRow.asset, func.sum(RoundRow.stake), func.sum(RoundRow.payout)
            )
            .where(
                # No round is open much longer than this before it is closed.
                RoundRow.id >= first_id_at(since - 2 * ABANDONED_AFTER),
                RoundRow.status == "settled",
                RoundRow.settled_at >= since,
                RoundRow.settled_at < now,
            )
            .group_by(RoundRow.game, RoundRow.asset)
        )
        sums: dict[str, tuple[int, int]] = {}
        for game, code, stakes, payouts in rows:
            rate = quoted.get(Asset.from_code(code))
            if rate is None:
                continue
            staked, paid = sums.get(game, (0, 0))
            sums[game] = (
                staked + rate.to_reference(int(stakes)),
                paid + rate.to_reference(int(payouts)),
            )
    return {game: Fraction(paid, staked) for game, (staked, paid) in sums.items()}
