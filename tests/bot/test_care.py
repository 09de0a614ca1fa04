"""Limits, time-outs and self-exclusion by chat: tighter at once, looser later, no way back."""

from datetime import timedelta
from typing import Any

from casino.clock import Window, utc_now
from casino.players import limits
from casino.players.limits import LimitView
from casino.players.rules import LimitKind
from tests.bot.crew import Crew, Visitor

EUR = 10**6


async def limit(crew: Crew, visitor: Visitor, kind: LimitKind, window: Window) -> LimitView:
    async with crew.database.transaction() as session:
        views = await limits.show(session, player_id=await visitor.player_id(), now=utc_now())
    return next(view for view in views if (view.kind, view.window) == (kind, window))


async def test_a_limit_is_set_by_a_tap_and_tightened_at_once(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    overview = await ann.say("/limits")
    for label in ("Deposit limit", "Loss limit", "Turnover limit", "Largest stake"):
        assert label in overview.labels
    shown = await ann.tap("Deposit limit")
    assert "Not set." in shown.text
    answer = await ann.tap_answer("100.00 EUR")
    assert answer["text"] == "The limit of 100.00 EUR is in force now."
    assert (await limit(crew, ann, LimitKind.DEPOSIT, Window.DAY)).units == 100 * EUR
    await ann.tap("50.00 EUR")
    assert (await limit(crew, ann, LimitKind.DEPOSIT, Window.DAY)).units == 50 * EUR
    assert "0.00 EUR of 50.00 EUR per day" in (await ann.say("/limits")).text


async def test_a_looser_limit_waits_a_day(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/limits")
    await ann.tap("Loss limit")
    await ann.tap("20.00 EUR")
    answer = await ann.tap_answer("500.00 EUR")
    assert answer["text"].startswith("A looser limit waits a day")
    view = await limit(crew, ann, LimitKind.LOSS, Window.DAY)
    assert (view.units, view.pending_units) == (20 * EUR, 500 * EUR)
    assert view.pending_at is not None
    assert view.pending_at > utc_now() + timedelta(hours=23)
    removed = await ann.tap("Remove the limit")
    assert "ends on" in removed.text
    view = await limit(crew, ann, LimitKind.LOSS, Window.DAY)
    assert (view.units, view.pending_units) == (20 * EUR, None)
    assert view.pending_at is not None


async def test_a_limit_for_a_week_typed_by_hand(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/limits")
    await ann.tap("Deposit limit")
    await ann.tap("Week")
    assert "not an amount" in (await ann.say("a lot")).text
    assert "not an amount" in (await ann.say("1" + "0" * 17)).text
    assert "not an amount" in (await ann.say("10.001")).text
    shown = await ann.say("75,50 eur")
    assert "The limit of 75.50 EUR is in force now." in shown.text
    assert (await limit(crew, ann, LimitKind.DEPOSIT, Window.WEEK)).units == 75_500_000
    assert (await limit(crew, ann, LimitKind.DEPOSIT, Window.DAY)).units is None


async def test_the_largest_stake_has_no_windows(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/limits")
    shown = await ann.tap("Largest stake")
    assert "Week" not in shown.labels
    await ann.tap("5.00 EUR")
    assert (await limit(crew, ann, LimitKind.STAKE, Window.DAY)).units == 5 * EUR
    # A changed button cannot make a stake limit over another window.
    await ann.forge("limset1:stake:month:10")
    assert await crew.scalar("SELECT count(*) FROM player_limits") == 1


async def test_a_time_out_asks_once_and_then_holds(ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/limits")
    await ann.tap("Take a time-out")
    sure = await ann.tap("24 hours")
    assert "cannot be ended early" in sure.text
    assert (await ann.player()).cooling_off_until is None
    await ann.tap("Begin: 24 hours")
    until = (await ann.player()).cooling_off_until
    assert until is not None
    assert timedelta(hours=23) < until - utc_now() <= timedelta(hours=24)
    assert "You are taking a time-out until" in (await ann.say("/menu")).text
    # The same button again, as after a crash, does not stretch it by another day.
    await ann.forge("pause1:24:1")
    again = (await ann.player()).cooling_off_until
    assert again is not None
    assert again - until < timedelta(minutes=1)


async def test_lengths_that_nobody_offers_are_refused(crew: Crew, ann: Visitor) -> None:
    await ann.accept()
    for data in ("pause1:1:1", "pause1:2000:1", "pause1:-24:1", "stop1:1:1", "stop1:-6:1"):
        assert (await ann.forge(data))["show_alert"]
    player = await ann.player()
    assert (player.cooling_off_until, player.excluded_until) == (None, None)
    assert await crew.scalar("SELECT count(*) FROM exclusions") == 0


async def test_self_exclusion_closes_play_and_leaves_the_money_reachable(ann: Visitor) -> None:
    await ann.rich()
    await ann.say("/limits")
    await ann.tap("Close play for me")
    await ann.tap("6 months")
    assert (await ann.player()).excluded_until is None
    await ann.tap("Close play: 6 months")
    until = (await ann.player()).excluded_until
    assert until is not None
    assert until > utc_now() + timedelta(days=180)
    assert "You have closed play for yourself until" in (await ann.say("/play")).text
    await ann.tap("‹ Back")
    await ann.tap("Deposit")
    refused = await ann.tap_answer("TON · TON network")
    assert "closed play for yourself" in refused["text"]
    await ann.say("/withdraw")
    assert "You can withdraw 100.00 TON now" in (await ann.tap("TON · TON network")).text


async def test_self_exclusion_for_good(ann: Visitor) -> None:
    await ann.accept()
    await ann.say("/limits")
    await ann.tap("Close play for me")
    await ann.tap("for good")
    done = await ann.tap("Close play: for good")
    assert (await ann.player()).excluded_for_life
    texts = [done.text, *(said.text for said in await ann.all())]
    assert any(text.startswith("Play is closed for good") for text in texts)


async def test_support_is_a_conversation(crew: Crew, ann: Visitor) -> None:
    await ann.start()  # before any consent
    asked = await ann.say("/support")
    assert asked.text.startswith("Support")
    sent = await ann.say("Where is my <b>deposit</b>?")
    assert sent.text.startswith("Sent to our staff")
    await ann.say("It was 5 TON & no comment")
    told: Any = await crew.column(
        "SELECT payload->>'text' FROM outbox WHERE kind = 'support.question' ORDER BY id"
    )
    assert told == ["Where is my <b>deposit</b>?", "It was 5 TON & no comment"]
    assert "You: Where is my <b>deposit</b>?" in (await ann.say("/support")).text
    assert "up to 2000 characters" in (await ann.say("x" * 2001)).text
    assert await crew.scalar("SELECT count(*) FROM support_messages") == 2
