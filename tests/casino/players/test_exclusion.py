"""Time-outs and self-exclusions: closed at once, never shortened, told to everybody."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from casino import audit, outbox
from casino.db import Database
from casino.errors import BadChoice, CoolingOff, LoginRefused, SelfExcluded
from casino.players import exclusion, facts, logins, rules
from tests.casino.players.people import NOW, make_player, outbox_kinds
from tests.casino.players.races import overlapping


async def refusal(session, player, now):
    return rules.check_play(await facts.load_one(session, player_id=player.id), now=now)


async def test_a_time_out_closes_play_until_its_end(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        until = await exclusion.take_time_out(
            session, player_id=player.id, duration=timedelta(hours=24), now=NOW
        )
        assert until == NOW + timedelta(hours=24)
        assert isinstance(await refusal(session, player, NOW), CoolingOff)
        assert await refusal(session, player, until) is None


async def test_a_shorter_time_out_leaves_the_longer_one(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        ends = [
            await exclusion.take_time_out(
                session, player_id=player.id, duration=timedelta(days=days), now=NOW
            )
            for days in (7, 2, 42)
        ]
        assert ends == [NOW + timedelta(days=days) for days in (7, 7, 42)]
        assert await session.scalar(text("SELECT count(*) FROM exclusions")) == 2


@pytest.mark.parametrize("hours", [0, -24, 23, 6 * 7 * 24 + 1])
async def test_a_time_out_is_a_day_to_six_weeks(db: Database, hours) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(BadChoice):
            await exclusion.take_time_out(
                session, player_id=player.id, duration=timedelta(hours=hours), now=NOW
            )


async def test_an_exclusion_ends_logins_and_is_told_and_audited(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        minted = await logins.mint(
            session, player_id=player.id, proof_hash=b"p", auth_date=NOW, agent="", now=NOW
        )
        until = await exclusion.self_exclude(session, player_id=player.id, months=6, now=NOW)
        assert until == NOW.replace(year=2027, month=5)
        assert isinstance(await refusal(session, player, NOW), SelfExcluded)
        assert await refusal(session, player, until) is None
        with pytest.raises(LoginRefused):
            await logins.resume(session, token=minted.token, now=NOW)
        for consumer in (outbox.PLAYER, outbox.LIVE):
            kinds = await outbox_kinds(session, consumer=consumer, key=player.id)
            assert "self_exclusion.started" in kinds
        line, *_ = await audit.search(session, action="self_exclusion.started")
        assert line.after == {"until": until.isoformat(), "for_life": False}


async def test_nothing_shortens_an_exclusion(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        long = await exclusion.self_exclude(session, player_id=player.id, months=60, now=NOW)
        for months in (6, 12, 36, 60):
            until = await exclusion.self_exclude(
                session, player_id=player.id, months=months, now=NOW
            )
            assert until == long
        assert (
            await exclusion.self_exclude(session, player_id=player.id, months=None, now=NOW) is None
        )
        assert await exclusion.self_exclude(session, player_id=player.id, months=6, now=NOW) is None
        far = NOW.replace(year=2500)
        assert isinstance(await refusal(session, player, far), SelfExcluded)


@pytest.mark.parametrize("months", [0, 1, 5, -6, 600])
async def test_other_terms_are_refused(db: Database, months) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(BadChoice):
            await exclusion.self_exclude(session, player_id=player.id, months=months, now=NOW)


async def test_a_shorter_exclusion_that_arrives_meanwhile_shortens_nothing(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
    long = exclusion.months_later(NOW, 60)
    until = await overlapping(
        db,
        lambda session: exclusion.self_exclude(session, player_id=player.id, months=60, now=NOW),
        lambda session: exclusion.self_exclude(session, player_id=player.id, months=6, now=NOW),
    )
    async with db.transaction() as session:
        known = await facts.load_one(session, player_id=player.id)
    assert until == known.excluded_until == long


async def test_a_shorter_time_out_that_arrives_meanwhile_shortens_nothing(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
    until = await overlapping(
        db,
        lambda session: exclusion.take_time_out(
            session, player_id=player.id, duration=timedelta(days=9), now=NOW
        ),
        lambda session: exclusion.take_time_out(
            session, player_id=player.id, duration=timedelta(days=2), now=NOW
        ),
    )
    async with db.transaction() as session:
        known = await facts.load_one(session, player_id=player.id)
    assert until == known.cooling_off_until == NOW + timedelta(days=9)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ((2026, 8, 31), 6, (2027, 2, 28)),
        ((2027, 8, 31), 6, (2028, 2, 29)),
        ((2026, 12, 1), 12, (2027, 12, 1)),
        ((2028, 2, 29), 60, (2033, 2, 28)),
    ],
)
def test_months_end_on_a_day_that_exists(day, months, expected) -> None:
    moment = datetime(*day, 23, 59, tzinfo=UTC)
    assert exclusion.months_later(moment, months) == datetime(*expected, 23, 59, tzinfo=UTC)


@given(st.integers(0, 10_000), st.sampled_from(exclusion.EXCLUSION_MONTHS))
def test_a_term_is_never_shorter_than_its_shortest_months(days, months) -> None:
    moment = NOW + timedelta(days=days)
    assert exclusion.months_later(moment, months) - moment >= timedelta(days=30 * months)
