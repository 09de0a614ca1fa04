"""A node's door where everything can go wrong on command, as it does with nodes of strangers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = ("latest", "pending", "safe", "finalized")
TOO_WIDE = {"code": -32005, "message": "query returned more than 10000 results"}
STATES = ("eth_getTransactionCount", "eth_getBalance", "eth_getCode", "eth_call")
FORGOTTEN = {"code": -32000, "message": "missing trie node"}
UNKNOWN_BLOCK = {"code": -32000, "message": "unknown block"}


@dataclass(slots=True)
class FaultyFront:
    """A door to the node at `target`, for tests; `async with` opens and closes it.

    Faults stay until they are set back, except those with a count."""

    target: str
    statuses: list[int] = field(default_factory=list)
    """HTTP statuses for the next requests, which the node never sees."""
    lost_answers: int = 0
    """So many of the next requests reach the node, and the connection breaks before the answer."""
    silent: int = 0
    """So many of the next requests reach the node and are never answered."""
    lag: int = 0
    """So many blocks that this node is behind; raising it lets the node go back in height."""
    forged: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """By method: what is answered in place of the node's result."""
    refused: dict[str, str] = field(default_factory=dict)
    """By method: an error message in place of any answer."""
    too_wide: bool = False
    """Refuse ranges of logs, as nodes do that find one too wide."""
    range_blocks_max: int | None = None
    """Refuse ranges of logs over more blocks than these."""
    refused_after: dict[str, int] = field(default_factory=dict)
    """By method: how many calls are answered before the others are refused."""
    states_kept: int | None = None
    """Forget the states of all but so many of the newest blocks, as nodes do that are no archives.
    """
    mute_errors: bool = False
    """Answer an empty list where logs of an unknown block are asked for."""
    spoil_batch: Callable[[list[Any]], Any] | None = None
    """What becomes of a batch's answers on their way."""
    words: dict[str, Any] | None = None
    """What single questions are answered with, whatever they are."""
    text: str = ""
    """The very text of every answer."""
    asked: list[str] = field(default_factory=list)
    """The methods that were asked for, in order."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request."""
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _port: int = 0

    @property
    def url(self) -> str:
        """What a client asks in place of the node."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/{path:.*}", self._answer)
        self._session = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        batch = asked if isinstance(asked, list) else [asked]
        self.asked += [one["method"] for one in batch]
        self.headers.append(dict(request.headers))
        if self.statuses:
            headers = {"Location": self.target}
            return web.Response(status=self.statuses.pop(0), text="no", headers=headers)
        answers = [await self._one(one) for one in batch]
        if self.silent:
            self.silent -= 1
            await self._closing.wait()
        if self.lost_answers:
            self.lost_answers -= 1
            if request.transport is not None:
                request.transport.close()
        if self.text:
            return web.Response(text=self.text)
        if not isinstance(asked, list):
            return web.json_response(answers[0] if self.words is None else self.words)
        return web.json_response(self.spoil_batch(answers) if self.spoil_batch else answers)

    async def _one(self, asked: dict[str, Any]) -> dict[str, Any]:
        method, params = asked["method"], asked["params"]
        head: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        if method in self.refused:
            return {**head, "error": {"code": -32000, "message": self.refused[method]}}
        if method in self.refused_after:
            self.refused_after[method] -= 1
            if self.refused_after[method] < 0:
                return {**head, "error": {"code": -32000, "message": "enough"}}
        if method == "eth_getLogs" and "toBlock" in params[0] and self._refuses(params[0]):
            return {**head, "error": TOO_WIDE}
        if method in STATES and await self._forgot(params[-1]):
            return {**head, "error": FORGOTTEN}
        if self.lag:
            answer = await self._lagging(method, params)
        else:
            answer = await self._ask(method, params)
        if method in self.forged and "result" in answer:
            answer["result"] = self.forged[method](answer["result"])
        return {**head, **answer}

    def _refuses(self, wanted: dict[str, Any]) -> bool:
        blocks = int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1
        return self.too_wide or (
            self.range_blocks_max is not None and blocks > self.range_blocks_max
        )

    async def _forgot(self, at: Any) -> bool:
        """Whether the state of this block (a height, or its hash in an object) is gone."""
        if self.states_kept is None or at in TAGS:
            return False
        if isinstance(at, dict):
            block = (await self._ask("eth_getBlockByHash", [at["blockHash"], False])).get("result")
            at = "0x0" if block is None else block["number"]
        newest = int((await self._ask("eth_blockNumber", []))["result"], 16)
        return newest - int(at, 16) >= self.states_kept

    async def _lagging(self, method: str, params: list[Any]) -> dict[str, Any]:
        """What a node says that has not seen the newest blocks, in geth's way: a range that it
        does not have yet is an empty one, a block that it does not have is an error."""
        newest = int((await self._ask("eth_blockNumber", []))["result"], 16) - self.lag
        shifted = [await self._shifted(one) if one in TAGS else one for one in params]
        if method == "eth_getLogs" and "toBlock" in params[0]:
            if int(params[0]["toBlock"], 16) > newest:
                return {"result": []}
        elif method == "eth_getLogs" and not await self._has(params[0]["blockHash"], newest):
            return {"result": []} if self.mute_errors else {"error": UNKNOWN_BLOCK}
        answer = await self._ask(method, shifted)
        result = answer.get("result")
        if method == "eth_blockNumber":
            return {"result": hex(newest)}
        if isinstance(result, dict):
            height = result.get("blockNumber") or result.get("number")
            if height is not None and int(height, 16) > newest:
                return {"result": None}
        return answer

    async def _shifted(self, tag: str) -> str:
        block = (await self._ask("eth_getBlockByNumber", [tag, False]))["result"]
        return hex(max(0, int(block["number"], 16) - self.lag))

    async def _has(self, block_hash: str, newest: int) -> bool:
        block = (await self._ask("eth_getBlockByHash", [block_hash, False])).get("result")
        return block is not None and int(block["number"], 16) <= newest

    async def _ask(self, method: str, params: list[Any]) -> dict[str, Any]:
        if self._session is None:
            raise RuntimeError("the door is not open")
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._session.post(self.target, json=body) as response:
            answer: dict[str, Any] = await response.json()
        return {name: answer[name] for name in ("result", "error") if name in answer}
