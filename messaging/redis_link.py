"""A connection to Redis whose loss is noticed once, announced once, and harms nobody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

T = TypeVar("T")

AWAY_SECONDS = 3.0
ANSWER_SECONDS = 1.0


class RedisAway(Exception):
    """Redis does not answer now; the caller goes on with what it knows itself."""


class RedisLink:
    """Wraps one client. After a failure nobody waits for Redis again until a pause has passed,
    so that its loss costs one short delay every few seconds instead of one in every call."""

    def __init__(self, url: str) -> None:
        self.client: Redis = Redis.from_url(
            url,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._away_until = 0.0

    @property
    def away(self) -> bool:
        """Whether the last attempt failed so recently that another is not worth its time."""
        return time.monotonic() < self._away_until

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """The answer of `work(client)`; raises RedisAway when Redis is gone."""
        if self.away:
            raise RedisAway
        try:
            answer = await work(self.client)
        except (RedisError, OSError) as error:
            if not self._away_until:
                log.warning("redis.lost", error=repr(error))
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise RedisAway from error
        if self._away_until:
            log.info("redis.found")
            self._away_until = 0.0
        return answer

    async def close(self) -> None:
        """Close the client's connections."""
        await self.client.aclose()
