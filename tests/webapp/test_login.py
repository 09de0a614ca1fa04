"""Log-in: one launch, one running token; forged, stale and spent launches open nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from casino.clock import utc_now
from casino.money import PLAYABLE
from casino.players import identity
from tests.webapp.conftest import Join
from tests.webapp.launches import fields_of, hash_of, sign
from tests.webapp.people import TON, Person, withdrawal


async def test_the_first_launch_makes_a_player(client, house):
    person = Person(client)
    person.relaunch(start_param="ref_42")
    answer = await person.log_in()
    assert answer.status == 200
    assert answer.body["player"]["first_name"] == "Ann"
    assert answer.body["player"]["consented"] is False
    assert len(answer.body["token"]) >= 43
    me = (await person.get("/api/me")).body
    assert me["player"] == answer.body["player"]
    assert [one["cash"] for one in me["balances"]] == ["0"] * len(PLAYABLE)
    assert (me["open_rounds"], me["stopped"], me["reality"]["minutes"]) == ([], [], 0)
    async with house.transaction() as session:
        player = await identity.get(session, player_id=person.player_id)
        token_hash = await session.scalar(text("SELECT token_hash FROM logins"))
    assert (player.telegram_id, player.referral) == (person.telegram_id, "ref_42")
    assert answer.body["token"].encode() not in token_hash


async def test_twenty_first_launches_at_once_make_one_player(client):
    person = Person(client)
    launches = [person.relaunch() for _ in range(20)]
    answers = await asyncio.gather(*(Person(client).log_in(one) for one in launches))
    assert [answer.status for answer in answers] == [200] * 20
    assert len({answer.body["player"]["id"] for answer in answers}) == 1


async def test_the_same_launch_again_revokes_the_earlier_token(client):
    person = Person(client)
    first = (await person.log_in()).body["token"]
    second = (await person.log_in()).body["token"]
    assert first != second
    assert (await Person(client, token=first).get("/api/me")).status == 401
    assert (await Person(client, token=second).get("/api/me")).status == 200


async def test_after_log_out_the_launch_is_spent_and_a_new_one_works(client):
    person = Person(client)
    await person.log_in()
    assert (await person.post("/api/logout")).status == 200
    assert (await person.get("/api/me")).status == 401
    answer = await person.log_in()
    assert (answer.status, answer.code) == (401, "refusal.login_refused")
    assert answer.data == {"reason": "proof_spent"}
    person.relaunch()
    assert (await person.log_in()).status == 200


async def test_after_exclusion_the_launch_is_spent_and_a_new_one_can_only_withdraw(join: Join):
    person = await join()
    assert (await person.post("/api/self-exclusion", {"months": 6})).status == 200
    assert (await person.get("/api/me")).status == 401
    assert (await person.log_in()).data == {"reason": "proof_spent"}
    # A launch is dated to the second: the next one is the next second's.
    await asyncio.sleep(1.1)
    person.relaunch()
    assert (await person.log_in()).status == 200
    limits = (await person.get("/api/limits")).body
    assert limits["excluded_until"] > datetime.now(UTC).isoformat()
    assert (await person.withdraw(withdrawal(5 * TON))).status == 200


async def test_launches_that_prove_nothing_are_refused(client):
    person = Person(client)
    now = datetime.now(UTC)
    fields = fields_of(telegram_id=person.telegram_id, at=now)
    good = sign(fields)
    mallory = fields_of(telegram_id=1, at=now)["user"]
    cases = {
        "forged": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "expired": sign(fields_of(telegram_id=5, at=now - timedelta(hours=24, seconds=5))),
        "from_the_future": sign(fields_of(telegram_id=5, at=now + timedelta(minutes=5))),
        "oversized": sign({**fields, "x": "y" * 5000}),
        "duplicate_field": f"{good}&user={mallory}",
        "malformed": "это не данные",
    }
    for reason, launch in cases.items():
        answer = await person.log_in(launch)
        assert (reason, answer.status) == (reason, 401)
        assert (answer.code, answer.data) == ("refusal.login_refused", {"reason": reason})
    answer = await person.log_in(good.rpartition("&hash=")[0] + "&hash=%C3%A9")
    assert (answer.status, answer.data) == (401, {"reason": "forged"})
    other = sign(fields, token="7000000002:another-bot")
    assert (await person.log_in(other)).data == {"reason": "forged"}
    unsigned = {**fields, "hash": hash_of(fields, token="x")}
    assert (await person.log_in("&".join(f"{k}={v}" for k, v in unsigned.items()))).status == 401


async def test_a_body_that_is_no_login_is_a_bad_request(client):
    person = Person(client)
    for body in ({}, {"init_data": 5}, {"init_data": None}, [], "x", {"init_data": "", "x": 1}):
        assert (await person.post("/api/login", body)).status == 400


async def test_without_a_token_nothing_is_answered(client):
    person = Person(client)
    routes = [
        (route.method, route.resource.canonical)
        for route in client.app.router.routes()
        if route.resource.canonical.startswith("/api/") and route.method in {"GET", "POST", "PUT"}
    ]
    assert len(routes) > 25
    for method, path in routes:
        if path in {"/api/login", "/api/fairness/house-key"}:  # for everybody
            continue
        for token in ("", "x" * 43, "é" * 43, "Bearer", "'; DROP TABLE logins"):
            person.token = ""
            headers = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
            async with client.request(method, path, headers=headers) as response:
                assert (path, response.status) == (path, 401)
                assert (await response.json())["error"]["code"] == "refusal.login_refused"


async def test_a_login_runs_out(client, house):
    person = Person(client)
    await person.log_in()
    async with house.transaction() as session:
        await session.execute(text("UPDATE logins SET expires_at = now() - interval '1 second'"))
    assert (await person.get("/api/me")).status == 401


async def test_a_blocked_player_is_logged_out_and_stays_out(client, house):
    person = Person(client)
    await person.log_in()
    async with house.transaction() as session:
        await identity.block(
            session, player_id=person.player_id, reason="t", actor="staff:1", now=utc_now()
        )
    assert (await person.get("/api/me")).status == 401
    person.relaunch()
    answer = await person.log_in()
    assert (answer.status, answer.data) == (401, {"reason": "blocked"})


async def test_devices_are_listed_and_ended_by_their_owner_only(client):
    phone = Person(client)
    await phone.log_in()
    tablet = Person(client, telegram_id=phone.telegram_id)
    tablet.relaunch()
    await tablet.log_in()
    stranger = Person(client)
    await stranger.log_in()
    logins = (await phone.get("/api/me/logins")).body["logins"]
    assert [one["agent"] for one in logins] == ["phone", "phone"]
    assert [one["current"] for one in logins] == [False, True]
    assert (await stranger.delete(f"/api/me/logins/{logins[0]['id']}")).status == 404
    assert (await tablet.get("/api/me")).status == 200
    assert (await phone.delete(f"/api/me/logins/{logins[0]['id']}")).status == 200
    assert (await tablet.get("/api/me")).status == 401
    assert (await phone.delete("/api/me/logins/not-an-id")).status == 404


async def test_language_and_terms(client):
    person = Person(client)
    await person.log_in()
    answer = await person.post("/api/me/language", {"language": "ru"})
    assert answer.body["player"]["language"] == "ru"
    assert (await person.post("/api/me/language", {"language": "xx"})).code == "refusal.bad_choice"
    version = person.player["terms_version"]
    for body in (
        {"terms_version": version, "of_age": False},
        {"terms_version": "1999-01-01", "of_age": True},
    ):
        assert (await person.post("/api/me/terms", body)).code == "refusal.consent_required"
    assert (await person.get("/api/me")).body["player"]["consented"] is False
    assert (await person.consent()).body["player"]["consented"] is True


async def test_log_ins_of_one_person_are_throttled(client):
    person = Person(client)
    person.relaunch()
    answers = [await person.log_in() for _ in range(30)]
    refused = [answer for answer in answers if answer.status != 200]
    assert 0 < len(refused) < 15
    assert {answer.code for answer in refused} == {"refusal.too_many_requests"}
    assert all(int(answer.data["retry_after_seconds"]) >= 1 for answer in refused)
    assert (await Person(client).log_in()).status == 200


async def test_every_answer_carries_safe_headers_and_no_cookies(client):
    async with client.get("/api/me") as response:
        headers = response.headers
        body = await response.json()
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Request-Id"] == body["error"]["request_id"]
    assert "Set-Cookie" not in headers
