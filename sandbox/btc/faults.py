"""A wire between a client and a Bitcoin node on which things go wrong on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_BYTES_MAX = 64 * 1024 * 1024
BY_HASH = frozenset({"getblock", "getblockheader"})

Question = dict[str, Any]


@dataclass(slots=True)
class FaultyWire:
    """An HTTP server on loopback in front of a node of any make.

    Counts are of the next requests: `http500`, `http429`, `empty` (an answer without a result) and
    `silent` (handed on, and the connection closed without an answer). `lag` is by how many blocks
    the node seems to be behind, until it is set to 0; raising it makes the height go back."""

    upstream: str
    http500: int = 0
    http429: int = 0
    empty: int = 0
    silent: int = 0
    lag: int = 0
    asked: list[str] = field(default_factory=list)
    """The methods of all requests, in order."""
    _runner: web.AppRunner | None = field(default=None, repr=False)
    _client: aiohttp.ClientSession | None = field(default=None, repr=False)
    _port: int = 0

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/", self._answer)
        self._client = aiohttp.ClientSession()
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read())
        many: list[Question] = body if isinstance(body, list) else [body]
        self.asked += [one["method"] for one in many]
        if self.http500:
            self.http500 -= 1
            return web.Response(status=500, text="Internal Server Error")
        if self.http429:
            self.http429 -= 1
            return web.Response(status=429, text="Too Many Requests")
        if self.empty:
            self.empty -= 1
            nothing = [{"result": None, "error": None, "id": one.get("id")} for one in many]
            return _json(200, nothing if isinstance(body, list) else nothing[0])
        headers = {"Authorization": request.headers.get("Authorization", "")}
        if self.lag:
            answers = [await self._behind(one, headers) for one in many]
            return _json(200, answers if isinstance(body, list) else answers[0])
        status, content = await self._hand_on(body, headers)
        if self.silent:
            self.silent -= 1
            if request.transport is not None:
                request.transport.close()
        return web.Response(status=status, body=content, content_type="application/json")

    async def _behind(self, question: Question, headers: Mapping[str, str]) -> Any:
        """What a node would say that has not heard of the newest blocks."""
        method, params = question["method"], list(question.get("params") or ())
        tip = (await self._ask("getblockcount", [], headers))["result"] - self.lag
        if method == "getblockcount":
            return _result(question, tip)
        if method == "getbestblockhash":
            return _result(question, (await self._ask("getblockhash", [tip], headers))["result"])
        if method == "getblockhash" and params[0] > tip:
            return _error(question, -8, "Block height out of range")
        if method in BY_HASH:
            shown = (await self._ask("getblockheader", [params[0]], headers)).get("result")
            if shown is not None and shown["height"] > tip:
                return _error(question, -5, "Block not found")
        answer = await self._ask(method, params, headers)
        if method == "getblockchaininfo":
            best = (await self._ask("getblockhash", [tip], headers))["result"]
            answer["result"] |= {"blocks": tip, "headers": tip, "bestblockhash": best}
        return {**answer, "id": question.get("id")}

    async def _ask(self, method: str, params: list[Any], headers: Mapping[str, str]) -> Any:
        question = {"method": method, "params": params, "id": 0}
        _status, content = await self._hand_on(question, headers)
        return msgspec.json.decode(content)

    async def _hand_on(self, body: Any, headers: Mapping[str, str]) -> tuple[int, bytes]:
        assert self._client is not None, "not started"
        content = msgspec.json.encode(body)
        async with self._client.post(self.upstream, data=content, headers=headers) as response:
            return response.status, await response.read()


def _result(question: Question, result: Any) -> Question:
    return {"result": result, "error": None, "id": question.get("id")}


def _error(question: Question, code: int, message: str) -> Question:
    error = {"code": code, "message": message}
    return {"result": None, "error": error, "id": question.get("id")}


def _json(status: int, body: Any) -> web.Response:
    content = msgspec.json.encode(body)
    return web.Response(status=status, body=content, content_type="application/json")
