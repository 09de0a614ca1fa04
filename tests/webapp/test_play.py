"""Bets over HTTP: what is asked, what is refused, and one bet for one reference."""

import asyncio

from sqlalchemy import text

from casino import flags
from casino.clock import utc_now
from casino.ids import new_reference
from games.registry import INSTANT
from tests.webapp.conftest import Join, Start
from tests.webapp.people import TON, Person, bet


async def count_rounds(house) -> int:
    async with house.transaction() as session:
        return await session.scalar(text("SELECT count(*) FROM rounds"))


async def test_a_bet_is_settled_and_told_with_its_proof(join: Join, house):
    person = await join()
    fair = (await person.get("/api/fairness")).body
    answer = await person.post("/api/play/dice", bet(2 * TON))
    assert answer.status == 200
    receipt = answer.body
    assert receipt["stake"] == str(2 * TON)
    assert receipt["seed"]["commitment"] == fair["commitment"]
    assert receipt["seed"]["nonce"] == fair["nonce"] == 0
    assert receipt["seed"]["server_seed"] is None
    assert receipt["replayed"] is False
    won = receipt["outcome"]["roll"] > 5000
    assert int(receipt["payout"]) == (2 * TON * 9900 // 5000 if won else 0)
    assert receipt["multiplier"] == ({"n": "99", "d": "50"} if won else {"n": "0", "d": "1"})
    assert int(receipt["balance"]) == 98 * TON + int(receipt["payout"]) == await person.cash()
    assert await count_rounds(house) == 1


async def test_a_stake_that_cannot_be_is_refused_and_costs_nothing(join: Join, house):
    person = await join(units=10 * TON)
    senseless = ("0", "-1", str(10**30), "9" * 19, "1e9", "1.5", "NaN", "Infinity", "", " 1")
    for stake in (*senseless, "١٢٣", "0x10", "1_000", "1" * 400):
        answer = await person.post("/api/play/dice", bet(stake))
        assert (stake, answer.status, answer.code) == (stake, 422, "refusal.bad_amount")
    for stake, code in (
        (101 * TON, "refusal.stake_out_of_range"),
        (1, "refusal.stake_out_of_range"),
        (11 * TON, "refusal.insufficient_funds"),
    ):
        answer = await person.post("/api/play/dice", bet(stake))
        assert (stake, answer.status, answer.code) == (stake, 422, code)
    assert answer.data == {"available": str(10 * TON), "asset": "TON"}
    assert await person.cash() == 10 * TON
    assert await count_rounds(house) == 0


async def test_a_stake_that_is_not_text_is_a_bad_request(join: Join, house):
    person = await join()
    for stake in ("1000000000", "1e30", "1.5", "NaN", "true", "null", "[]", "1" * 400):
        raw = (
            f'{{"asset": "TON", "stake": {stake}, "choice": {{"target": 5000, "over": true}},'
            f' "reference": "{new_reference()}"}}'
        )
        status, body = await raw_post(person, "/api/play/dice", raw)
        assert (stake, status, body["error"]["code"]) == (stake, 400, "error.bad_request")
    assert await count_rounds(house) == 0


async def raw_post(person: Person, path: str, raw: str | bytes, content_type="application/json"):
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": content_type}
    async with person.client.post(path, data=raw, headers=headers) as response:
        return response.status, await response.json()


async def test_a_body_that_is_no_bet_is_a_bad_request(join: Join):
    person = await join()
    lone = b'{"asset": "\\ud800"}'
    for raw in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", lone, b"[" * 9000):
        status, body = await raw_post(person, "/api/play/dice", raw)
        assert (raw[:9], status, body["error"]["code"]) == (raw[:9], 400, "error.bad_request")


async def test_a_body_too_large_or_of_another_type_is_refused(join: Join):
    person = await join()
    status, body = await raw_post(person, "/api/play/dice", b" " * 20_000)
    assert (status, body["error"]["code"]) == (413, "error.too_large")
    status, body = await raw_post(person, "/api/play/dice", b"{}", "text/plain")
    assert (status, body["error"]["code"]) == (400, "error.bad_request")


async def test_unknown_fields_are_refused(join: Join):
    person = await join()
    answer = await person.post("/api/play/dice", bet() | {"payout": "5"})
    assert (answer.status, answer.code) == (400, "error.bad_request")


async def test_a_choice_that_the_game_does_not_offer_is_refused(join: Join, house):
    person = await join()
    for choice in (
        {},
        {"target": 5000},
        {"target": "5000", "over": True},
        {"target": 5000.5, "over": True},
        {"target": 10**30, "over": True},
        {"target": -1, "over": True},
        {"target": 5000, "over": 1},
        {"target": 5000, "over": True, "roll": 9999},
        {"target": [5000], "over": True},
    ):
        answer = await person.post("/api/play/dice", bet(choice=choice))
        assert (choice, answer.status, answer.code) == (choice, 422, "refusal.bad_choice")
    assert await count_rounds(house) == 0


async def test_an_unknown_game_or_asset_is_not_found(join: Join):
    person = await join()
    assert (await person.post("/api/play/roulette", bet())).code == "error.not_found"
    assert (await person.post("/api/play/mines", bet())).code == "error.not_found"
    assert (await person.post("/api/play/dice", bet(asset="DOGE"))).code == "error.not_found"


async def test_a_reference_that_is_no_uuid7_is_refused(join: Join):
    person = await join()
    old = "01800000-0000-7000-8000-000000000000"
    for reference in ("1", "x" * 64, "018f4b2e-0000-4000-8000-000000000000", old):
        answer = await person.post("/api/play/dice", bet(reference=reference))
        assert (answer.status, answer.code) == (422, "refusal.stale_reference")


async def test_eight_bets_with_one_reference_from_two_servers_are_one(
    start: Start, join: Join, house
):
    first, second = await start(), await start()
    person = await join(at=first)
    elsewhere = Person(second, token=person.token)
    asked = bet(3 * TON)
    answers = await asyncio.gather(
        *((person, elsewhere)[number % 2].post("/api/play/dice", asked) for number in range(8))
    )
    assert [answer.status for answer in answers] == [200] * 8
    told = [{**answer.body, "replayed": None} for answer in answers]
    assert all(one == told[0] for one in told)
    assert [answer.body["replayed"] for answer in answers].count(False) == 1
    assert await count_rounds(house) == 1
    assert await person.cash() == 97 * TON + int(told[0]["payout"])


async def test_one_reference_with_another_content_is_a_conflict(join: Join, house):
    person = await join()
    asked = bet(TON)
    assert (await person.post("/api/play/dice", asked)).status == 200
    answer = await person.post("/api/play/dice", asked | {"stake": str(2 * TON)})
    assert (answer.status, answer.code) == (409, "error.idempotency_conflict")
    assert await count_rounds(house) == 1


async def test_without_consent_nothing_is_played(client):
    person = Person(client)
    await person.log_in()
    answer = await person.post("/api/play/dice", bet())
    assert (answer.status, answer.code) == (403, "refusal.consent_required")
    assert answer.data["terms_version"] == person.player["terms_version"]


async def test_a_stopped_game_refuses_bets(join: Join, house):
    person = await join()
    async with house.transaction() as session:
        await flags.set_flag(
            session, name="game:dice", stop=True, reason="t", actor="staff:1", now=utc_now()
        )
    answer = await person.post("/api/play/dice", bet())
    assert (answer.status, answer.code, answer.data) == (
        422,
        "refusal.paused",
        {"switch": "game:dice"},
    )
    assert (await person.get("/api/lobby")).body["stopped"] == ["game:dice"]


async def test_a_players_own_stake_limit_holds(join: Join):
    person = await join()
    limit = {"kind": "stake", "window": "day", "units": "2999999"}
    assert (await person.put("/api/limits", limit)).status == 200
    answer = await person.post("/api/play/dice", bet(TON))  # 3 EUR at the rate of the tests
    assert (answer.status, answer.code) == (422, "refusal.limit_reached")
    assert answer.data == {
        "kind": "stake",
        "window": "day",
        "limit": "2999999",
        "used": "0",
        "resets_at": None,
    }
    assert (await person.post("/api/play/dice", bet(TON - TON // 1000))).status == 200


async def test_the_lobby_tells_games_and_stakes(join: Join):
    person = await join()
    lobby = (await person.get("/api/lobby")).body
    dice, mines = lobby["games"]
    assert (dice["slug"], dice["kind"], dice["rtp_bp"]) == ("dice", "instant", 9899)
    assert (mines["slug"], mines["kind"], mines["rtp_bp"]) == ("mines", "steps", 9900)
    assert dice["stake"]["TON"] == {"min": "10000000", "max": str(100 * TON)}
    assert lobby["assets"] == [
        {"asset": "TON", "decimals": 9},
        {"asset": "USDT", "decimals": 6},
        {"asset": "BTC", "decimals": 11},
    ]
    assert set(INSTANT) <= {game["slug"] for game in lobby["games"]}
