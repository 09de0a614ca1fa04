"""Reservations, held deposits and deposit counters that drift from their rows are found."""

from datetime import timedelta

import pytest

from casino import flags, switches
from casino.cashier import proof
from casino.cashier.withdrawals import cancel
from tests.casino.cashier.cashbox import (
    NOW,
    TON,
    arrive,
    ask,
    make_player,
    rich_player,
    tag_of,
    transfer,
)
from tests.casino.ledger.books import run


async def busy(db) -> tuple[int, int]:
    """One player with two withdrawals under way and one taken back; one with a held deposit."""
    ann = await rich_player(db)
    await ask(db, ann)
    await ask(db, ann, 20 * TON)
    taken_back = await ask(db, ann, 5 * TON)
    async with db.transaction() as session:
        await cancel(session, player_id=ann, withdrawal_id=taken_back.id, now=NOW)
    bob = await make_player(db)
    tag = await tag_of(db, bob)
    await arrive(db, transfer(3 * TON, tag))
    async with db.transaction() as session:
        await flags.set_flag(
            session, name=switches.DEPOSITS, stop=True, reason="drill", actor="staff:1", now=NOW
        )
    await arrive(db, transfer(4 * TON, tag))
    return ann, bob


async def test_what_is_under_way_proves_itself(house):
    await busy(house)
    for found in (
        await proof.prove_reserved(house),
        await proof.prove_held(house),
        await proof.prove_deposit_counters(house, now=NOW),
    ):
        assert found.sound, found
        assert found.looked_at


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE wallets SET reserved = reserved + 1 WHERE reserved > 0",
        "UPDATE wallets SET reserved = 0",
        "UPDATE wallets SET reserved = 1 WHERE reserved = 0 AND asset = 2",
        "UPDATE withdrawals SET status = 'confirmed' WHERE status = 'in_review' AND units < 15e9",
        "UPDATE withdrawals SET status = 'dead' WHERE status = 'cancelled'",
        "UPDATE withdrawals SET units = units + 1 WHERE status = 'in_review'",
    ],
)
async def test_reserved_is_held_against_withdrawals(house, damage):
    await busy(house)
    await run(house, damage)
    found = await proof.prove_reserved(house)
    assert not found.sound
    assert "reserved in" in found.examples[0]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE wallets SET held = held - 1 WHERE held > 0",
        "UPDATE wallets SET held = 1 WHERE held = 0 AND asset = 2",
        "UPDATE deposits SET status = 'returned' WHERE status = 'held'",
        "UPDATE deposits SET status = 'held' WHERE status = 'credited'",
    ],
)
async def test_held_is_held_against_deposits(house, damage):
    await busy(house)
    await run(house, damage)
    assert not (await proof.prove_held(house)).sound


@pytest.mark.parametrize("window", ["day", "week", "month"])
async def test_a_deposit_counter_that_is_off_by_one_is_found(house, window):
    _, bob = await busy(house)
    column = f"{window}_deposited"
    await run(
        house,
        f"UPDATE player_counters SET {column} = {column} - 1 WHERE player_id = :bob",
        bob=bob,
    )
    found = await proof.prove_deposit_counters(house, now=NOW)
    assert found.faults == 1
    assert f"player {bob}, {window}: deposited" in found.examples[0]


async def test_a_deposit_that_was_never_counted_is_found_until_its_windows_end(house):
    await busy(house)
    await run(house, "UPDATE deposits SET reference_units = reference_units + 5")
    assert not (await proof.prove_deposit_counters(house, now=NOW)).sound
    assert (await proof.prove_deposit_counters(house, now=NOW + timedelta(days=32))).sound
