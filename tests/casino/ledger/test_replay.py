"""A replay rebuilds every wallet in order, and finds what sums alone do not."""

import json

import asyncpg
import pytest

from casino.ledger import replay as replaying
from casino.ledger.__main__ import main
from casino.ledger.reconcile import reconcile
from casino.ledger.replay import replay
from tests.casino.ledger.books import release, reserve, run, some_history
from tests.factories import TON


async def replayed(db):
    connection = await asyncpg.connect(db.dsn)
    try:
        return await replay(connection)
    finally:
        await connection.close()


@pytest.mark.parametrize("page", [1, 2, 10_000])
async def test_a_sound_book_comes_out_as_it_stands(db, floor, page, monkeypatch):
    monkeypatch.setattr(replaying, "FETCH_ROWS", page)
    await some_history(db, floor)
    outcome = await replayed(db)
    assert outcome.sound
    async with db.transaction() as session:
        report = await reconcile(session)
    assert outcome.house == report.house
    assert outcome.wallets == 6  # two players, three assets
    assert outcome.transfers > 14


@pytest.mark.parametrize("column", ["cash", "bonus", "reserved", "held", "deficit"])
async def test_every_column_of_a_wallet_is_compared(db, floor, column):
    ann, _ = await some_history(db, floor)
    await run(
        db,
        f"UPDATE wallets SET {column} = {column} + 3 WHERE player_id = :ann AND asset = 2",
        ann=ann,
    )
    outcome = await replayed(db)
    (fault,) = outcome.faults
    assert (fault.player_id, fault.asset, fault.column, fault.entry_id) == (
        ann,
        "USDT",
        column,
        None,
    )
    assert fault.stored - fault.replayed == 3


async def test_a_balance_below_zero_on_the_way_is_found_though_the_sums_agree(db, floor):
    ann, _ = await some_history(db, floor)
    taken = await reserve(db, ann, 2 * TON)
    given = await release(db, ann, 3 * TON)
    # The release comes first now: three were released when one was reserved.
    await run(
        db,
        "UPDATE transfers SET debit_account = credit_account, credit_account = debit_account,"
        " amount = CASE entry_id WHEN :taken THEN 3000000000 ELSE 2000000000 END,"
        " kind = CASE entry_id WHEN :taken THEN 31 ELSE 30 END"
        " WHERE entry_id IN (:taken, :given)",
        taken=taken,
        given=given,
    )
    async with db.transaction() as session:
        assert (await reconcile(session)).sound
    outcome = await replayed(db)
    (fault,) = outcome.faults
    assert (fault.player_id, fault.entry_id, fault.column) == (ann, taken, "player:reserved")
    assert fault.replayed == -2 * TON


@pytest.mark.parametrize(("table", "off"), [("house_rollups", 7), ("house_lanes", 3)])
async def test_a_cached_balance_of_the_house_that_is_off_is_found(db, floor, table, off):
    await some_history(db, floor)
    await run(
        db,
        f"UPDATE {table} SET balance = balance - :off WHERE ctid = (SELECT ctid FROM {table}"
        " WHERE account = 20 AND asset = 1 LIMIT 1)",
        off=off,
    )
    (fault,) = (await replayed(db)).faults
    assert (fault.player_id, fault.column) == (0, "house:gaming")
    assert fault.stored - fault.replayed == -off


async def test_a_wallet_without_transfers_and_transfers_without_wallet_are_found(db, floor):
    ann, bob = await some_history(db, floor)
    await run(db, "DELETE FROM transfers WHERE player_id = :ann", ann=ann)
    await run(db, "DELETE FROM wallets WHERE player_id = :bob", bob=bob)
    faults = (await replayed(db)).faults
    assert {fault.player_id for fault in faults} >= {ann, bob}


async def test_many_faults_are_counted_and_the_first_are_shown(db, floor, monkeypatch):
    monkeypatch.setattr(replaying, "SHOWN_MAX", 2)
    await some_history(db, floor)
    await run(db, "UPDATE wallets SET bonus = 1, held = 1")
    outcome = await replayed(db)
    assert (len(outcome.faults), outcome.faults_found) == (2, 12)


@pytest.mark.parametrize("command", ["reconcile", "replay"])
async def test_the_command_says_what_it_found_and_ends_with_a_code(
    db, floor, command, monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", db.url)
    ann, _ = await some_history(db, floor)
    arguments = [command, "--json"] if command == "replay" else [command]
    assert await main(arguments) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["sound"] is True
    assert "100 %" in told.err
    await run(db, "UPDATE wallets SET cash = cash + 1 WHERE player_id = :ann", ann=ann)
    assert await main(arguments) == 1
    assert json.loads(capsys.readouterr().out)["sound"] is False


async def test_a_replay_in_words_names_the_fault(db, floor, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", db.url)
    ann, _ = await some_history(db, floor)
    assert await main(["replay"]) == 0
    assert capsys.readouterr().out.endswith("sound\n")
    await run(db, "UPDATE wallets SET held = 9 WHERE player_id = :ann AND asset = 1", ann=ann)
    assert await main(["replay"]) == 1
    said = capsys.readouterr().out
    assert f"player {ann}, TON: held is 9, its transfers say 0" in said
    assert "UNSOUND: 1 faults" in said
