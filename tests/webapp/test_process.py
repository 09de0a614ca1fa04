"""`python -m webapp` as an operating-system process: starts, serves, ends when it is told to."""

import asyncio
import base64
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession
from aiohttp.test_utils import TestClient

from games.aggregators.base import Incoming
from tests.games.aggregator_voices import SoftSwissVoice
from tests.servers import ROOT
from tests.webapp.launches import TOKEN
from tests.webapp.people import TON, Person, bet, give
from webapp.live import CLOSE_RESTART

START_SECONDS = 180
END_SECONDS = 60

Serve = Callable[[], Awaitable[tuple[asyncio.subprocess.Process, str]]]


class Remote(TestClient):
    """The part of a test client that a person needs, for a server that is another process."""

    def __init__(self, session: ClientSession, origin: str) -> None:
        self._remote, self._origin = session, origin

    def request(self, method, path, **more):
        return self._remote.request(method, self._origin + path, **more)

    def ws_connect(self, path, **more):
        return self._remote.ws_connect(self._origin + path, **more)


@pytest.fixture
def lending(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SoftSwissVoice:
    """The settings of a house that lends games; ask for it before `serve`."""
    catalogue = tmp_path / "games.json"
    catalogue.write_text('[{"game": "softswiss:Lightning", "title": "Lightning"}]')
    for name, text in (
        ("URL", "http://127.0.0.1:9"),
        ("CASINO_ID", "fairhouse"),
        ("AUTH_TOKEN", SoftSwissVoice.TOKEN.decode()),
        ("CATALOGUE", str(catalogue)),
    ):
        monkeypatch.setenv(f"SOFTSWISS_{name}", text)
    return SoftSwissVoice()


@pytest.fixture
async def serve(house, redis_url) -> AsyncIterator[Serve]:
    """Start the server as its own process on a free port and wait until it is ready."""
    started = []
    environment = {
        **os.environ,
        "DATABASE_URL": house.url,
        "REDIS_URL": redis_url,
        "VAULT_MASTER_KEYS": "1:" + base64.b64encode(b"k" * 32).decode(),
        "TELEGRAM_PLAYER_BOT_TOKEN": TOKEN,
        "TELEGRAM_PLAYER_BOT_NAME": "house_bot",
        "TELEMETRY_JSON_LOGS": "true",
    }

    async def launch() -> tuple[asyncio.subprocess.Process, str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "webapp",
            cwd=ROOT,
            env={**environment, "WEBAPP_PORT": str(port)},
            stdout=asyncio.subprocess.DEVNULL,
        )
        started.append(process)
        origin = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(START_SECONDS), ClientSession() as session:
            while True:
                with suppress(ClientError):
                    async with session.get(f"{origin}/readyz") as response:
                        if response.status == 200:
                            return process, origin
                assert process.returncode is None
                await asyncio.sleep(0.1)

    yield launch
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.faults
async def test_it_serves_and_ends_cleanly_when_told(serve: Serve, house):
    process, origin = await serve()
    async with ClientSession() as session:
        person = Person(Remote(session, origin))
        assert (await person.log_in()).status == 200
        await person.consent()
        await give(house, person, 100 * TON)
        receipt = (await person.post("/api/play/dice", bet())).body
        live = await person.open_socket()
        assert (await live.receive_json())["balances"][0]["cash"] == receipt["balance"]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_SECONDS):
            await live.receive()
            assert live.close_code == CLOSE_RESTART
            assert await process.wait() == 0


@pytest.mark.faults
async def test_a_bet_asked_before_a_kill_is_answered_the_same_after_it(serve: Serve, house):
    first, origin = await serve()
    async with ClientSession() as session:
        person = Person(Remote(session, origin))
        await person.log_in()
        await person.consent()
        await give(house, person, 100 * TON)
        asked = bet(5 * TON)
        before = await person.post("/api/play/dice", asked)
        first.kill()
        await first.wait()
        _, origin = await serve()
        again = Person(Remote(session, origin), token=person.token)
        after = await again.post("/api/play/dice", asked)
        assert after.body == before.body | {"replayed": True}
        assert await again.cash() == 95 * TON + int(before.body["payout"])


@pytest.mark.faults
async def test_two_processes_settle_one_id_of_an_aggregator_once(
    lending: SoftSwissVoice, serve: Serve, house
):
    origins = [(await serve())[1] for _ in range(2)]
    async with ClientSession() as session:

        async def say(origin: str, incoming: Incoming) -> tuple[int, bytes]:
            url = f"{origin}/aggregators/softswiss/{incoming.call}"
            async with session.post(url, data=incoming.body, headers=incoming.headers) as answer:
                return answer.status, await answer.read()

        people = [Person(Remote(session, origin)) for origin in origins]
        for person in people:
            assert (await person.log_in()).status == 200
            await person.consent()
            await give(house, person, 100 * TON)
        ann, bob = (person.player["id"] for person in people)
        games = (await people[0].get("/api/lobby")).body["games"]
        assert games[-1]["slug"] == "softswiss-softswiss-lightning"

        debit = lending.debit(ann, "d1", TON)
        answers = await asyncio.gather(*(say(origin, debit) for origin in origins * 4))
        assert len(set(answers)) == 1
        assert lending.hear(*answers[0]).balance == 99 * TON

        for number in range(5):
            said = await asyncio.gather(
                say(origins[0], lending.debit(ann, f"both{number}", TON)),
                say(origins[1], lending.debit(bob, f"both{number}", TON)),
            )
            verdicts = sorted(lending.hear(*one).verdict for one in said)
            assert verdicts == ["bad call", "done"]
        assert await people[0].cash() + await people[1].cash() == 194 * TON
