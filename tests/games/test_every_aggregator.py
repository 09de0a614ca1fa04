"""What every aggregator of the registry owes: no money for forgeries, repeats or late calls."""

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from casino import flags
from casino.clock import Window, utc_now
from casino.errors import BadSignature
from casino.ids import public
from casino.money import UNITS_MAX
from casino.players import exclusion, limits
from casino.players.rules import LimitKind
from games.aggregators.base import Incoming, MoveKind
from games.registry import AGGREGATORS
from tests.games.aggregator_voices import PAYLOADS, TON, VOICES, Voice
from tests.games.outside import Desk

# Amounts that no ledger takes: negative, beyond 64 bits, no whole number, no number.
IMPOSSIBLE = (-1, -TON, UNITS_MAX + 1, 10**30, 10**4000, True, None, "1", "1e9", [1], {"units": 1})


@pytest.fixture(autouse=True)
def told() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged, kept as it is: drawing tracebacks for people takes seconds."""
    with capture_logs() as lines:
        yield lines


def test_every_aggregator_has_a_voice_in_the_tests():
    assert VOICES.keys() == AGGREGATORS.keys()
    for name, voice in VOICES.items():
        assert voice.aggregator.name == name


@pytest.mark.parametrize(
    "path", sorted(PAYLOADS.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_captured_calls_are_read_as_what_they_mean(path):
    captured = json.loads(path.read_text())
    voice = VOICES[path.parent.name]
    call = voice.aggregator.read_call(
        Incoming(captured["call"], captured["headers"], captured["body"].encode())
    )
    seen = [(one.kind, one.reference, one.units, one.target) for one in call.moves]
    meant = captured["means"]
    assert (call.player, call.asset, call.round_reference) == (
        meant["player"],
        meant["asset"],
        meant["round"],
    )
    assert seen == [
        (MoveKind(one["kind"]), one["reference"], one.get("units", 0), one.get("target", ""))
        for one in meant["moves"]
    ]


def test_every_aggregator_has_captured_calls():
    assert {path.parent.name for path in PAYLOADS.glob("*/*.json")} == set(AGGREGATORS)


def test_a_signature_of_anything_else_is_refused_before_the_bytes_are_read(voice: Voice):
    call = voice.debit("somebody", "d1", TON)
    changed = bytes([call.body[0] ^ 1]) + call.body[1:]
    other = voice.debit("somebody", "d2", TON)
    for headers, body in (
        ({}, call.body),
        ({}, b""),
        (dict.fromkeys(call.headers, ""), call.body),
        (dict.fromkeys(call.headers, "é\udcff"), call.body),
        (other.headers, call.body),
        ({name: text.upper() for name, text in call.headers.items()}, call.body),
        ({name: text[:-1] for name, text in call.headers.items()}, call.body),
        ({name: text + "0" for name, text in call.headers.items()}, call.body),
        (call.headers, changed),
        (call.headers, call.body + b" "),
        (call.headers, b"\xff{" * 1000),
    ):
        with pytest.raises(BadSignature):
            voice.aggregator.read_call(Incoming(call.call, headers, body))


async def test_a_forgery_learns_nothing_and_moves_nothing(desk: Desk):
    player_id, name = await desk.join()
    call = desk.voice.debit(name, "d1", TON)
    forged = Incoming(call.call, dict.fromkeys(call.headers, "0" * 64), call.body)
    said = await desk.hear(forged)
    assert (said.verdict, said.balance) == ("forged", None)
    assert await desk.cash(player_id) == 10 * TON


async def test_balance_debit_credit_and_both_at_once(desk: Desk):
    player_id, name = await desk.join()
    assert (await desk.say("balance", name)).balance == 10 * TON
    assert (await desk.say("debit", name, "d1", 3 * TON)).balance == 7 * TON
    assert (await desk.say("credit", name, "c1", 5 * TON)).balance == 12 * TON
    said = await desk.say("both", name, ("d2", 2 * TON), ("c2", TON))
    assert (said.balance, len(set(said.ids))) == (11 * TON, 2)
    assert await desk.cash(player_id) == 11 * TON


async def test_a_repeat_gives_the_same_ids_and_moves_once(desk: Desk):
    player_id, name = await desk.join()
    for kind, words in (
        ("debit", (name, "d1", 2 * TON)),
        ("credit", (name, "c1", TON)),
        ("both", (name, ("d2", TON), ("c2", TON))),
        ("rollback", (name, "r1", "d1")),
    ):
        first = await desk.say(kind, *words)
        assert first.verdict == "done"
        assert all(first.ids)
        assert await desk.say(kind, *words) == first
    assert await desk.cash(player_id) == 11 * TON


async def test_a_repeat_with_other_content_is_refused_with_the_balance(desk: Desk, told):
    player_id, name = await desk.join()
    await desk.say("debit", name, "d1", TON)
    await desk.say("credit", name, "c1", TON)
    await desk.say("rollback", name, "r1", "d1")
    for kind, words, more in (
        ("debit", (name, "d1", 2 * TON), {}),
        ("debit", (name, "d1", 0), {}),
        ("debit", (name, "d1", TON), {"game_id": "another-round"}),
        ("credit", (name, "c1", 2 * TON), {}),
        ("rollback", (name, "r1", "d2"), {}),
    ):
        said = await desk.say(kind, *words, **more)
        assert (kind, words, said.verdict, said.balance) == (kind, words, "bad call", 11 * TON)
        assert ("aggregator.conflict", "error") in [
            (one["event"], one["log_level"]) for one in told
        ]
        told.clear()
    assert await desk.cash(player_id) == 11 * TON


async def test_a_rollback_gives_back_once(desk: Desk):
    player_id, name = await desk.join()
    await desk.say("debit", name, "d1", 4 * TON)
    first = await desk.say("rollback", name, "r1", "d1")
    again = await desk.say("rollback", name, "r2", "d1")
    assert (first.balance, again.balance) == (10 * TON, 10 * TON)
    assert first.ids != again.ids == ("",)
    assert await desk.cash(player_id) == 10 * TON


async def test_a_debit_that_comes_after_its_rollback_moves_nothing(desk: Desk):
    player_id, name = await desk.join()
    early = await desk.say("rollback", name, "r1", "d1")
    assert (early.verdict, early.balance, early.ids) == ("done", 10 * TON, ("",))
    for _ in range(2):
        late = await desk.say("debit", name, "d1", TON)
        assert (late.verdict, late.balance, late.ids) == ("done", 10 * TON, ("",))
    # What it is said to have won is not paid either.
    late = await desk.say("both", name, ("d1", TON), ("c1", 5 * TON))
    assert (late.balance, late.ids) == (10 * TON, ("", ""))
    assert await desk.cash(player_id) == 10 * TON


async def test_a_rollback_of_somebody_elses_debit_is_refused(desk: Desk):
    ann_id, ann = await desk.join()
    bob_id, bob = await desk.join()
    await desk.say("debit", ann, "d1", TON)
    assert (await desk.say("rollback", bob, "r1", "d1")).verdict == "bad call"
    assert (await desk.cash(ann_id), await desk.cash(bob_id)) == (9 * TON, 10 * TON)


async def test_nobody_stakes_what_he_does_not_have(desk: Desk):
    player_id, name = await desk.join(units=TON)
    said = await desk.say("debit", name, "d1", TON + 1)
    assert (said.verdict, said.balance) == ("no funds", TON)
    # A win in the same call does not pay for its bet, and is not paid without it.
    said = await desk.say("both", name, ("d2", 2 * TON), ("c2", 5 * TON))
    assert (said.verdict, said.balance) == ("no funds", TON)
    assert (await desk.say("debit", name, "d3", TON)).balance == 0
    assert await desk.cash(player_id) == 0


async def test_nothing_staked_and_nothing_won_are_taken_in(desk: Desk):
    player_id, name = await desk.join()
    said = await desk.say("both", name, ("d1", 0), ("c1", 0))
    assert (said.verdict, said.balance) == ("done", 10 * TON)
    assert all(said.ids)
    assert await desk.cash(player_id) == 10 * TON


async def test_amounts_that_cannot_be_are_refused(desk: Desk):
    player_id, name = await desk.join()
    for number, units in enumerate(IMPOSSIBLE):
        for kind in ("debit", "credit"):
            said = await desk.say(kind, name, f"{kind}{number}", units)
            assert (units, kind, said.verdict) == (units, kind, "bad call")
    assert await desk.cash(player_id) == 10 * TON


async def test_references_that_cannot_be_are_refused(desk: Desk):
    player_id, name = await desk.join()
    for reference in ("", "x" * 129, "x" * 60_000, "a\0b", "\udc00", "a\nb", 7, None):
        for kind, words in (
            ("debit", (name, reference, TON)),
            ("rollback", (name, reference, "d1")),
            ("rollback", (name, "r1", reference)),
        ):
            said = await desk.say(kind, *words)
            assert (reference, kind, said.verdict) == (reference, kind, "bad call")
    said = await desk.say("debit", name, "x" * 128, TON)
    assert said.verdict == "done"
    assert await desk.cash(player_id) == 9 * TON


async def test_a_currency_that_was_not_agreed_on_is_refused(desk: Desk):
    player_id, name = await desk.join()
    for currency in ("EUR", "ton", "BTC"):
        said = await desk.say("debit", name, "d1", 1, currency=currency)
        assert (currency, said.verdict) == (currency, "currency")
    assert await desk.cash(player_id) == 10 * TON


async def test_a_player_who_is_not_ours_is_refused(desk: Desk):
    strangers = (public(1), public(0), public(2**62), "1001", "x" * 100, "é")
    for stranger in strangers:
        for kind, words in (
            ("balance", ()),
            ("debit", ("d1", TON)),
            ("credit", ("c1", TON)),
            ("rollback", ("r1", "d1")),
        ):
            said = await desk.say(kind, stranger, *words)
            assert (stranger, said.verdict, said.balance) == (stranger, "unknown player", None)


async def test_an_excluded_player_stakes_nothing_but_is_paid(desk: Desk):
    player_id, name = await desk.join()
    await desk.say("debit", name, "d1", TON)
    async with desk.database.transaction() as session:
        await exclusion.self_exclude(session, player_id=player_id, months=None, now=utc_now())
    said = await desk.say("debit", name, "d2", TON)
    assert (said.verdict, said.balance) == ("disabled", 9 * TON)
    assert (await desk.say("credit", name, "c1", 2 * TON)).balance == 11 * TON
    assert (await desk.say("rollback", name, "r1", "d1")).balance == 12 * TON
    assert await desk.cash(player_id) == 12 * TON


async def test_a_limit_of_the_player_counts_here_too(desk: Desk):
    player_id, name = await desk.join()
    rate = 3_000  # reference micro-units in a thousandth of a TON
    async with desk.database.transaction() as session:
        await limits.set_limit(
            session,
            player_id=player_id,
            kind=LimitKind.WAGER,
            window=Window.DAY,
            units=2 * 1000 * rate,
            now=utc_now(),
        )
    assert (await desk.say("debit", name, "d1", 2 * TON)).verdict == "done"
    said = await desk.say("debit", name, "d2", 1)
    assert (said.verdict, said.balance) == ("limit", 8 * TON)


async def test_the_switch_of_an_aggregator_stops_its_stakes_and_nothing_else(desk: Desk):
    _, name = await desk.join()
    await desk.say("debit", name, "d1", TON)
    async with desk.database.transaction() as session:
        await flags.set_flag(
            session,
            name=f"game:{desk.voice.aggregator.name}",
            stop=True,
            reason="quarrel",
            actor="staff:1",
            now=utc_now(),
        )
    said = await desk.say("debit", name, "d2", TON)
    assert (said.verdict, said.balance) == ("stopped", 9 * TON)
    assert (await desk.say("rollback", name, "r1", "d1")).balance == 10 * TON


async def test_a_call_that_is_not_in_the_dialect_is_refused(desk: Desk):
    _, name = await desk.join()
    call = desk.voice.balance(name)
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"{}",
        b"[" * 50_000,
        b"NaN",
        b"\xef\xbb\xbf{}",
    ):
        said = await desk.hear(desk.voice.signed(call.call, body))
        assert (body[:9], said.verdict) == (body[:9], "bad call")
    said = await desk.hear(desk.voice.signed("withdraw", call.body))
    assert said.verdict == "unknown call"


async def test_the_same_call_eight_times_at_once_from_two_processes_moves_once(
    desk: Desk, other_desk: Desk
):
    player_id, name = await desk.join()
    answers = await asyncio.gather(
        *(one.say("debit", name, "d1", 3 * TON) for one in (desk, other_desk) * 4)
    )
    assert len(set(answers)) == 1
    assert (answers[0].verdict, answers[0].balance) == ("done", 7 * TON)
    assert await desk.cash(player_id) == 7 * TON


async def test_one_id_for_two_players_in_two_processes_has_one_winner(desk: Desk, other_desk: Desk):
    ann_id, ann = await desk.join()
    bob_id, bob = await desk.join()
    for number in range(5):
        answers = await asyncio.gather(
            desk.say("debit", ann, f"d{number}", TON),
            other_desk.say("debit", bob, f"d{number}", TON),
        )
        assert sorted(one.verdict for one in answers) == ["bad call", "done"]
    assert await desk.cash(ann_id) + await desk.cash(bob_id) == 15 * TON
