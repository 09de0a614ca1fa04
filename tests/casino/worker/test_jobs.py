"""Every scheduled job runs twice without harm, and does what it is for."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from casino.clock import utc_now
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.worker import jobs
from casino.worker.schedule import SCHEDULE
from tests.factories import TON, open_house, ready_player


@pytest.mark.parametrize("row", SCHEDULE, ids=lambda row: row.job.__name__)
async def test_every_job_runs_twice(db, row):
    await row.job(db, utc_now())
    await row.job(db, utc_now())


async def test_roll_up_counts_each_transfer_once(db):
    async with db.transaction() as session:
        await open_house(session, bankroll_units=1000 * TON)
    await ready_player(db, units=7 * TON)
    later = utc_now() + jobs.ROLL_UP_BEHIND + timedelta(seconds=1)
    for _ in range(3):
        await jobs.roll_up(db, later)
        async with db.transaction() as session:
            rolled = await session.scalar(
                text("SELECT sum(balance) FROM house_rollups WHERE asset = 1 AND account = :a"),
                {"a": int(Account.HOUSE_CAPITAL)},
            )
            live = await totals.account_balance(session, Account.HOT_WALLET_TON, Asset.TON)
        assert live == -1007 * TON
    assert rolled in (None, 1000 * TON)


async def test_staff_are_told_when_the_books_do_not_balance(db):
    await ready_player(db)
    await jobs.prove_books(db, utc_now())
    async with db.transaction() as session:
        assert await _alerts(session) == 0
        await session.execute(text("UPDATE wallets SET cash = cash + 1 WHERE cash > 0"))
    for _ in range(3):
        await jobs.prove_books(db, utc_now())
    async with db.transaction() as session:
        assert await _alerts(session) == 1
        await session.execute(text("UPDATE wallets SET cash = cash + 1 WHERE cash > 0"))
    await jobs.prove_books(db, utc_now())
    async with db.transaction() as session:
        assert await _alerts(session) == 2


async def _alerts(session):
    return await session.scalar(text("SELECT count(*) FROM outbox WHERE kind = 'alert.ledger'"))
