"""The rules of play as properties: no limit is passed by one unit, whatever the order."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from casino.clock import Window, window_start
from casino.errors import AccountClosed, ConsentRequired, CoolingOff, LimitReached, SelfExcluded
from casino.players import rules
from casino.players.rules import (
    RAISE_WAITS,
    TERMS_VERSION,
    Counters,
    Limit,
    LimitKind,
    PlayerFacts,
    Status,
    Tally,
)
from tests.casino.players.people import NOW

UNIT = timedelta(microseconds=1)
amounts = st.integers(min_value=1, max_value=10**15)
moments = st.integers(0, 3 * 365 * 24 * 3600 * 10**6).map(
    lambda microseconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
windows = st.sampled_from(Window)
maybe_units = st.none() | amounts


def facts(**changed) -> PlayerFacts:
    plain = PlayerFacts(
        player_id=1,
        status=Status.ACTIVE,
        excluded_until=None,
        excluded_for_life=False,
        cooling_off_until=None,
        kyc_level=0,
        terms_version=TERMS_VERSION,
        limits=(),
        counters=Counters.empty(NOW),
    )
    return replace(plain, **changed)


def test_a_sound_player_may_play() -> None:
    assert rules.check_play(facts(), now=NOW) is None
    assert rules.check_stake(facts(), stake_ref=10**18, now=NOW) is None
    assert rules.check_withdraw(facts()) is None
    assert rules.deposit_room(facts(), now=NOW) is None


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"status": Status.BLOCKED}, AccountClosed),
        ({"status": Status.CLOSED}, AccountClosed),
        ({"excluded_until": NOW + UNIT}, SelfExcluded),
        ({"excluded_for_life": True}, SelfExcluded),
        ({"cooling_off_until": NOW + UNIT}, CoolingOff),
        ({"terms_version": None}, ConsentRequired),
        ({"terms_version": "2020-01-01"}, ConsentRequired),
    ],
)
def test_who_may_not_play(changed, refusal) -> None:
    assert isinstance(rules.check_play(facts(**changed), now=NOW), refusal)


def test_an_exclusion_ends_at_its_moment() -> None:
    assert rules.check_play(facts(excluded_until=NOW), now=NOW) is None
    assert rules.check_play(facts(cooling_off_until=NOW), now=NOW) is None
    assert rules.check_play(facts(excluded_until=NOW), now=NOW - UNIT) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"excluded_for_life": True},
        {"excluded_until": NOW + UNIT},
        {"cooling_off_until": NOW + UNIT},
        {"terms_version": "2020-01-01"},
    ],
)
def test_an_excluded_player_withdraws(changed) -> None:
    assert rules.check_withdraw(facts(**changed)) is None


def test_a_blocked_player_does_not_withdraw() -> None:
    assert isinstance(rules.check_withdraw(facts(status=Status.BLOCKED)), AccountClosed)
    assert isinstance(rules.check_withdraw(facts(terms_version=None)), ConsentRequired)


@given(limit=amounts, used=amounts, window=windows)
def test_a_stake_reaches_a_limit_and_does_not_pass_it(limit, used, window) -> None:
    for kind in (LimitKind.WAGER, LimitKind.LOSS):
        known = facts(
            limits=(Limit(kind, window, limit),),
            counters=Counters.empty(NOW).with_stake(used),
        )
        room = limit - used
        if room >= 1:
            assert rules.check_stake(known, stake_ref=room, now=NOW) is None
        refusal = rules.check_stake(known, stake_ref=max(room, 0) + 1, now=NOW)
        assert isinstance(refusal, LimitReached)
        assert refusal.data["used"] == used
        assert refusal.data["limit"] == limit


@given(limit=amounts)
def test_a_stake_limit_looks_at_one_stake(limit) -> None:
    known = facts(
        limits=(Limit(LimitKind.STAKE, Window.DAY, limit),),
        counters=Counters.empty(NOW).with_stake(10**17),
    )
    assert rules.check_stake(known, stake_ref=limit, now=NOW) is None
    refusal = rules.check_stake(known, stake_ref=limit + 1, now=NOW)
    assert isinstance(refusal, LimitReached)
    assert refusal.data["resets_at"] is None


@given(limits=st.lists(st.tuples(windows, amounts), min_size=1, max_size=3), stake=amounts)
def test_the_lowest_limit_decides(limits, stake) -> None:
    known = facts(limits=tuple(Limit(LimitKind.WAGER, *limit) for limit in limits))
    refused = rules.check_stake(known, stake_ref=stake, now=NOW) is not None
    assert refused == (stake > min(units for _, units in limits))


bets = st.lists(
    st.tuples(
        st.integers(1, 1000),  # stake
        st.integers(0, 3000),  # payout
        st.integers(0, 60 * 60 * 30),  # seconds until the next bet
    ),
    max_size=60,
)


@given(bets=bets, limit=st.integers(1, 5000), window=windows, start=moments)
def test_no_list_of_bets_loses_more_than_the_limit(bets, limit, window, start) -> None:
    """The loss that an outsider adds up in each window is never above the limit."""
    known = facts(limits=(Limit(LimitKind.LOSS, window, limit),), counters=Counters.empty(start))
    now, placed = start, []
    for stake, payout, pause in bets:
        known = replace(known, counters=known.counters.rolled(now))
        if rules.check_stake(known, stake_ref=stake, now=now) is None:
            counters = known.counters.with_stake(stake)
            placed.append((window_start(window, now), stake))
            if payout:
                counters = counters.with_payout(payout)
                placed.append((window_start(window, now), -payout))
            known = replace(known, counters=counters)
            lost = sum(ref for when, ref in placed if when == window_start(window, now))
            assert known.counters.tally(window).lost == lost
            assert lost <= limit
        now += timedelta(seconds=pause)


@given(stakes=st.lists(amounts, max_size=20), limit=amounts, window=windows)
def test_no_list_of_stakes_turns_over_more_than_the_limit(stakes, limit, window) -> None:
    known = facts(limits=(Limit(LimitKind.WAGER, window, limit),))
    placed = 0
    for stake in stakes:
        refusal = rules.check_stake(known, stake_ref=stake, now=NOW)
        assert (refusal is None) == (placed + stake <= limit)
        if refusal is None:
            known = replace(known, counters=known.counters.with_stake(stake).with_payout(stake))
            placed += stake


@given(limit=amounts, deposited=amounts, window=windows)
def test_deposit_room_and_check_agree(limit, deposited, window) -> None:
    known = facts(
        limits=(Limit(LimitKind.DEPOSIT, window, limit),),
        counters=Counters.empty(NOW).with_deposit(deposited),
    )
    room = rules.deposit_room(known, now=NOW)
    assert room == max(0, limit - deposited)
    if room:
        assert rules.check_deposit(known, deposit_ref=room, now=NOW) is None
    assert rules.check_deposit(known, deposit_ref=room + 1, now=NOW) is not None


def test_deposits_and_stakes_do_not_mix() -> None:
    known = facts(
        limits=(
            Limit(LimitKind.DEPOSIT, Window.DAY, 10),
            Limit(LimitKind.WAGER, Window.DAY, 20),
        )
    )
    assert rules.check_stake(known, stake_ref=20, now=NOW) is None
    assert rules.check_deposit(known, deposit_ref=10, now=NOW) is None
    assert rules.deposit_room(known, now=NOW) == 10


@pytest.mark.parametrize(
    "changed",
    [
        {"status": Status.BLOCKED},
        {"excluded_for_life": True},
        {"cooling_off_until": NOW + UNIT},
    ],
)
def test_a_deposit_while_closed_is_not_playable(changed) -> None:
    assert rules.check_deposit(facts(**changed), deposit_ref=1, now=NOW) is not None


@given(current=maybe_units, asked=maybe_units)
def test_a_tighter_limit_bites_at_once_and_a_looser_one_a_day_later(current, asked) -> None:
    before = Limit(LimitKind.LOSS, Window.DAY, current)
    after = before.changed(asked, now=NOW)
    endless = 10**18
    ranks = [endless if units is None else units for units in (current, asked)]
    assert (after.effective(NOW) or endless) == min(ranks)
    assert after.effective(NOW + RAISE_WAITS - UNIT) == after.effective(NOW)
    assert after.effective(NOW + RAISE_WAITS) == asked
    assert after.waits(NOW) == (ranks[1] > ranks[0])


@given(
    current=maybe_units,
    asked=st.lists(st.tuples(maybe_units, st.integers(0, 40)), min_size=1, max_size=12),
)
def test_no_sequence_of_requests_loosens_a_limit_within_a_day(current, asked) -> None:
    limit, now = Limit(LimitKind.LOSS, Window.DAY, current), NOW
    requests: list[tuple[datetime, int | None]] = []
    for units, hours in asked:
        before = limit.effective(now)
        limit = limit.changed(units, now=now)
        assert not rules.looser(limit.effective(now), than=before)
        requests.append((now, units))
        later = now + timedelta(hours=hours)
        if rules.looser(limit.effective(later), than=limit.effective(now)):
            # What holds now was asked for, at least a day before.
            assert any(
                units == limit.effective(later) and later - at >= RAISE_WAITS
                for at, units in requests
            )
        now = later


def test_asking_again_does_not_start_the_day_again() -> None:
    limit = Limit(LimitKind.LOSS, Window.DAY, 100).changed(200, now=NOW)
    later = NOW + timedelta(hours=5)
    assert limit.changed(200, now=later) == limit
    assert limit.changed(300, now=later).pending_at == later + RAISE_WAITS


def test_asking_for_the_current_limit_takes_a_raise_back() -> None:
    limit = Limit(LimitKind.LOSS, Window.DAY, 100).changed(None, now=NOW)
    taken_back = limit.changed(100, now=NOW + timedelta(hours=5))
    assert taken_back.effective(NOW + timedelta(days=9)) == 100


@given(at=moments, staked=amounts, later=st.timedeltas(timedelta(0), timedelta(days=70)))
def test_counters_forget_a_window_exactly_when_it_ends(at, staked, later) -> None:
    counters = Counters.empty(at).with_stake(staked).with_deposit(staked)
    rolled = counters.rolled(at + later)
    for window in Window:
        same = window_start(window, at) == window_start(window, at + later)
        tally = rolled.tally(window)
        assert tally.start == window_start(window, at + later).date()
        assert (tally.staked, tally.lost, tally.deposited) == ((staked,) * 3 if same else (0,) * 3)


@pytest.mark.parametrize(
    ("edge", "kept"),
    [
        (datetime(2026, 11, 19, tzinfo=UTC), {Window.WEEK, Window.MONTH}),
        (datetime(2026, 11, 23, tzinfo=UTC), {Window.MONTH}),  # a Monday
        (datetime(2026, 12, 1, tzinfo=UTC), {Window.WEEK}),  # a Tuesday
    ],
)
def test_windows_roll_at_midnight_monday_and_the_first(edge, kept) -> None:
    counters = Counters.empty(edge - UNIT).with_stake(7)
    assert all(counters.rolled(edge - UNIT).tally(window).staked == 7 for window in Window)
    rolled = counters.rolled(edge)
    assert {window for window in Window if rolled.tally(window).staked == 7} == kept


def test_a_clock_that_runs_behind_forgets_nothing() -> None:
    counters = Counters.empty(datetime(2026, 11, 19, tzinfo=UTC)).with_stake(7)
    late = datetime(2026, 11, 18, 23, 59, 59, tzinfo=UTC)
    assert counters.rolled(late).day == Tally(date(2026, 11, 19), staked=7, lost=7)


@given(stake=amounts, payout=amounts)
def test_a_refund_leaves_nothing_of_a_stake(stake, payout) -> None:
    counters = Counters.empty(NOW).with_stake(payout).with_payout(payout)
    assert counters.with_stake(stake).with_refund(stake) == counters


def test_a_refund_of_yesterdays_stake_does_not_make_turnover_negative() -> None:
    today = Counters.empty(NOW).with_refund(50)
    assert today.day.staked == 0
    assert today.day.lost == -50


def test_the_last_rate_is_remembered() -> None:
    counters = Counters.empty(NOW).with_stake(1, rate_id=7).with_payout(1)
    assert counters.rate_id == 7
    assert counters.rolled(NOW + timedelta(days=40)).rate_id == 7
