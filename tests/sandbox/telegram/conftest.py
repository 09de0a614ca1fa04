"""A local Telegram per test, its people, and bots of a library that we did not write."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web

from sandbox.telegram.app import TELEGRAM, build_app
from sandbox.telegram.state import Telegram
from sandbox.telegram.world import PLAYERS_TOKEN, World, default_world

Json = dict[str, Any]
ANN, BORIS, OLGA = 1001, 1002, 9001
GROUP = -1000000000500


class Server:
    """A running local Telegram and a client for both of its sides."""

    def __init__(self, *, world: World, store: Path | None) -> None:
        self.app = build_app(world=world, store=store)
        self.runner = web.AppRunner(self.app, shutdown_timeout=0.5)
        self.origin = ""

    @property
    def telegram(self) -> Telegram:
        return self.app[TELEGRAM]

    async def start(self) -> None:
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        host, port = self.runner.addresses[0][:2]
        self.origin = f"http://{host}:{port}"
        self.http = aiohttp.ClientSession(self.origin)

    async def stop(self) -> None:
        await self.http.close()
        await self.runner.cleanup()

    async def call(self, method: str, token: str = PLAYERS_TOKEN, **fields: Any) -> Json:
        """One Bot API call, the whole envelope."""
        async with self.http.post(f"/bot{token}/{method}", json=fields) as response:
            body = await response.json()
            assert response.status == body.get("error_code", 200)
            return body

    async def ok(self, method: str, token: str = PLAYERS_TOKEN, **fields: Any) -> Any:
        """One Bot API call that must succeed; its result."""
        body = await self.call(method, token, **fields)
        assert body["ok"], body
        return body["result"]

    async def refused(self, method: str, token: str = PLAYERS_TOKEN, **fields: Any) -> str:
        """One Bot API call that must fail; its description."""
        body = await self.call(method, token, **fields)
        assert not body["ok"], body
        return body["description"]

    async def do(self, deed: str, *, status: int = 200, **fields: Any) -> Json:
        """One deed of a person."""
        async with self.http.post(f"/sim/{deed}", json=fields) as response:
            body = await response.json()
            assert response.status == status, body
            return body

    async def see(self, what: str, **query: Any) -> Json:
        """One look of a person."""
        params = {name: str(value) for name, value in query.items()}
        async with self.http.get(f"/sim/{what}", params=params) as response:
            body = await response.json()
            assert response.status == 200, body
            return body

    async def hear(self, contains: str, *, person: int = ANN, **chat: Any) -> Json:
        """The newest message with these words, once it is there."""
        place = chat or {"bot": "fairhouse_bot"}
        found = await self.see("wait", person=person, contains=contains, timeout=60, **place)
        assert found["messages"], f"nobody said {contains!r}"
        return found["messages"][-1]

    def bot(self, token: str = PLAYERS_TOKEN) -> Bot:
        """An aiogram bot that talks to this server; the caller closes its session."""
        api = TelegramAPIServer.from_base(self.origin)
        return Bot(token, session=AiohttpSession(api=api))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    running = Server(world=default_world(), store=None)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def started(server: Server) -> Server:
    """A server on which Ann has pressed Start."""
    await server.do("start", person=ANN, bot="fairhouse_bot")
    return server


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
