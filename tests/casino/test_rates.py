"""Rates are rationals; limits are counted up, and a day-old rate counts nothing."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino import audit, rates
from casino.clock import utc_now
from casino.errors import RateStale
from casino.exchange import USABLE_FOR, Rate
from casino.money import Asset

ROOT = Path(__file__).resolve().parents[2]


@given(st.integers(0, 2**62), st.integers(1, 2**40), st.integers(1, 2**40))
def test_conversion_rounds_up_by_less_than_a_unit(units, numerator, denominator):
    rate = Rate(1, Asset.TON, numerator, denominator, utc_now())
    assert rate.to_reference(units) * denominator >= units * numerator
    assert (rate.to_reference(units) - 1) * denominator < units * numerator or units == 0


async def test_the_newest_quotation_counts_until_it_is_a_day_old(db):
    now = utc_now()
    async with db.transaction() as session:
        for numerator in (2, 3):
            await rates.quote(
                session, asset=Asset.TON, numerator=numerator, denominator=1000, now=now
            )
    async with db.transaction() as session:
        found = await rates.latest(session)
    assert rates.require_usable(found, Asset.TON, now=now).numerator == 3
    with pytest.raises(RateStale):
        rates.require_usable(found, Asset.USDT, now=now)
    with pytest.raises(RateStale):
        rates.require_usable(found, Asset.TON, now=now + USABLE_FOR + timedelta(seconds=1))


async def test_a_rate_is_quoted_by_hand_and_on_record(db):
    done = subprocess.run(
        [sys.executable, "-m", "casino.rates", "TON", "3.02"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": db.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    async with db.transaction() as session:
        found = (await rates.latest(session))[Asset.TON]
        lines = await audit.search(session, action="rate.")
    assert found.to_reference(10**9) == 3_020_000
    assert len(lines) == 1


def test_a_price_that_is_not_a_number_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "casino.rates", "TON", "much"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "positive decimal number" in done.stderr
