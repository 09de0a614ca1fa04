"""Coin selection: sums agree to the satoshi, fees stay in bounds, nothing reserved is touched."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from payments.chains.btc_coins import (
    CHANGE_DUST_UNITS,
    CHANGE_SCRIPT_BYTES,
    INPUT_VBYTES,
    INPUTS_MAX,
    OUTPUTS_MAX,
    Coin,
    NotEnoughCoins,
    Selection,
    Target,
    TargetRefused,
    change_cost,
    consolidate,
    dust_limit,
    may_spend,
    select,
    vsize_of,
)
from sandbox.btc import policy

P2WPKH = b"\x00\x14" + bytes(20)
P2WSH = b"\x00\x20" + bytes(32)
P2TR = b"\x51\x20" + bytes(32)
P2PKH = b"\x76\xa9\x14" + bytes(20) + b"\x88\xac"
P2SH = b"\xa9\x14" + bytes(20) + b"\x87"


def coin(number: int, units: int, *, height: int | None = 1, own: bool = False) -> Coin:
    return Coin(f"{number:064x}", number % 7, units, P2WPKH, 0, number, height, own)


rates = some.integers(1, 200)
coin_lists = some.lists(
    some.tuples(some.integers(1, 10**8), some.sampled_from([1, 5, None]), some.booleans()),
    max_size=40,
).map(lambda made: [coin(n, u, height=h, own=o) for n, (u, h, o) in enumerate(made)])
target_lists = some.lists(
    some.builds(
        Target,
        units=some.integers(546, 10**7),
        script=some.sampled_from([P2WPKH, P2WSH, P2TR, P2PKH, P2SH]),
    ),
    min_size=1,
    max_size=8,
)


@given(coins=coin_lists, targets=target_lists, rate=rates, later=rates, data=some.data())
@settings(deadline=None)
def test_sums_agree_and_fees_stay_in_bounds(
    coins: list[Coin], targets: list[Target], rate: int, later: int, data: some.DataObject
) -> None:
    reserved = frozenset(
        one.outpoint for one in coins if data.draw(some.integers(0, 4), label="reserved") == 0
    )
    usable = [one for one in coins if may_spend(one, reserved)]
    wanted = sum(target.units for target in targets)
    try:
        chosen = select(targets, coins, rate=rate, later_rate=later, reserved=reserved)
    except NotEnoughCoins:
        worth = sum(max(0, one.units - INPUT_VBYTES * rate) for one in usable)
        assert worth < wanted + vsize_of(0, [len(target.script) for target in targets]) * rate
        return
    assert sum(one.units for one in chosen.coins) == wanted + chosen.change_units + chosen.fee_units
    lengths = [len(target.script) for target in targets]
    if chosen.change_units:
        lengths.append(CHANGE_SCRIPT_BYTES)
        assert chosen.change_units >= CHANGE_DUST_UNITS
        assert chosen.change_units >= INPUT_VBYTES * later, "change is worth spending one day"
    assert chosen.vsize == vsize_of(len(chosen.coins), lengths)
    spare = chosen.fee_units - chosen.vsize * rate
    assert 0 <= spare < change_cost(rate, later_rate=later) + CHANGE_DUST_UNITS + rate
    assert len(set(chosen.coins)) == len(chosen.coins)
    assert set(chosen.coins) <= set(usable)
    assert all(one.units > INPUT_VBYTES * rate for one in chosen.coins)
    turned = select(targets, coins[::-1], rate=rate, later_rate=later, reserved=reserved)
    assert turned == chosen, "the order in which coins are known does not matter"


@given(
    units=some.lists(some.integers(1000, 50_000), min_size=1, max_size=9),
    rate=some.integers(1, 5),
    share=some.integers(1, 511),
)
def test_an_exact_sum_is_found_when_there_is_one(units: list[int], rate: int, share: int) -> None:
    """Every subset of few coins pays something exactly; then there is no change."""
    coins = [coin(number, one) for number, one in enumerate(units)]
    subset = [one for at, one in enumerate(coins) if share >> at & 1] or coins
    worth = sum(one.units - INPUT_VBYTES * rate for one in subset)
    target = worth - vsize_of(0, [22]) * rate
    if target < CHANGE_DUST_UNITS:
        return
    chosen = select([Target(target, P2WPKH)], coins, rate=rate, later_rate=rate)
    assert chosen.change_units == 0
    wastes = [
        waste
        for size in range(1, len(coins) + 1)
        for some_coins in itertools.combinations(coins, size)
        if (waste := sum(one.units - INPUT_VBYTES * rate for one in some_coins) - worth) >= 0
    ]
    spent = sum(one.units - INPUT_VBYTES * rate for one in chosen.coins)
    assert spent - worth == min(wastes), "and nothing pays it with less waste"


def test_foreign_coins_must_be_in_a_block_and_our_change_need_not() -> None:
    target = [Target(50_000, P2WPKH)]
    foreign, own = coin(1, 10**6, height=None), coin(2, 10**5, height=None, own=True)
    assert select(target, [foreign, own], rate=1, later_rate=1).coins == (own,)
    with pytest.raises(NotEnoughCoins):
        select(target, [foreign], rate=1, later_rate=1)
    with pytest.raises(NotEnoughCoins) as shortage:
        select(target, [own], rate=1, later_rate=1, reserved={own.outpoint})
    assert shortage.value.available_units == 0


@pytest.mark.parametrize(
    ("script", "limit"),
    [(P2WPKH, 294), (P2WSH, 330), (P2TR, 330), (P2SH, 540), (P2PKH, 546)],
    ids=["p2wpkh", "p2wsh", "p2tr", "p2sh", "p2pkh"],
)
def test_dust_is_not_paid(script: bytes, limit: int) -> None:
    coins = [coin(1, 10**6)]
    assert dust_limit(script) == limit == policy.dust_limit(script)
    assert select([Target(limit, script)], coins, rate=1, later_rate=1).fee_units > 0
    for units in (limit - 1, 0, -1):
        with pytest.raises(TargetRefused, match="dust"):
            select([Target(units, script)], coins, rate=1, later_rate=1)


def test_what_is_no_payment_is_refused() -> None:
    coins = [coin(1, 10**9)]
    with pytest.raises(TargetRefused, match="empty"):
        select([], coins, rate=1, later_rate=1)
    with pytest.raises(TargetRefused, match="many"):
        select([Target(1000, P2WPKH)] * (OUTPUTS_MAX + 1), coins, rate=1, later_rate=1)
    for rate in (0, -1):
        with pytest.raises(TargetRefused, match="rate"):
            select([Target(1000, P2WPKH)], coins, rate=rate, later_rate=1)
        with pytest.raises(TargetRefused, match="rate"):
            consolidate(coins, rate=rate, rate_max=1, coins_min=2)


def test_more_inputs_than_a_transaction_should_have_are_not_enough() -> None:
    coins = [coin(number, 1000) for number in range(INPUTS_MAX + 50)]
    with pytest.raises(NotEnoughCoins):
        select([Target(INPUTS_MAX * 950, P2WPKH)], coins, rate=1, later_rate=1)


@given(coins=coin_lists, rate=some.integers(1, 20), least=some.integers(0, 10), data=some.data())
def test_small_coins_are_joined_while_it_is_cheap(
    coins: list[Coin], rate: int, least: int, data: some.DataObject
) -> None:
    reserved = frozenset(one.outpoint for one in coins[:3] if data.draw(some.booleans()))
    assert consolidate(coins, rate=rate, rate_max=rate - 1, coins_min=least) is None
    chosen = consolidate(coins, rate=rate, rate_max=20, coins_min=least, reserved=reserved)
    if chosen is None:
        return
    assert len(chosen.coins) >= max(least, 2)
    assert all(one.height is not None and one.outpoint not in reserved for one in chosen.coins)
    assert sum(one.units for one in chosen.coins) == chosen.change_units + chosen.fee_units
    assert chosen.fee_units == chosen.vsize * rate
    assert chosen.change_units >= CHANGE_DUST_UNITS


def test_the_smallest_are_joined_first() -> None:
    coins = [coin(number, 10_000 + number) for number in range(INPUTS_MAX + 20)]
    chosen = consolidate(coins, rate=1, rate_max=2, coins_min=10)
    assert isinstance(chosen, Selection)
    assert {one.units for one in chosen.coins} == {10_000 + n for n in range(INPUTS_MAX)}
