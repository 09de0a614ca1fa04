"""Limits: tighter at once, looser a day later, shown with what is used, audited."""

import asyncio
from datetime import timedelta

import pytest

from casino import audit, outbox
from casino.clock import Window
from casino.db import Database
from casino.errors import BadAmount, BadChoice, LimitReached
from casino.players import facts, limits, rules
from casino.players.rules import LimitKind
from tests.casino.players.people import NOW, make_player, outbox_kinds

DAY = timedelta(hours=24)


async def ask(session, player, units, *, kind=LimitKind.LOSS, window=Window.DAY, now=NOW):
    return await limits.set_limit(
        session, player_id=player.id, kind=kind, window=window, units=units, now=now
    )


async def test_every_limit_is_shown_before_any_is_set(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        shown = await limits.show(session, player_id=player.id, now=NOW)
    assert [(view.kind, view.window) for view in shown] == list(limits.OFFERED)
    assert {(view.units, view.used, view.pending_at) for view in shown} == {(None, 0, None)}


async def test_a_lower_limit_bites_at_once_and_a_higher_one_a_day_later(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        await ask(session, player, 1000)
        lowered = await ask(session, player, 400)
        assert (lowered.units, lowered.pending_at) == (400, None)
        raised = await ask(session, player, 900)
        assert (raised.units, raised.pending_units, raised.pending_at) == (400, 900, NOW + DAY)

        for now, refused in ((NOW + DAY - timedelta(microseconds=1), True), (NOW + DAY, False)):
            known = await facts.load_one(session, player_id=player.id)
            refusal = rules.check_stake(known, stake_ref=401, now=now)
            assert isinstance(refusal, LimitReached) == refused
        shown = (await limits.show(session, player_id=player.id, now=NOW + DAY))[3]
        assert (shown.kind, shown.units, shown.pending_at) == (LimitKind.LOSS, 900, None)


async def test_a_removal_waits_a_day_too(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        await ask(session, player, 400)
        removed = await ask(session, player, None)
        assert (removed.units, removed.pending_units, removed.pending_at) == (400, None, NOW + DAY)
        later = await ask(session, player, None, now=NOW + DAY)
        assert (later.units, later.pending_at) == (None, None)


async def test_used_comes_from_the_counters(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        known = await facts.load_one(session, player_id=player.id)
        counters = known.counters.with_stake(70).with_payout(30).with_deposit(500)
        await facts.store_counters_of(session, {player.id: counters})
        shown = await limits.show(session, player_id=player.id, now=NOW)
        used = {(view.kind, view.window): view.used for view in shown}
        tomorrow = await limits.show(session, player_id=player.id, now=NOW + DAY)
    assert used[LimitKind.LOSS, Window.DAY] == 40
    assert used[LimitKind.WAGER, Window.WEEK] == 70
    assert used[LimitKind.DEPOSIT, Window.MONTH] == 500
    assert used[LimitKind.STAKE, Window.DAY] == 0
    assert {view.used for view in tomorrow if view.window is Window.DAY} == {0}


@pytest.mark.parametrize("units", [0, -1, 2**63, 10**30, True, 1.5, "5"])
async def test_an_amount_that_is_none_is_refused(db: Database, units) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(BadAmount):
            await ask(session, player, units)


async def test_a_stake_limit_has_no_week(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        with pytest.raises(BadChoice):
            await ask(session, player, 5, kind=LimitKind.STAKE, window=Window.WEEK)


async def test_each_change_is_audited_once_and_the_chain_is_sound(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)
        await ask(session, player, None)  # nothing to change
        for units in (400, 400, 900, 900):
            await ask(session, player, units)
        lines = await audit.search(session, action="limit.set")
        assert [(line.after or {})["pending_units"] for line in lines] == [900, None]
        assert {line.actor for line in lines} == {f"player:{player.id}"}
        assert (await audit.verify(session))[1] is None
        assert await outbox_kinds(session, consumer=outbox.LIVE, key=player.id) == ["limit.set"] * 2


async def test_changes_at_once_end_at_the_tightest(db: Database) -> None:
    async with db.transaction() as session:
        player = await make_player(session)

    async def one(units: int) -> None:
        async with db.transaction() as session:
            await ask(session, player, units)

    await asyncio.gather(*(one(units) for units in (700, 300, 900, 500, 800)))
    async with db.transaction() as session:
        shown = await limits.show(session, player_id=player.id, now=NOW)
    assert shown[3].units == 300
