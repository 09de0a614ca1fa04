"""Months: made ahead, crossed without losing an idempotency key, and put away."""

import hashlib
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from casino import audit, rates
from casino.betting.floor import open_floor
from casino.clock import utc_now
from casino.errors import IdempotencyConflict
from casino.ids import first_id_at, is_reference, moment_of
from casino.ledger import journal, totals
from casino.ledger.__main__ import main
from casino.ledger.partitions import MonthNeeded, after, detach, month_of
from casino.ledger.reconcile import reconcile, reconcile_all
from casino.ledger.replay import replay
from casino.money import Asset
from casino.worker import jobs
from games.registry import STEPS
from tests.casino.ledger.books import bet, release, reserve, roll_up_anew, run, scalar
from tests.factories import TON, VAULT, fund, make_player, ready_house

NEXT_ID = """
CREATE OR REPLACE FUNCTION next_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT ((extract(epoch FROM clock_timestamp() + interval '{seconds} seconds') * 1000)::bigint
          - 1735689600000) << 22 | (nextval('id_sequence') & 4194303)
$$
"""


class Time:
    """Takes a database and a floor's clock to another moment; there time goes on."""

    def __init__(self, database):
        self._database = database
        self._ahead = timedelta()

    def now(self) -> datetime:
        return utc_now() + self._ahead

    async def go(self, moment: datetime) -> None:
        self._ahead = moment - utc_now()
        seconds = self._ahead // timedelta(seconds=1)
        await run(self._database, NEXT_ID.format(seconds=seconds))
        async with self._database.transaction() as session:
            for asset, price in ((Asset.TON, 3), (Asset.USDT, 900)):
                await rates.quote(
                    session, asset=asset, numerator=price, denominator=1000, now=self.now()
                )

    def reference(self) -> str:
        """A UUIDv7 of this time."""
        milliseconds = int(self.now().timestamp() * 1000)
        digits = f"{milliseconds:012x}7{hashlib.sha256(str(milliseconds).encode()).hexdigest()}"
        made = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-8{digits[17:20]}-{digits[20:32]}"
        assert is_reference(made)
        return made


@pytest.fixture
def time(db) -> Time:
    return Time(db)


def floor_at(db, time: Time):
    return open_floor(db.dsn, VAULT, step_games=STEPS, clock=time.now)


async def player_with_cash(db, time: Time):
    async with db.transaction() as session:
        player_id = await make_player(session, now=time.now())
        await fund(session, player_id, 100 * TON)
    return player_id


async def cash(db, player_id):
    async with db.transaction() as session:
        return (await journal.balances(session, player_id))[Asset.TON].cash


def first_of(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize(
    "edge",
    [first_of(utc_now()) + timedelta(days=32), datetime(utc_now().year + 1, 1, 1, tzinfo=UTC)],
    ids=["next month", "december to january"],
)
async def test_a_key_of_last_month_gives_the_stored_answer_this_month(db, time, edge):
    edge = first_of(edge)
    await ready_house(db)
    await jobs.make_partitions(db, edge)
    await time.go(edge - timedelta(minutes=10))
    player_id = await player_with_cash(db, time)
    reference = time.reference()
    async with floor_at(db, time) as floor:
        first = await bet(floor, player_id, reference=reference)
        stands = await cash(db, player_id)
        assert moment_of(first.answer.id) < edge
        await time.go(edge + timedelta(minutes=10))
        again = await bet(floor, player_id, reference=reference)
        assert again.replayed
        assert again.answer == first.answer
        with pytest.raises(IdempotencyConflict):
            await bet(floor, player_id, stake=2 * TON, reference=reference)
        assert await cash(db, player_id) == stands
        fresh = await bet(floor, player_id, reference=time.reference())
        assert moment_of(fresh.answer.id) >= edge
    parts = await scalar(
        db,
        "SELECT string_agg(part, ' ' ORDER BY part) FROM (SELECT DISTINCT"
        " tableoid::regclass::text AS part FROM transfers WHERE player_id = :player AND kind = 1) t",
        player=player_id,
    )
    before = after(edge.date(), -1)
    assert parts == f"transfers_p{before:%Y_%m} transfers_p{edge:%Y_%m}"


async def test_a_round_opened_last_month_is_ended_this_month(db, time):
    edge = first_of(utc_now() + timedelta(days=32))
    await ready_house(db)
    await time.go(edge - timedelta(minutes=1))
    player_id = await player_with_cash(db, time)
    async with floor_at(db, time) as floor:
        opened = await floor.open_round(
            player_id=player_id,
            game=STEPS["mines"],
            asset=Asset.TON,
            stake=TON,
            choice={"mines": 3},
            reference=time.reference(),
        )
        await time.go(edge + timedelta(minutes=1))
        reference = time.reference()
        ended = [
            await floor.cash_out(
                player_id=player_id, round_id=opened.answer.id, reference=reference
            )
            for _ in range(2)
        ]
    assert [one.answer.payout for one in ended] == [TON, TON]
    assert [one.replayed for one in ended] == [False, True]
    assert await cash(db, player_id) == 100 * TON


async def test_play_goes_on_while_the_job_that_makes_months_is_dead_for_two(db, time):
    await ready_house(db)
    await jobs.make_partitions(db, utc_now())
    await time.go(first_of(utc_now() + timedelta(days=63)) + timedelta(hours=1))
    player_id = await player_with_cash(db, time)
    async with floor_at(db, time) as floor:
        played = await bet(floor, player_id, reference=time.reference())
    assert moment_of(played.answer.id) > utc_now() + timedelta(days=30)


async def test_months_are_made_ahead_over_the_end_of_the_year(db):
    await jobs.make_partitions(db, datetime(2031, 11, 30, 23, 59, 59, tzinfo=UTC))
    made = await scalar(
        db,
        "SELECT string_agg(right(c.relname, 7), ' ' ORDER BY c.relname) FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'transfers'::regclass AND c.relname > 'transfers_p2031'",
    )
    assert made == "2031_11 2031_12 2032_01 2032_02"


# --- putting a month away -------------------------------------------------------------------------


async def an_old_month(db, time: Time) -> tuple[date, int]:
    """A house that played four months ago, and in the month after, and now."""
    now = utc_now()
    old = after(now.date().replace(day=1), -4)
    await jobs.make_partitions(db, datetime(old.year, old.month, 1, tzinfo=UTC))
    await time.go(datetime(old.year, old.month, 20, tzinfo=UTC))
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM rates"))
    await time.go(datetime(old.year, old.month, 20, tzinfo=UTC))
    await ready_house(db)
    player_id = await player_with_cash(db, time)
    async with floor_at(db, time) as floor:
        for _ in range(4):
            await bet(floor, player_id, reference=time.reference())
        await reserve(db, player_id, 7 * TON)
        await time.go(datetime(old.year, old.month, 28, tzinfo=UTC) + timedelta(days=10))
        for _ in range(3):
            await bet(floor, player_id, reference=time.reference())
        await time.go(now)
        await bet(floor, player_id, reference=time.reference())
        await release(db, player_id, 7 * TON)
    await roll_up_anew(db)
    return old, player_id


async def proven(db) -> None:
    async with db.transaction() as session:
        report = await reconcile(session)
    assert report.sound, report
    assert (await reconcile_all(db, now=utc_now())).sound
    connection = await asyncpg.connect(db.dsn)
    try:
        outcome = await replay(connection)
    finally:
        await connection.close()
    assert outcome.sound, outcome.faults
    assert outcome.house == report.house


async def test_a_detached_month_leaves_every_balance_and_sum_as_it_was(db, time):
    old, player_id = await an_old_month(db, time)
    await proven(db)

    async with db.transaction() as session:
        before = dict(await totals.by_kind(session, since=moment_of(0), until=utc_now()))
    rows = await scalar(db, "SELECT count(*) FROM transfers")
    detached = await detach(db, month=old, now=utc_now())
    assert {part.table for part in detached.parts} >= {
        f"{table}_p{old:%Y_%m}" for table in ("transfers", "bet_keys", "rounds")
    }
    (moved,) = (part.rows for part in detached.parts if part.table.startswith("transfers"))
    assert moved >= 8
    assert await scalar(db, "SELECT count(*) FROM transfers") == rows - moved
    assert await scalar(db, "SELECT min(id) FROM rounds") >= first_id_at(
        datetime(old.year, old.month, 28, tzinfo=UTC)
    )
    await proven(db)
    async with db.transaction() as session:
        now = dict(await totals.by_kind(session, since=moment_of(0), until=utc_now()))
    assert now == before
    # What is altered later is found as before, and so is an altered opening.
    await run(
        db,
        "UPDATE ledger_sums SET units = units + 1 WHERE player_id = :p AND kind = 20",
        p=player_id,
    )
    async with db.transaction() as session:
        assert not (await reconcile(session)).sound


async def test_the_next_month_follows_and_the_worker_goes_on_proving(db, time):
    old, _ = await an_old_month(db, time)
    await jobs.prove_books(db, utc_now())
    await detach(db, month=old, now=utc_now())
    await jobs.prove_books(db, utc_now())
    later = utc_now() + timedelta(days=31)
    await detach(db, month=after(old), now=later)
    await jobs.prove_books(db, later)
    assert await scalar(db, "SELECT count(*) FROM outbox WHERE kind LIKE 'alert.ledger%'") == 0
    await proven(db)


async def test_what_left_can_be_checked_against_the_audit_log(db, time):
    old, _ = await an_old_month(db, time)
    detached = await detach(db, month=old, now=utc_now())
    async with db.transaction() as session:
        (line,) = await audit.search(session, action="ledger.detached")
        assert (await audit.verify(session))[1] is None
    assert line.subject == f"month:{old:%Y-%m}"
    assert line.after["opens_after"] == detached.opens_after
    by_table = {part["table"]: part for part in line.after["parts"]}
    connection = await asyncpg.connect(db.dsn, server_settings={"timezone": "UTC"})
    try:
        table = f"transfers_p{old:%Y_%m}"
        digest = hashlib.sha256()

        async def take(chunk: bytes) -> None:
            digest.update(chunk)

        query = f"SELECT * FROM {table} ORDER BY entry_id, leg"
        await connection.copy_from_query(query, output=take)
        assert by_table[table]["sha256"] == digest.hexdigest()
        assert by_table[table]["rows"] == await connection.fetchval(f"SELECT count(*) FROM {table}")
    finally:
        await connection.close()


@pytest.mark.parametrize("back", [0, 1, 2])
async def test_recent_months_stay(db, back):
    month = after(utc_now().date().replace(day=1), -back)
    with pytest.raises(MonthNeeded, match="month_needed") as refusal:
        await detach(db, month=month, now=utc_now())
    assert "current month" in refusal.value.why


async def test_a_month_with_an_open_round_stays(db, time):
    old, player_id = await an_old_month(db, time)
    await time.go(datetime(old.year, old.month, 21, tzinfo=UTC))
    async with floor_at(db, time) as floor:
        opened = await floor.open_round(
            player_id=player_id,
            game=STEPS["mines"],
            asset=Asset.TON,
            stake=TON,
            choice={"mines": 3},
            reference=time.reference(),
        )
        await time.go(utc_now())
        with pytest.raises(MonthNeeded) as refusal:
            await detach(db, month=old, now=utc_now())
        assert "1 of its rounds" in refusal.value.why
        await floor.cash_out(
            player_id=player_id, round_id=opened.answer.id, reference=time.reference()
        )
    await roll_up_anew(db)
    await detach(db, month=old, now=utc_now())
    await proven(db)


async def test_a_month_that_is_not_rolled_up_stays(db, time):
    old, _ = await an_old_month(db, time)
    await run(db, "DELETE FROM house_rollups")
    with pytest.raises(MonthNeeded) as refusal:
        await detach(db, month=old, now=utc_now())
    assert "roll-ups" in refusal.value.why


async def test_the_oldest_month_goes_first_and_once(db, time):
    old, _ = await an_old_month(db, time)
    later = utc_now() + timedelta(days=31)
    with pytest.raises(MonthNeeded) as refusal:
        await detach(db, month=after(old), now=later)
    assert f"{old:%Y-%m} is older" in refusal.value.why
    await detach(db, month=old, now=later)
    with pytest.raises(MonthNeeded) as refusal:
        await detach(db, month=old, now=later)
    assert "no table has it" in refusal.value.why


async def test_a_reader_at_work_is_waited_for_and_nobody_fails(db, time, monkeypatch):
    old, _ = await an_old_month(db, time)
    monkeypatch.setattr("casino.ledger.partitions.LOCK_TRIES", 1)
    async with db.transaction() as session:
        await session.execute(text("SELECT count(*) FROM transfers"))
        with pytest.raises(MonthNeeded) as refusal:
            await detach(db, month=old, now=utc_now())
    assert "quiet hour" in refusal.value.why
    await proven(db)
    await detach(db, month=old, now=utc_now())


async def test_an_unsound_book_loses_no_month(db, time, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", db.url)
    old, _ = await an_old_month(db, time)
    await run(db, "UPDATE wallets SET bonus = bonus + 1")
    assert await main(["detach", f"{old:%Y-%m}"]) == 1
    assert "nothing was detached" in capsys.readouterr().err
    await run(db, "UPDATE wallets SET bonus = bonus - 1")
    assert await main(["detach", f"{old:%Y-%m}"]) == 0
    assert f"transfers_p{old:%Y_%m}" in capsys.readouterr().out
    assert await main(["detach", f"{old:%Y-%m}"]) == 1
    assert "stays" in capsys.readouterr().err


def test_months_are_counted_over_the_year():
    assert after(date(2026, 12, 1)) == date(2027, 1, 1)
    assert after(date(2026, 2, 1), -3) == date(2025, 11, 1)
    assert month_of("2026-02") == date(2026, 2, 1)
