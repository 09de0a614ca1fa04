"""Aggregators' calls over HTTP, on real servers: bounded, signed, once however often they come."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from structlog.testing import capture_logs

from casino import flags
from casino.betting.floor import open_floor
from casino.clock import utc_now
from casino.db import Database
from casino.players import exclusion
from games.aggregators.base import Incoming
from games.registry import STEPS
from tests.factories import VAULT
from tests.games.aggregator_voices import SoftSwissVoice
from tests.webapp.conftest import Join, Start
from tests.webapp.people import TON, Person

VOICE = SoftSwissVoice()
ON = {"softswiss": VOICE.aggregator}


async def call(client, incoming: Incoming, *, name: str = "softswiss") -> tuple[int, bytes]:
    async with client.post(
        f"/aggregators/{name}/{incoming.call}", data=incoming.body, headers=incoming.headers
    ) as response:
        return response.status, await response.read()


async def hear(client, incoming: Incoming):
    return VOICE.hear(*await call(client, incoming))


async def error_code(client, incoming: Incoming, **more: Any) -> tuple[int, str]:
    status, body = await call(client, incoming, **more)
    return status, json.loads(body)["error"]["code"]


@pytest.fixture(autouse=True)
def told() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged, kept as it is: drawing tracebacks for people takes seconds."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def lending(start: Start):
    """A server of a house that lends games."""
    return await start(aggregators=ON)


@pytest.fixture
async def person(lending, join: Join) -> Person:
    return await join(at=lending)


async def test_a_bet_and_a_win_are_settled_and_told_to_the_page(lending, person: Person):
    name = person.player["id"]
    socket = await person.open_socket()
    assert (await hear(lending, VOICE.balance(name))).balance == 100 * TON
    assert (await hear(lending, VOICE.debit(name, "d1", 30 * TON))).balance == 70 * TON
    assert (await hear(lending, VOICE.credit(name, "c1", 45 * TON))).balance == 115 * TON
    while True:
        message = await socket.receive_json(timeout=20)
        cash = {one["asset"]: one["cash"] for one in message.get("balances", [])}
        if cash.get("TON") == str(115 * TON):
            break
    await socket.close()
    assert await person.cash() == 115 * TON


async def test_the_answer_is_json_that_nobody_keeps_a_login_for(lending, person: Person):
    incoming = VOICE.debit(person.player["id"], "d1", TON)
    async with lending.post(
        "/aggregators/softswiss/play", data=incoming.body, headers=incoming.headers
    ) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        answer = await response.json()
    assert (answer["balance"], answer["game_id"]) == (99 * TON, "round-1")


async def test_the_same_call_eight_times_at_once_on_two_servers_is_one_debit(
    lending, start: Start, person: Person
):
    other = await start(aggregators=ON)
    incoming = VOICE.debit(person.player["id"], "d1", 3 * TON)
    answers = await asyncio.gather(*(call(one, incoming) for one in (lending, other) * 4))
    assert len(set(answers)) == 1
    assert VOICE.hear(*answers[0]).verdict == "done"
    assert await person.cash() == 97 * TON


async def test_one_id_for_two_players_on_two_servers_has_one_winner(
    lending, start: Start, join: Join
):
    other = await start(aggregators=ON)
    ann, bob = await join(at=lending), await join(at=other)
    said = await asyncio.gather(
        hear(lending, VOICE.debit(ann.player["id"], "d1", TON)),
        hear(other, VOICE.debit(bob.player["id"], "d1", TON)),
    )
    assert sorted(one.verdict for one in said) == ["bad call", "done"]
    assert await ann.cash() + await bob.cash() == 199 * TON


async def test_forgeries_and_refusals_speak_the_dialect(lending, person: Person, house):
    name = person.player["id"]
    good = VOICE.debit(name, "d1", TON)
    for headers in (
        {},
        {"X-REQUEST-SIGN": ""},
        {"X-REQUEST-SIGN": "é"},
        {"X-REQUEST-SIGN": "0" * 64},
    ):
        status, body = await call(lending, Incoming("play", headers, good.body))
        assert (status, json.loads(body)["code"]) == (403, 403)
    said = await hear(lending, VOICE.debit(name, "d1", 101 * TON))
    assert (said.verdict, said.balance) == ("no funds", 100 * TON)
    async with house.transaction() as session:
        await exclusion.self_exclude(
            session, player_id=person.player_id, months=None, now=utc_now()
        )
    said = await hear(lending, VOICE.debit(name, "d1", TON))
    assert (said.verdict, said.balance) == ("disabled", 100 * TON)


async def test_the_name_of_a_header_may_be_written_in_any_case(lending, person: Person):
    incoming = VOICE.balance(person.player["id"])
    headers = CIMultiDict({"x-request-sign": incoming.headers["X-REQUEST-SIGN"]})
    assert (await hear(lending, Incoming("play", headers, incoming.body))).balance == 100 * TON


async def test_an_oversized_body_is_refused_unread(lending, person: Person):
    padded = VOICE.debit(person.player["id"], "d1", TON, pad="x" * (64 * 1024))
    assert await error_code(lending, padded) == (413, "error.too_large")

    async def in_pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(padded.body), 4096):
            yield padded.body[at : at + 4096]

    async with lending.post(
        "/aggregators/softswiss/play", data=in_pieces(), headers=padded.headers
    ) as response:
        assert response.status == 413
    assert await person.cash() == 100 * TON


async def test_an_aggregator_that_is_off_is_not_found(client, lending, person: Person):
    incoming = VOICE.balance(person.player["id"])
    assert await error_code(client, incoming) == (404, "error.not_found")
    assert await error_code(lending, incoming, name="mallory") == (404, "error.not_found")
    assert (await lending.get("/aggregators/softswiss/play")).status in {404, 405}


async def test_a_house_that_lost_its_database_says_try_again(start: Start, person: Person):
    lost = "postgresql://nobody@127.0.0.1:9/gone"
    async with open_floor(lost, VAULT, step_games=STEPS) as floor:
        server = await start(aggregators=ON, floor=floor)
        said = await hear(server, VOICE.debit(person.player["id"], "d1", TON))
        assert (said.verdict, said.balance) == ("try again", None)
    assert await person.cash() == 100 * TON
    away = await start(aggregators=ON, database=Database(lost.replace(":", "+asyncpg:", 1)))
    for incoming in (
        VOICE.balance(person.player["id"]),
        VOICE.debit(person.player["id"], "d1", TON),
    ):
        said = await hear(away, incoming)
        assert (said.verdict, said.balance) == ("try again", None)


# --- Launching -------------------------------------------------------------------------------


class Office:
    """The aggregator's own server."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200

    async def open_session(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        answer = {"launch_options": {"game_url": "https://games.example/s/1"}}
        return web.json_response(answer, status=self.status)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def offering(start: Start, office: Office):
    """A server of a house whose aggregator can be reached."""
    app = web.Application()
    app.router.add_post("/sessions", office.open_session)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        yield await start(aggregators={"softswiss": SoftSwissVoice(url=url).aggregator})


async def test_the_lobby_lists_games_of_aggregators_that_are_on(offering, client, join: Join):
    person = await join(at=offering)
    games = (await person.get("/api/lobby")).body["games"]
    assert [one["kind"] for one in games] == ["instant", "steps", "iframe"]
    assert games[-1] == {
        "slug": "softswiss-lightning",
        "kind": "iframe",
        "title": "Lightning",
        "rtp_bp": None,
        "stake": {},
    }
    nobody = await join(at=client)
    games = (await nobody.get("/api/lobby")).body["games"]
    assert [one["kind"] for one in games] == ["instant", "steps"]
    answer = await nobody.post("/api/games/softswiss-lightning/launch", {"asset": "TON"})
    assert (answer.status, answer.code) == (404, "error.not_found")


async def test_a_game_is_opened_for_its_player(offering, office: Office, join: Join):
    person = await join(at=offering, units=5 * TON)
    answer = await person.post("/api/games/softswiss-lightning/launch", {"asset": "TON"})
    assert (answer.status, answer.body) == (200, {"url": "https://games.example/s/1"})
    (asked,) = office.asked
    assert asked["user"] == {"id": person.player["id"], "nickname": person.player["id"]}
    assert (asked["game"], asked["currency"], asked["balance"], asked["ip"]) == (
        "softswiss:Lightning",
        "TON",
        5 * TON,
        "127.0.0.1",
    )
    assert asked["urls"]["return_url"] == "https://play.example/app"


async def test_the_page_may_frame_the_games_and_nothing_else(offering, client):
    for server, frames in ((offering, "'self' https://games.example"), (client, "'self'")):
        async with server.get("/") as response:
            policy = response.headers["Content-Security-Policy"].split("; ")
        assert f"frame-src {frames}" in policy


async def test_a_launch_is_refused_to_whoever_may_not_play(
    offering, office: Office, join: Join, house
):
    path = "/api/games/softswiss-lightning/launch"
    stranger = Person(offering)
    assert (await stranger.post(path, {"asset": "TON"})).status == 401
    assert (await stranger.log_in()).status == 200
    assert (await stranger.post(path, {"asset": "TON"})).code == "refusal.consent_required"
    person = await join(at=offering)
    assert (await person.post(path, {"asset": "EUR"})).status == 404
    assert (await person.post(path, {})).status == 400
    assert (await person.post("/api/games/dice/launch", {"asset": "TON"})).status == 404
    async with house.transaction() as session:
        await flags.set_flag(
            session,
            name="game:softswiss",
            stop=True,
            reason="quarrel",
            actor="staff:1",
            now=utc_now(),
        )
    answer = await person.post(path, {"asset": "TON"})
    assert (answer.status, answer.code) == (422, "refusal.paused")
    games = (await person.get("/api/lobby")).body["games"]
    assert [one["kind"] for one in games] == ["instant", "steps"]
    assert office.asked == []


async def test_an_aggregator_that_fails_is_an_error_of_the_outside(
    offering, office: Office, join: Join
):
    person = await join(at=offering)
    for status, wanted in ((500, 503), (400, 502)):
        office.status = status
        answer = await person.post("/api/games/softswiss-lightning/launch", {"asset": "TON"})
        assert answer.status == wanted
