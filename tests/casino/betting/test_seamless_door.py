"""Wallet calls that the database could not store are refused at the door, alone."""

import asyncio

import pytest

from casino.betting.commands import Credit, Debit, Rollback
from casino.errors import BadAmount, StaleReference
from casino.ledger import journal
from casino.money import UNITS_MAX, Asset
from tests.factories import TON, ready_player


def call(kind, player_id, *, reference="d1", round_reference="round-1", last=TON):
    return kind(player_id, reference, "slots", Asset.TON, round_reference, last)


async def cash(db, player_id) -> int:
    async with db.transaction() as session:
        return (await journal.balances(session, player_id))[Asset.TON].cash


@pytest.mark.parametrize(
    "units",
    [-1, UNITS_MAX + 1, 10**30, 10**5000, True, "1", None],
    ids=["negative", "65 bits", "10^30", "10^5000", "bool", "text", "none"],
)
async def test_units_that_are_no_units_are_refused(db, floor, units):
    player_id = await ready_player(db)
    for kind in (Debit, Credit):
        with pytest.raises(BadAmount):
            await floor.seamless(call(kind, player_id, last=units))
    assert await cash(db, player_id) == 100 * TON


@pytest.mark.parametrize(
    "text", ["", "x" * 129, "a\0b", "a\nb", "\udc00"], ids=["none", "long", "zero", "line", "lone"]
)
async def test_ids_that_cannot_be_kept_are_refused(db, floor, text):
    player_id = await ready_player(db)
    wrong = [
        call(Debit, player_id, reference=text),
        call(Credit, player_id, reference=text),
        call(Rollback, player_id, reference=text, last="d1"),
        call(Rollback, player_id, last=text),
    ]
    if text:  # a round may be nameless
        wrong.append(call(Debit, player_id, round_reference=text))
    for one in wrong:
        with pytest.raises(StaleReference):
            await floor.seamless(one)
    assert await cash(db, player_id) == 100 * TON


async def test_the_longest_id_and_a_nameless_round_are_taken(db, floor):
    player_id = await ready_player(db)
    for reference, round_reference in (("x" * 128, ""), ("y", "é" * 128)):
        await floor.seamless(
            call(Debit, player_id, reference=reference, round_reference=round_reference)
        )
    assert await cash(db, player_id) == 98 * TON


async def test_a_refused_call_does_not_touch_those_beside_it(db, floor):
    player_id = await ready_player(db)
    answers = await asyncio.gather(
        *(floor.seamless(call(Debit, player_id, reference=f"d{n}")) for n in range(5)),
        floor.seamless(call(Debit, player_id, reference="a\0b")),
        floor.seamless(call(Credit, player_id, last=10**30)),
        return_exceptions=True,
    )
    assert [type(one).__name__ for one in answers[5:]] == ["StaleReference", "BadAmount"]
    assert not any(isinstance(one, Exception) for one in answers[:5])
    assert await cash(db, player_id) == 95 * TON
