"""Limits, breaks, self-exclusion and support over HTTP."""

from datetime import UTC, datetime, timedelta

from tests.webapp.conftest import Join
from tests.webapp.people import TON, Person, bet


def parsed(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


async def again(person: Person) -> Person:
    """The same person after a new launch, which Telegram dates to the second."""
    person.relaunch(seconds_ago=-2)
    assert (await person.log_in()).status == 200
    return person


async def test_a_limit_is_set_at_once_and_raised_after_a_day(join: Join):
    person = await join()
    asked = {"kind": "loss", "window": "day", "units": "5000000"}
    lowered = (await person.put("/api/limits", asked)).body
    assert (lowered["units"], lowered["used"], lowered["pending_at"]) == ("5000000", "0", None)
    raised = (await person.put("/api/limits", asked | {"units": "9000000"})).body
    assert (raised["units"], raised["pending_units"]) == ("5000000", "9000000")
    wait = parsed(raised["pending_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < wait <= timedelta(hours=24)
    shown = (await person.get("/api/limits")).body
    assert shown["currency"] == {"code": "EUR", "decimals": 6}
    assert raised in shown["limits"]
    assert len(shown["limits"]) == 10
    removed = (await person.put("/api/limits", asked | {"units": None})).body
    assert (removed["units"], removed["pending_units"]) == ("5000000", None)
    assert removed["pending_at"] is not None


async def test_a_limit_that_makes_no_sense_is_refused(join: Join):
    person = await join()
    good = {"kind": "loss", "window": "day", "units": "5000000"}
    for change, code in (
        ({"kind": "fun"}, "refusal.bad_choice"),
        ({"window": "year"}, "refusal.bad_choice"),
        ({"kind": "stake", "window": "month"}, "refusal.bad_choice"),
        ({"units": "0"}, "refusal.bad_amount"),
        ({"units": "-1"}, "refusal.bad_amount"),
        ({"units": str(10**30)}, "refusal.bad_amount"),
        ({"units": "NaN"}, "refusal.bad_amount"),
        ({"units": 5}, "error.bad_request"),
    ):
        answer = await person.put("/api/limits", good | change)
        assert (change, answer.code) == (change, code)
    assert all(one["units"] is None for one in (await person.get("/api/limits")).body["limits"])


async def test_a_loss_limit_stops_play(join: Join):
    person = await join()
    limit = {"kind": "wager", "window": "day", "units": "3000000"}
    await person.put("/api/limits", limit)
    assert (await person.post("/api/play/dice", bet(TON))).status == 200
    answer = await person.post("/api/play/dice", bet(TON))
    assert (answer.status, answer.code, answer.data["used"]) == (
        422,
        "refusal.limit_reached",
        "3000000",
    )


async def test_a_time_out_closes_play_and_ends_the_login(join: Join):
    person = await join()
    for hours in (0, -1, 23, 24 * 43, "24", 1.5, None):
        answer = await person.post("/api/time-out", {"hours": hours})
        assert (hours, answer.status in {400, 422}) == (hours, True)
    answer = await person.post("/api/time-out", {"hours": 24})
    wait = parsed(answer.body["until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < wait <= timedelta(hours=24)
    assert (await person.get("/api/me")).status == 401
    await again(person)
    refused = await person.post("/api/play/dice", bet())
    assert (refused.status, refused.code) == (403, "refusal.cooling_off")
    assert refused.data == {"until": answer.body["until"]}
    assert (await person.get("/api/limits")).body["cooling_off_until"] == answer.body["until"]


async def test_self_exclusion_for_life_has_no_end(join: Join):
    person = await join()
    for months in (0, 7, "6", 10**9):
        answer = await person.post("/api/self-exclusion", {"months": months})
        assert (months, answer.status in {400, 422}) == (months, True)
    assert (await person.post("/api/self-exclusion", {})).status == 400
    assert (await person.post("/api/self-exclusion", {"months": None})).body == {"until": None}
    await again(person)
    refused = await person.post("/api/play/dice", bet())
    assert (refused.status, refused.code, refused.data) == (
        403,
        "refusal.self_excluded",
        {"until": None},
    )
    assert (await person.get("/api/limits")).body["excluded_for_life"] is True


async def test_messages_to_staff_are_kept_in_order_for_their_writer(join: Join):
    person, stranger = await join(units=0), await join(units=0)
    for words in ("Hello", "Привет <b>"):
        assert (await person.post("/api/support", {"text": words})).status == 200
    messages = (await person.get("/api/support")).body["messages"]
    assert [(one["from"], one["text"]) for one in messages] == [
        ("player", "Hello"),
        ("player", "Привет <b>"),
    ]
    assert (await stranger.get("/api/support")).body["messages"] == []
    for body in ({"text": ""}, {"text": "x" * 2001}, {"text": 5}, {}):
        assert (await person.post("/api/support", body)).status == 400
    for words in ("  ", "a\0b"):
        answer = await person.post("/api/support", {"text": words})
        assert answer.status in {200, 422}
