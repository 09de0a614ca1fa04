"""The HTTP client for nodes: never inside a transaction, within the plan's rate, typed errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from casino.db import forbid_open_transaction
from casino.errors import OutsideRefused, OutsideUnavailable

ANSWER_BYTES_MAX = 32 * 1024 * 1024
TIMEOUT_SECONDS = 20.0
NOT_APPLICABLE = "cannot apply external message"

Json = Mapping[str, Any]


class Toncenter:
    """A toncenter (API v2 and v3) endpoint.

    Every call raises OutsideUnavailable when nothing is known (no answer, 429, 5xx, not JSON) and
    OutsideRefused when the node understood and said no."""

    def __init__(self, *, url: str, api_key: str, requests_per_second: int) -> None:
        self._url = url.rstrip("/")
        self._headers = {"X-API-Key": api_key} if api_key else {}
        self._pause = 1 / requests_per_second
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Lock()
        self._next_at = 0.0

    async def index(self, name: str, **query: str | int) -> Json:
        """Ask the index (API v3) and return its answer."""
        return await self._ask("GET", f"/api/v3/{name}", params=query)

    async def node(self, name: str, **query: str | int) -> Any:
        """Ask the node (API v2) and return the result inside its answer."""
        answer = await self._ask("GET", f"/api/v2/{name}", params=query)
        return self._result(answer)

    async def run(self, address: str, method: str, *slices: str) -> Json:
        """Run a get-method (API v2) as of the newest block. `slices` are its arguments: cells in
        base64. Returns exit_code and stack as the node tells them; some also tell
        last_transaction_id."""
        body = {
            "address": address,
            "method": method,
            "stack": [["tvm.Slice", cell] for cell in slices],
        }
        answer = await self._ask("POST", "/api/v2/runGetMethod", body=body)
        result: Json = self._result(answer)
        return result

    async def send(self, boc_base64: str) -> None:
        """Hand an external message to the node; returning means that the node took it."""
        answer = await self._ask("POST", "/api/v2/sendBoc", body={"boc": boc_base64})
        self._result(answer)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _result(self, answer: Json) -> Any:
        if answer.get("ok") is not True:
            raise OutsideUnavailable(source="toncenter", reason=str(answer.get("error"))[:200])
        return answer["result"]

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Json | None = None,
    ) -> Json:
        forbid_open_transaction()
        await self._wait_for_turn()
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        url = self._url + path
        try:
            async with self._session.request(method, url, params=params, json=body) as response:
                status = response.status
                content = await _read_all(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutsideUnavailable(source="toncenter", reason=type(error).__name__) from error
        return _judge(status, content)

    async def _wait_for_turn(self) -> None:
        async with self._turn:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._next_at - loop.time()))
            self._next_at = loop.time() + self._pause


async def _read_all(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            raise OutsideUnavailable(source="toncenter", reason="answer is too long")
    return bytes(content)


def _judge(status: int, content: bytes) -> Json:
    try:
        answer = msgspec.json.decode(content)
    except msgspec.DecodeError:
        answer = None
    reason = str(answer.get("error"))[:200] if isinstance(answer, dict) else "not an answer"
    if NOT_APPLICABLE in reason:
        raise OutsideRefused(source="toncenter", status=status, reason=reason)
    if status == 429 or status >= 500:
        raise OutsideUnavailable(source="toncenter", status=status, reason=reason)
    if status != 200:
        raise OutsideRefused(source="toncenter", status=status, reason=reason)
    if not isinstance(answer, dict):
        raise OutsideUnavailable(source="toncenter", status=status, reason=reason)
    return answer
