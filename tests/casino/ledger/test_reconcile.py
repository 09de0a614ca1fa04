"""Whatever is altered by hand is found: in one go, in slices, and from where it was proven last."""

from datetime import timedelta

import pytest

from casino.clock import utc_now
from casino.ids import first_id_at
from casino.ledger import marks, totals
from casino.ledger.progress import Progress
from casino.ledger.reconcile import FULL_EVERY, reconcile, reconcile_all, reconcile_new
from tests.casino.ledger.books import bet, release, reserve, run, scalar, some_history

LATER = marks.SETTLES_IN  # as if the writers of this moment were long done

# What is done to a sound book, and where the report must name it.
DAMAGE = {
    "a wallet was raised": (
        "UPDATE wallets SET cash = cash + 1 WHERE player_id = :ann AND asset = 1",
        "differences",
    ),
    "a reservation was forgotten": (
        "UPDATE wallets SET cash = cash + reserved, reserved = 0 WHERE player_id = :ann",
        "differences",
    ),
    "a transfer was removed": (
        (
            "DELETE FROM transfers WHERE entry_id ="
            " (SELECT max(entry_id) FROM transfers WHERE player_id = :ann AND kind = 1)"
        ),
        "differences",
    ),
    "a transfer was raised": (
        (
            "UPDATE transfers SET amount = amount + 1 WHERE entry_id ="
            " (SELECT max(entry_id) FROM transfers WHERE player_id = :ann AND kind = 1) AND leg = 0"
        ),
        "differences",
    ),
    "a wallet was removed": (
        "DELETE FROM wallets WHERE player_id = :ann AND asset = 1",
        "differences",
    ),
    "a roll-up was raised": (
        "UPDATE house_rollups SET balance = balance + 1 WHERE account = 24 AND asset = 1",
        "house_differences",
    ),
    "a roll-up was removed": (
        "DELETE FROM house_rollups WHERE account = 24 AND asset = 1",
        "house_differences",
    ),
    "a live balance was raised": (
        "UPDATE house_lanes SET balance = balance + 1 WHERE account = 20",
        "house_differences",
    ),
    "live balances were removed": (
        "DELETE FROM house_lanes WHERE account = 21",
        "house_differences",
    ),
    "a key was removed": (
        "DELETE FROM bet_keys WHERE entry_id = (SELECT max(entry_id) FROM bet_keys)",
        "transfers_without_key",
    ),
}


async def in_one_go(db):
    async with db.transaction() as session:
        return await reconcile(session)


async def in_slices(db):
    return await reconcile_all(db, now=utc_now() + LATER, progress=Progress())


@pytest.mark.parametrize("prove", [in_one_go, in_slices])
@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_is_found(db, floor, prove, damage):
    ann, _ = await some_history(db, floor)
    assert (await prove(db)).sound
    statement, place = DAMAGE[damage]
    await run(db, statement, **({"ann": ann} if ":ann" in statement else {}))
    report = await prove(db)
    assert not report.sound
    assert report.as_json()[place]


async def test_the_report_names_player_asset_account_and_units(db, floor):
    ann, _ = await some_history(db, floor)
    await run(db, "UPDATE wallets SET held = 5 WHERE player_id = :ann AND asset = 2", ann=ann)
    (difference,) = (await in_slices(db)).differences
    assert (difference.player_id, difference.asset, difference.account) == (
        ann,
        "USDT",
        "player:held",
    )
    assert (difference.from_transfers, difference.in_wallet) == (0, 5)


async def test_slices_of_any_size_add_up_to_the_same(db, floor):
    await some_history(db, floor)
    upto = await marks.settled_entry(db, now=utc_now() + LATER)
    sums = []
    for rows in (1, 3, 1000):
        mark = await marks.copy_opening(db, name=f"slices of {rows}", now=utc_now())
        moved = await marks.advance(db, mark, upto=upto, slice_rows=rows)
        assert moved.upto == upto
        sums.append(
            await scalar(
                db,
                "SELECT string_agg(concat_ws('/', player_id, asset, kind, debit_account,"
                " credit_account, units), ' ' ORDER BY player_id, asset, kind, debit_account,"
                " credit_account) FROM ledger_sums WHERE mark_id = :mark",
                mark=mark.id,
            )
        )
    assert len(set(sums)) == 1
    assert sums[0]


async def test_a_proof_leaves_no_mark_behind(db, floor):
    await some_history(db, floor)
    await in_slices(db)
    assert await scalar(db, "SELECT string_agg(name, ' ') FROM ledger_marks") == "opening"
    assert await scalar(db, "SELECT count(*) FROM ledger_sums") == 0


async def test_a_new_proof_starts_where_the_last_one_ended(db, floor):
    ann, _ = await some_history(db, floor)
    now = utc_now() + LATER
    assert (await reconcile_new(db, now=now)).sound
    proven = await scalar(db, "SELECT upto_entry_id FROM ledger_marks WHERE name = 'proven'")
    assert proven == first_id_at(now - marks.SETTLES_IN) - 1
    # History that was proven is not read again before a day has passed ...
    await run(
        db,
        "UPDATE transfers SET amount = amount + 1 WHERE player_id = :ann AND kind = 20",
        ann=ann,
    )
    await bet(floor, ann)
    soon = now + timedelta(minutes=1)
    assert (await reconcile_new(db, now=soon)).sound
    assert await scalar(db, "SELECT upto_entry_id FROM ledger_marks WHERE name = 'proven'") > proven
    # ... and then it is.
    assert not (await reconcile_new(db, now=now + FULL_EVERY)).sound


async def test_what_is_new_is_held_against_the_wallets(db, floor):
    ann, bob = await some_history(db, floor)
    now = utc_now() + LATER
    assert (await reconcile_new(db, now=now)).sound
    await reserve(db, ann)
    await run(db, "UPDATE wallets SET cash = cash + 1 WHERE player_id = :bob", bob=bob)
    report = await reconcile_new(db, now=now + timedelta(minutes=1))
    assert {difference.player_id for difference in report.differences} == {bob}
    # Not proven, so the next proof begins no later.
    upto = await scalar(db, "SELECT upto_entry_id FROM ledger_marks WHERE name = 'proven'")
    assert upto == first_id_at(now - marks.SETTLES_IN) - 1
    await run(db, "UPDATE wallets SET cash = cash - 1 WHERE player_id = :bob", bob=bob)
    assert (await reconcile_new(db, now=now + timedelta(minutes=2))).sound


async def test_an_unsound_book_is_read_again_in_whole_within_the_hour(db, floor):
    ann, _ = await some_history(db, floor)
    now = utc_now() + LATER
    await run(
        db,
        "UPDATE transfers SET amount = amount + 1 WHERE player_id = :ann AND kind = 20",
        ann=ann,
    )
    assert not (await reconcile_new(db, now=now)).sound
    await run(
        db,
        "UPDATE transfers SET amount = amount - 1 WHERE player_id = :ann AND kind = 20",
        ann=ann,
    )
    assert not (await reconcile_new(db, now=now + timedelta(minutes=59))).sound
    assert (await reconcile_new(db, now=now + timedelta(minutes=61))).sound


async def test_a_writer_that_is_still_under_way_holds_the_mark_back(db, floor):
    ann, _ = await some_history(db, floor)
    now = utc_now() + LATER
    async with db.transaction() as session:
        await totals.roll_up(session, upto=utc_now())  # writes, and stays open
        behind = await marks.settled_entry(db, now=now)
    assert behind < await marks.settled_entry(db, now=now)
    await release(db, ann)
    assert (await in_slices(db)).sound


async def test_a_reader_holds_nothing_back(db, floor):
    await some_history(db, floor)
    now = utc_now()
    async with db.transaction() as session:
        await reconcile(session)
        assert await marks.settled_entry(db, now=now) == first_id_at(now - marks.SETTLES_IN) - 1
