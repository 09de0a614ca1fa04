"""One HTTP endpoint of another machine: never inside a transaction, in its rate, never endless."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from casino.db import forbid_open_transaction
from casino.errors import OutsideUnavailable

ANSWER_BYTES_MAX = 32 * 1024 * 1024
TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status and the whole body."""

    status: int
    content: bytes


class Endpoint:
    """A place to ask by HTTP; `source` names it in errors, which never show its address.

    Addresses and headers of hosted nodes hold keys. Raises OutsideUnavailable when no whole answer
    came, NetworkInsideTransaction when the caller holds a database transaction open."""

    def __init__(
        self,
        *,
        url: str,
        source: str,
        headers: Mapping[str, str],
        requests_per_second: int | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        """Without `requests_per_second` nobody counts: a node of our own."""
        self.source = source
        self._url = url.rstrip("/")
        self._headers = dict(headers)
        self._pause = 1 / requests_per_second if requests_per_second else 0.0
        self._timeout_seconds = timeout_seconds
        self._answer_bytes_max = answer_bytes_max
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Lock()
        self._next_at = 0.0

    async def ask(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, str | int | Sequence[str]] | None = None,
        body: bytes | None = None,
        weight: int = 1,
        timeout_seconds: float | None = None,
    ) -> Reply:
        """Ask and read the whole answer; `body` is JSON. `weight` is what the plan counts this
        request as: a batch costs as much as the calls inside it."""
        forbid_open_transaction()
        await self._wait_for_turn(weight)
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            async with self._session.request(
                method,
                self._url + path,
                params=params,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds or self._timeout_seconds),
                allow_redirects=False,  # our keys stay with the machine that they are for
            ) as response:
                return Reply(response.status, await self._read_all(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutsideUnavailable(source=self.source, reason=type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _wait_for_turn(self, weight: int) -> None:
        async with self._turn:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._next_at - loop.time()))
            self._next_at = loop.time() + self._pause * weight

    async def _read_all(self, response: aiohttp.ClientResponse) -> bytes:
        chunks, length = [], 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            length += len(chunk)
            if length > self._answer_bytes_max:
                raise OutsideUnavailable(source=self.source, reason="answer is too long")
        return b"".join(chunks)
