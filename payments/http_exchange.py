"""One HTTP exchange with another machine: never inside a transaction, bounded, typed errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from casino.db import forbid_open_transaction
from casino.errors import OutsideUnavailable


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, whatever it says."""

    status: int
    content: bytes


class HttpExchange:
    """Connections to one machine; `source` names it in errors."""

    def __init__(self, *, source: str, headers: Mapping[str, str], timeout_seconds: float) -> None:
        self._source = source
        self._headers = dict(headers)
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        answer_bytes_max: int,
        timeout_seconds: float | None = None,
    ) -> HttpAnswer:
        """Ask once. Raises OutsideUnavailable when there was no whole answer of bearable length,
        which says nothing about the effect, and NetworkInsideTransaction before anything is sent
        when the caller holds a transaction open."""
        forbid_open_transaction()
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        timeout = aiohttp.ClientTimeout(total=timeout_seconds or self._timeout_seconds)
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                json=json,
                data=body,
                timeout=timeout,
                allow_redirects=False,  # our credentials stay with the machine they are for
            ) as response:
                content = await self._read_all(response, answer_bytes_max)
                return HttpAnswer(response.status, content)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = type(error).__name__
            raise OutsideUnavailable(source=self._source, reason=reason) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _read_all(self, response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > bytes_max:
                raise OutsideUnavailable(source=self._source, reason="answer is too long")
        return bytes(content)
