"""Amounts are whole units; nothing is rounded except in one place, toward the house."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.errors import BadAmount, CurrencyMismatch
from casino.money import (
    UNITS_MAX,
    Asset,
    Money,
    format_units,
    parse_units,
    scaled,
    trim_units,
)


@given(st.integers(1, UNITS_MAX), st.sampled_from([0, 2, 6, 9, 11]))
def test_what_is_printed_reads_back(units, decimals):
    assert parse_units(format_units(units, decimals), decimals) == units
    if decimals >= 2:
        assert parse_units(trim_units(units, decimals), decimals) == units


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0.0",
        "-1",
        "+1",
        "1e9",
        "1.2.3",
        "1,2,3",
        "NaN",
        "inf",
        "١",
        "0.0000000001",
        "9223372036.854775808",
        "1_000",
        "0x10",
        "1.",
        ".5",
        "1000000000000000000000000000000",
        "",
    ],
)
def test_anything_but_a_plain_positive_amount_is_refused(text):
    with pytest.raises(BadAmount):
        Money.parse(text, Asset.TON)


@pytest.mark.parametrize(("text", "units"), [("1", 10**9), ("1.50", 15 * 10**8), (" 0,1 ", 10**8)])
def test_plain_digits_are_read(text, units):
    assert Money.parse(text, Asset.TON) == Money(units, Asset.TON)


def test_two_assets_never_meet():
    with pytest.raises(CurrencyMismatch):
        Money(1, Asset.TON) + Money(1, Asset.USDT)
    with pytest.raises(CurrencyMismatch):
        _ = Money(1, Asset.TON) < Money(1, Asset.USDT)


@given(st.integers(0, 10**15), st.fractions(0, 10_000))
def test_scaling_rounds_down_by_less_than_a_unit(units, factor):
    assert 0 <= units * factor - scaled(units, factor) < 1


def test_scaling_rounds_toward_the_house():
    assert scaled(1, Fraction(199, 100)) == 1
