"""Every scheduled job runs twice without harm, and does what it is for."""

import json
from datetime import timedelta
from fractions import Fraction

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from casino.betting.floor import open_floor
from casino.clock import utc_now
from casino.ledger import alerts, marks, totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.worker import __main__ as worker
from casino.worker import jobs, measures
from casino.worker.schedule import SCHEDULE
from games.registry import STEPS
from tests.casino.ledger.books import bet, start_mines
from tests.factories import TON, VAULT, open_house, ready_house, ready_player


@pytest.mark.parametrize("row", SCHEDULE, ids=lambda row: row.job.__name__)
async def test_every_job_runs_twice(db, row):
    await row.job(db, utc_now())
    await row.job(db, utc_now())


async def test_roll_up_counts_each_transfer_once(db):
    async with db.transaction() as session:
        await open_house(session, bankroll_units=1000 * TON)
    await ready_player(db, units=7 * TON)
    later = utc_now() + marks.SETTLES_IN + timedelta(seconds=1)
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


async def test_staff_are_told_of_each_state_again_after_an_hour_and_of_its_end(db):
    await ready_player(db)
    now = utc_now()
    await jobs.prove_books(db, now)
    assert await _alerts(db) == []
    await _raise_cash(db, 1)
    for minute in range(3):
        await jobs.prove_books(db, now + timedelta(minutes=minute))
    assert await _alerts(db) == [alerts.UNSOUND]
    await _raise_cash(db, 1)
    await jobs.prove_books(db, now + timedelta(minutes=4))
    assert await _alerts(db) == [alerts.UNSOUND] * 2
    await jobs.prove_books(db, now + timedelta(minutes=63))
    assert await _alerts(db) == [alerts.UNSOUND] * 2
    await jobs.prove_books(db, now + timedelta(minutes=64))
    assert await _alerts(db) == [alerts.UNSOUND] * 3
    await _raise_cash(db, -2)
    for minute in range(65, 67):
        await jobs.prove_books(db, now + timedelta(minutes=minute))
    assert await _alerts(db) == [alerts.UNSOUND] * 3 + [alerts.SOUND_AGAIN]
    await _raise_cash(db, 1)
    await jobs.prove_books(db, now + timedelta(minutes=67))
    assert (await _alerts(db))[-1] == alerts.UNSOUND


async def test_an_alert_says_which_proof_found_how_much(db):
    await ready_player(db)
    async with db.transaction() as session:
        await session.execute(text("UPDATE house_exposure SET open_units = 5 WHERE asset = 2"))
        await session.execute(text("UPDATE player_counters SET day_lost = 1, week_staked = 1"))
    await jobs.prove_books(db, utc_now())
    await jobs.prove_history(db, utc_now())
    async with db.transaction() as session:
        told = (await session.scalars(text("SELECT payload FROM outbox ORDER BY id"))).all()
    assert [(one["proof"], one["findings"]) for one in told] == [
        ("book", {"open rounds": 1}),
        ("history", {"limit counters": 2}),
    ]


async def _raise_cash(db, units):
    async with db.transaction() as session:
        await session.execute(
            text("UPDATE wallets SET cash = cash + :units WHERE asset = 1"), {"units": units}
        )


async def _alerts(db):
    async with db.transaction() as session:
        rows = await session.scalars(
            text("SELECT kind FROM outbox WHERE kind LIKE 'alert.ledger%' ORDER BY id")
        )
        return rows.all()


async def test_what_games_return_is_measured_over_a_day(db):
    await ready_house(db)
    player_id = await ready_player(db)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
        played = [await bet(floor, player_id) for _ in range(4)]
        await start_mines(floor, player_id)
    paid = sum(one.answer.payout for one in played)
    now = utc_now()
    assert await measures.actual_rtp(db, now=now) == {"dice": Fraction(paid, 4 * TON)}
    assert await measures.actual_rtp(db, now=now + timedelta(hours=25)) == {}
    await measures.measure_rtp(db, now)
    assert REGISTRY.get_sample_value("rtp_actual", {"game": "dice"}) == paid / (4 * TON)


async def test_everything_is_proven_by_hand(db, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", db.url)
    player_id = await ready_player(db)
    assert await worker.prove() == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sound"]
    assert [one["name"] for one in told["proofs"]] == [
        "open rounds",
        "reserved for withdrawals",
        "held deposits",
        "returned deposits",
        "deposits not final",
        "rounds",
        "limit counters",
        "deposit counters",
    ]
    async with db.transaction() as session:
        await session.execute(
            text("UPDATE player_counters SET month_deposited = 3 WHERE player_id = :player"),
            {"player": player_id},
        )
    assert await worker.prove() == 1
    assert not json.loads(capsys.readouterr().out)["sound"]
