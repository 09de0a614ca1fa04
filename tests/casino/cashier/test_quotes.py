"""Quotes: a promised fee is the fee, once, for the one who was promised it."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from casino.cashier import fees, quotes, rails, withdrawals
from casino.cashier.fees import FRESH
from casino.cashier.quotes import VALID, Quote
from casino.cashier.rails import FeePolicy, Rail
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.errors import BadAmount, IdempotencyConflict, InvariantViolation, NotFound, QuoteExpired
from tests.casino.cashier.cashbox import (
    DESTINATION,
    EUR,
    NOW,
    TON,
    approve,
    assert_sound,
    claim,
    make_member,
    rich_player,
    wallet,
)

FLAT = 50_000_000
POLICY = FeePolicy(multiplier_bp=15_000, least=10_000_000, most=200_000_000)


async def quote(db: Database, player: int, units: int = 10 * TON, *, now: datetime = NOW) -> Quote:
    async with db.transaction() as session:
        return await quotes.make(session, player_id=player, rail="ton", units=units, now=now)


async def take(
    db: Database,
    player: int,
    quote_id: int,
    *,
    units: int = 10 * TON,
    reference: str = "r",
    now: datetime = NOW,
) -> Withdrawal:
    async with db.transaction() as session:
        return await withdrawals.request(
            session,
            player_id=player,
            rail="ton",
            units=units,
            destination=DESTINATION,
            memo="",
            quote_id=quote_id,
            reference=reference,
            now=now,
        )


async def change(db: Database, **fields: object) -> Rail:
    async with db.transaction() as session:
        rail = replace(await rails.get_rail(session, "ton"), **fields)  # type: ignore[arg-type]
        return await rails.change_rail(session, rail=rail, actor="staff:1", now=NOW)


async def read_network(db: Database, units: int, *, now: datetime = NOW) -> None:
    async with db.transaction() as session:
        await fees.record_network_fee(session, rail="ton", units=units, now=now)


async def count(db: Database, table: str) -> int:
    async with db.transaction() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_what_was_quoted_is_charged_although_the_fee_changed(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    promised = await quote(house, player)
    assert (promised.fee, promised.net) == (FLAT, 10 * TON - FLAT)
    assert promised.ceiling_left == 1_000 * EUR
    assert promised.expires_at == NOW + VALID
    await change(house, withdrawal_fee=3 * FLAT)
    made = await take(house, player, promised.id, now=NOW + VALID - timedelta(seconds=1))
    assert (made.fee_units, made.net_units) == (FLAT, 10 * TON - FLAT)
    assert (await quote(house, player)).fee == 3 * FLAT
    # And no other amount is paid.
    await approve(house, made.id, staff)
    payout = await claim(house)
    assert payout is not None
    assert payout.members[0].units == 10 * TON - FLAT
    await assert_sound(house)


async def test_a_quote_that_does_not_fit_says_to_ask_again(house: Database) -> None:
    player, stranger = await rich_player(house), await rich_player(house)
    mine, theirs = await quote(house, player), await quote(house, stranger)
    wrong: list[dict[str, object]] = [
        {"now": NOW + VALID},
        {"units": 10 * TON + 1},
        {"quote_id": theirs.id},
        {"quote_id": mine.id + 1},
    ]
    for fields in wrong:
        with pytest.raises(QuoteExpired):
            await take(house, player, **{"quote_id": mine.id, **fields})  # type: ignore[arg-type]
    assert await count(house, "withdrawals") == 0
    assert (await wallet(house, player)).reserved == 0
    await take(house, player, mine.id)
    with pytest.raises(QuoteExpired):
        await take(house, player, mine.id, reference="another")
    assert (await wallet(house, player)).reserved == 10 * TON
    await assert_sound(house)


async def test_the_same_request_again_is_answered_under_any_quote(house: Database) -> None:
    player = await rich_player(house)
    first, second = await quote(house, player), await quote(house, player)
    made = await take(house, player, first.id)
    later = NOW + 2 * VALID
    for quote_id in (first.id, second.id):
        assert await take(house, player, quote_id, now=later) == made
    with pytest.raises(IdempotencyConflict):
        await take(house, player, second.id, units=11 * TON)
    assert await count(house, "withdrawals") == 1


async def test_one_quote_makes_one_withdrawal_whoever_is_first(house: Database) -> None:
    player = await rich_player(house)
    promised = await quote(house, player)

    async def attempt(reference: str) -> bool:
        try:
            await take(house, player, promised.id, reference=reference)
        except QuoteExpired:
            return False
        return True

    references = [f"r{number % 10}" for number in range(20)]
    won = await asyncio.gather(*(attempt(reference) for reference in references))
    # The two who said the same thing have the same withdrawal.
    assert sum(won) == 2
    assert (await wallet(house, player)).reserved == 10 * TON
    await assert_sound(house)


async def test_a_crash_after_the_quote_was_used_leaves_it_to_be_used(house: Database) -> None:
    player = await rich_player(house)
    promised = await quote(house, player)

    async def die_before_the_commit() -> None:
        async with house.transaction() as session:
            await withdrawals.request(
                session,
                player_id=player,
                rail="ton",
                units=10 * TON,
                destination=DESTINATION,
                memo="",
                quote_id=promised.id,
                reference="r",
                now=NOW,
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await die_before_the_commit()
    assert await count(house, "withdrawals") == 0
    await take(house, player, promised.id)
    assert await count(house, "withdrawals") == 1
    await assert_sound(house)


async def test_quotes_that_came_to_nothing_are_forgotten(house: Database) -> None:
    player, other = await rich_player(house), await rich_player(house)
    used = await quote(house, player)
    await take(house, player, used.id)
    for _ in range(3):
        await quote(house, player)
    await quote(house, other)
    await quote(house, player, now=NOW + VALID)
    # The used one, the other player's, and the new one.
    assert await count(house, "withdrawal_quotes") == 3


@pytest.mark.parametrize(
    ("network", "fee"),
    [
        (0, 10_000_000),
        (6_666_666, 10_000_000),
        (20_000_000, 30_000_000),
        (20_000_001, 30_000_002),
        (133_333_333, 200_000_000),
        (10**18, 200_000_000),
    ],
)
async def test_a_fee_follows_the_network_within_bounds(
    house: Database, network: int, fee: int
) -> None:
    player = await rich_player(house)
    await change(house, fee_policy=POLICY)
    assert (await quote(house, player)).fee == FLAT
    await read_network(house, network)
    assert (await quote(house, player, now=NOW + FRESH)).fee == fee
    late = NOW + FRESH + timedelta(seconds=1)
    assert (await quote(house, player, now=late)).fee == FLAT


async def test_an_older_reading_never_replaces_a_newer_one(house: Database) -> None:
    player = await rich_player(house)
    await change(house, fee_policy=POLICY)
    await read_network(house, 40_000_000)
    await read_network(house, 20_000_000, now=NOW - timedelta(seconds=1))
    assert (await quote(house, player)).fee == 60_000_000
    await read_network(house, 30_000_000)
    assert (await quote(house, player)).fee == 45_000_000


async def test_a_reading_is_units_of_a_known_rail(house: Database) -> None:
    for units in (-1, 2**63, True, 1.5):
        with pytest.raises(BadAmount):
            await read_network(house, units)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        async with house.transaction() as session:
            await fees.record_network_fee(session, rail="nowhere", units=1, now=NOW)


@pytest.mark.parametrize(
    "policy",
    [
        FeePolicy(0, 1, 2),
        FeePolicy(10_000, -1, 2),
        FeePolicy(10_000, 3, 2),
        FeePolicy(10_000, 1, rails.DEFAULTS[0].withdrawal_min),
    ],
)
def test_a_policy_that_could_eat_a_withdrawal_is_refused(policy: FeePolicy) -> None:
    with pytest.raises(InvariantViolation):
        replace(rails.DEFAULTS[0], fee_policy=policy)
