"""The HTTP client for aggregators: never inside a transaction, bounded answers, typed errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from casino.db import forbid_open_transaction
from casino.errors import OutsideRefused, OutsideUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_BYTES_MAX = 256 * 1024
TIMEOUT_SECONDS = 10.0


class OutsideHttp:
    """One pool of connections for all aggregators; close it at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Send these very bytes as JSON and return the bytes of the answer.

        Raises OutsideUnavailable when nothing is known (no answer, 429, 5xx, too long) and
        OutsideRefused when the other side said no."""
        forbid_open_transaction()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            )
        sent = {"Content-Type": "application/json", **headers}
        try:
            async with self._session.post(
                url, data=body, headers=sent, allow_redirects=False
            ) as response:
                status = response.status
                content = await _read_all(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutsideUnavailable(source="aggregator", reason=type(error).__name__) from error
        if status == 429 or status >= 500:
            raise OutsideUnavailable(source="aggregator", status=status)
        if not 200 <= status < 300:
            raise OutsideRefused(source="aggregator", status=status)
        return content

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


async def _read_all(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            raise OutsideUnavailable(source="aggregator", reason="answer is too long")
    return bytes(content)
