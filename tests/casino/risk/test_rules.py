"""Risk facts: what staff are told, and how loudly."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.risk.rules import Fact, Severity, WithdrawalFacts, withdrawal_facts, worst

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
EUR = 10**6
QUIET = WithdrawalFacts(
    asked_ref=10 * EUR,
    account_age=timedelta(days=100),
    deposits_ref=100 * EUR,
    withdrawn_ref=0,
    turnover_ref=500 * EUR,
    kyc_level=1,
    address_first_use=False,
    address_other_players=0,
    protection_changed_at=None,
    excluded=False,
)


def told(known: WithdrawalFacts) -> dict[str, Fact]:
    return {fact.code: fact for fact in withdrawal_facts(known, now=NOW)}


def test_a_quiet_player_gives_no_cause() -> None:
    facts = told(QUIET)
    assert set(facts) == {"account_age", "deposits", "turnover", "kyc_level", "address_known"}
    assert worst(list(facts.values())) is Severity.OK


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"account_age": timedelta(hours=23, minutes=59)}, "account_age", "warning"),
        ({"account_age": timedelta(days=1)}, "account_age", "notice"),
        ({"account_age": timedelta(days=6, hours=23)}, "account_age", "notice"),
        ({"account_age": timedelta(days=7)}, "account_age", "ok"),
        ({"deposits_ref": 0}, "deposits", "notice"),
        ({"deposits_ref": 0}, "turnover", "ok"),
        ({"turnover_ref": 100 * EUR - 1}, "turnover", "warning"),
        ({"turnover_ref": 100 * EUR}, "turnover", "ok"),
        ({"kyc_level": 0}, "kyc_level", "notice"),
        ({"address_first_use": True}, "address_first_use", "notice"),
        ({"address_other_players": 1}, "address_shared", "warning"),
        ({"asked_ref": 100 * EUR + 1}, "takes_out_more", "notice"),
        ({"withdrawn_ref": 91 * EUR}, "takes_out_more", "notice"),
        ({"protection_changed_at": NOW - timedelta(days=6)}, "protection_changed", "notice"),
        ({"excluded": True}, "excluded", "notice"),
    ],
)
def test_each_doubt_has_its_weight(change: dict[str, object], code: str, severity: str) -> None:
    assert told(replace(QUIET, **change))[code].severity == severity


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"asked_ref": 100 * EUR}, "takes_out_more"),
        ({"deposits_ref": 0}, "takes_out_more"),
        ({"protection_changed_at": NOW - timedelta(days=7)}, "protection_changed"),
    ],
)
def test_what_does_not_apply_is_not_told(change: dict[str, object], code: str) -> None:
    assert code not in told(replace(QUIET, **change))


def test_the_numbers_are_told_with_the_facts() -> None:
    facts = told(
        replace(QUIET, turnover_ref=50 * EUR, withdrawn_ref=100 * EUR, account_age=timedelta(30))
    )
    assert facts["turnover"].params == {"reference": 50 * EUR, "of_deposits_bp": 5000}
    assert facts["takes_out_more"].params == {"reference": 10 * EUR}
    assert facts["account_age"].params == {"days": 30, "hours": 720}


@given(
    st.builds(
        WithdrawalFacts,
        asked_ref=st.integers(1, 2**62),
        account_age=st.timedeltas(timedelta(0), timedelta(days=9999)),
        deposits_ref=st.integers(0, 2**62),
        withdrawn_ref=st.integers(0, 2**62),
        turnover_ref=st.integers(0, 2**62),
        kyc_level=st.integers(0, 2),
        address_first_use=st.booleans(),
        address_other_players=st.integers(0, 1000),
        protection_changed_at=st.none() | st.just(NOW),
        excluded=st.booleans(),
    )
)
def test_any_facts_can_be_told_without_repeats(known: WithdrawalFacts) -> None:
    facts = withdrawal_facts(known, now=NOW)
    codes = [fact.code for fact in facts]
    assert len(codes) == len(set(codes))
    assert worst(facts) is max(
        (fact.severity for fact in facts), key=["ok", "notice", "warning"].index
    )
