"""Aggregators' wallet calls: idempotent, in any order, with tombstones for late debits."""

import asyncio

import pytest

from casino.betting.commands import Credit, Debit, Rollback
from casino.betting.proof import prove_counters
from casino.clock import utc_now
from casino.errors import IdempotencyConflict, InsufficientFunds, RoundClosed
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from tests.factories import TON, ready_player


def debit(player_id, reference, units=TON):
    return Debit(player_id, reference, "slots", Asset.TON, "round-1", units)


def credit(player_id, reference, units=TON):
    return Credit(player_id, reference, "slots", Asset.TON, "round-1", units)


def rollback(player_id, reference, target):
    return Rollback(player_id, reference, "slots", Asset.TON, "round-1", target)


async def cash(db, player_id):
    async with db.transaction() as session:
        assert (await reconcile(session)).sound
    async with db.transaction() as session:
        return (await journal.balances(session, player_id))[Asset.TON].cash


async def test_debit_and_credit_move_once(db, floor):
    player_id = await ready_player(db, units=10 * TON)
    for _ in range(2):
        await floor.seamless(debit(player_id, "d1"))
        await floor.seamless(credit(player_id, "c1", 3 * TON))
    assert await cash(db, player_id) == 12 * TON


async def test_the_same_id_with_another_amount_is_a_conflict(db, floor):
    player_id = await ready_player(db, units=10 * TON)
    await floor.seamless(debit(player_id, "d1"))
    with pytest.raises(IdempotencyConflict):
        await floor.seamless(debit(player_id, "d1", 2 * TON))


async def test_one_id_for_two_players_is_a_conflict(db, floor):
    ann, bob = await ready_player(db), await ready_player(db)
    answers = await asyncio.gather(
        floor.seamless(debit(ann, "d1")), floor.seamless(debit(bob, "d1")), return_exceptions=True
    )
    assert sum(isinstance(answer, IdempotencyConflict) for answer in answers) == 1


async def test_a_rollback_gives_back_once_whoever_repeats_it(db, floor):
    player_id = await ready_player(db, units=10 * TON)
    await floor.seamless(debit(player_id, "d1"))
    first = await floor.seamless(rollback(player_id, "r1", "d1"))
    again = await floor.seamless(rollback(player_id, "r1", "d1"))
    other = await floor.seamless(rollback(player_id, "r2", "d1"))
    assert (first.answer.units, again.answer.units, other.answer.units) == (TON, TON, 0)
    assert await cash(db, player_id) == 10 * TON


async def test_a_rollback_before_its_debit_refuses_the_late_debit(db, floor):
    player_id = await ready_player(db, units=10 * TON)
    early = await floor.seamless(rollback(player_id, "r1", "d1"))
    assert early.answer.units == 0
    with pytest.raises(RoundClosed):
        await floor.seamless(debit(player_id, "d1"))
    assert await cash(db, player_id) == 10 * TON


async def test_a_payout_is_taken_back_once_and_what_was_spent_of_it_is_owed(db, floor):
    player_id = await ready_player(db, units=TON)
    await floor.seamless(credit(player_id, "c1", 3 * TON))
    await floor.seamless(debit(player_id, "d1", 2 * TON))
    for _ in range(2):
        back = await floor.seamless(rollback(player_id, "r1", "c1"))
        assert back.answer.units == 3 * TON
    assert (await floor.seamless(rollback(player_id, "r2", "c1"))).answer.units == 0
    assert back.wallets[Asset.TON].deficit == TON
    assert await cash(db, player_id) == 0
    # What is owed is paid first by what comes in.
    await floor.seamless(credit(player_id, "c2", 5 * TON))
    assert await cash(db, player_id) == 4 * TON
    assert (await prove_counters(db, now=utc_now())).sound


async def test_a_rollback_before_its_payout_refuses_the_late_payout(db, floor):
    player_id = await ready_player(db, units=TON)
    await floor.seamless(rollback(player_id, "r1", "c1"))
    with pytest.raises(RoundClosed):
        await floor.seamless(credit(player_id, "c1"))
    assert await cash(db, player_id) == TON


async def test_debit_and_rollback_race_to_the_same_end(db, floor, other_floor):
    player_id = await ready_player(db, units=10 * TON)
    for number in range(6):
        await asyncio.gather(
            floor.seamless(debit(player_id, f"d{number}")),
            other_floor.seamless(rollback(player_id, f"r{number}", f"d{number}")),
            return_exceptions=True,
        )
    assert await cash(db, player_id) == 10 * TON


async def test_a_debit_above_the_balance_is_refused_and_a_zero_one_is_a_free_round(db, floor):
    player_id = await ready_player(db, units=TON)
    with pytest.raises(InsufficientFunds):
        await floor.seamless(debit(player_id, "d1", 2 * TON))
    assert (await floor.seamless(debit(player_id, "d2", 0))).answer.units == 0
    assert await cash(db, player_id) == TON
