"""Rounds, exposure and counters that drift from the book are found, and named."""

from datetime import timedelta

import pytest

from casino import rates
from casino.betting import proof
from casino.betting.commands import Credit, Debit, Rollback
from casino.clock import utc_now
from casino.ids import new_reference
from casino.money import Asset
from tests.casino.ledger.books import bet, run, start_mines
from tests.factories import TON, ready_player


async def played(db, floor):
    """A player with bets, an ended and an open round of steps, and another company's games."""
    player_id = await ready_player(db)
    for _ in range(6):
        await bet(floor, player_id, stake=1_234_567_891)
    ended = await start_mines(floor, player_id)
    await floor.cash_out(player_id=player_id, round_id=ended.answer.id, reference=new_reference())
    opened = await start_mines(floor, player_id)
    kept, undone = new_reference(), new_reference()
    for reference in (kept, undone):
        await floor.seamless(Debit(player_id, reference, "acme", Asset.TON, "round", 1_000_000_007))
    await floor.seamless(
        Credit(player_id, new_reference(), "acme", Asset.TON, "round", 500_000_003)
    )
    await floor.seamless(Rollback(player_id, new_reference(), "acme", Asset.TON, "round", undone))
    return player_id, opened.answer.id


async def test_what_was_played_proves_itself(db, floor):
    await played(db, floor)
    open_rounds = await proof.prove_open_rounds(db)
    rounds = await proof.prove_rounds(db)
    counters = await proof.prove_counters(db, now=utc_now())
    for found in (open_rounds, rounds, counters):
        assert found.sound, found
    assert rounds.looked_at == 8 * 3
    assert counters.looked_at == 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rounds SET stake = stake + 1 WHERE status = 'open'",
        (
            "UPDATE transfers SET amount = amount + 1 WHERE kind = 1 AND subject_id ="
            " (SELECT id FROM rounds WHERE status = 'open')"
        ),
        "UPDATE house_exposure SET open_units = open_units - 1 WHERE asset = 1",
        "UPDATE house_exposure SET open_units = 1 WHERE asset = 2",
        "DELETE FROM rounds WHERE status = 'open'",
        "UPDATE rounds SET status = 'void' WHERE status = 'open'",
    ],
)
async def test_open_rounds_and_exposure_are_held_against_the_book(db, floor, damage):
    await played(db, floor)
    await run(db, damage)
    assert not (await proof.prove_open_rounds(db)).sound


@pytest.mark.parametrize("page", [1, 3, 5_000])
@pytest.mark.parametrize(
    ("damage", "word"),
    [
        ("UPDATE rounds SET stake = stake + 1 WHERE steps IS NULL", "bet.stake"),
        ("UPDATE rounds SET payout = payout + 1 WHERE steps IS NULL", "bet.payout"),
        ("UPDATE rounds SET payout = payout - 1 WHERE steps IS NOT NULL AND payout > 0", "payout"),
        ("UPDATE rounds SET status = 'settled', payout = 5 WHERE status = 'open'", "bet.payout"),
        (
            "DELETE FROM transfers WHERE kind = 1 AND entry_id = (SELECT max(id) FROM rounds)",
            "is 0",
        ),
        ("DELETE FROM rounds WHERE id = (SELECT min(id) FROM rounds)", "there is no round"),
        ("DELETE FROM rounds WHERE id = (SELECT max(id) FROM rounds)", "there is no round"),
    ],
)
async def test_rounds_are_held_against_their_transfers(db, floor, damage, word, page, monkeypatch):
    monkeypatch.setattr(proof, "PAGE_ROUNDS", page)
    await played(db, floor)
    assert (await proof.prove_rounds(db)).sound
    await run(db, damage)
    found = await proof.prove_rounds(db)
    assert not found.sound
    assert word in found.examples[0]


@pytest.mark.parametrize("window", ["day", "week", "month"])
@pytest.mark.parametrize("column", ["staked", "lost"])
@pytest.mark.parametrize("by", [1, -1])
async def test_a_counter_that_is_off_by_one_is_found(db, floor, window, column, by):
    player_id, _ = await played(db, floor)
    await ready_player(db)
    name = f"{window}_{column}"
    await run(
        db,
        f"UPDATE player_counters SET {name} = {name} + :by WHERE player_id = :player",
        by=by,
        player=player_id,
    )
    found = await proof.prove_counters(db, now=utc_now())
    assert found.faults == 1
    assert str(player_id) in found.examples[0]
    assert window in found.examples[0]


async def test_a_window_that_ended_is_not_held_against_anybody(db, floor):
    await played(db, floor)
    await run(db, "UPDATE player_counters SET day_staked = 0")
    assert not (await proof.prove_counters(db, now=utc_now())).sound
    assert (await proof.prove_counters(db, now=utc_now() + timedelta(days=32))).sound


async def test_a_stale_counter_of_an_older_window_hides_nothing(db, floor):
    await played(db, floor)
    await run(db, "UPDATE player_counters SET day = day - 1")
    assert not (await proof.prove_counters(db, now=utc_now())).sound


async def test_a_rate_that_changes_under_way_is_no_fault(db, floor):
    player_id, _ = await played(db, floor)
    for price in (5, 2, 7):
        async with db.transaction() as session:
            await rates.quote(
                session, asset=Asset.TON, numerator=price, denominator=1000, now=utc_now()
            )
        await bet(floor, player_id, stake=TON)
    assert (await proof.prove_counters(db, now=utc_now())).sound
    await run(db, "UPDATE player_counters SET day_staked = day_staked * 10")
    assert not (await proof.prove_counters(db, now=utc_now())).sound


async def test_bets_far_from_a_change_are_counted_at_one_rate(db, floor):
    player_id, _ = await played(db, floor)
    # Another rate of an hour ago: every bet has the newer one, without any doubt.
    await run(
        db,
        "INSERT INTO rates (id, asset, numerator, denominator, quoted_at)"
        " VALUES (-1, 1, 9, 1000, now() - interval '1 hour')",
    )
    assert (await proof.prove_counters(db, now=utc_now())).sound
    # Once the quotation lies further back than a quotation takes, one unit is one too many.
    await run(db, "UPDATE rates SET quoted_at = quoted_at - interval '1 minute' WHERE asset = 1")
    await run(
        db,
        "UPDATE player_counters SET day_staked = day_staked + 1 WHERE player_id = :player",
        player=player_id,
    )
    assert not (await proof.prove_counters(db, now=utc_now())).sound
