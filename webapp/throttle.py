"""How often a person may call: token buckets in Redis, or in this process while Redis is gone."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from casino.errors import TooManyRequests
from messaging.redis_link import RedisAway, RedisLink

if TYPE_CHECKING:
    from collections.abc import Awaitable

MICRO = 1_000_000
BUCKETS_MAX = 50_000

# Levels count millionths of a call and time counts microseconds, so nothing is rounded.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local rate, full = tonumber(ARGV[1]), ARGV[2] * 1000000
local row = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = full
if row[1] then level = math.min(full, row[1] + (now - row[2]) * rate) end
if level < 1000000 then return math.ceil((1000000 - level) / rate) end
redis.call('HSET', KEYS[1], 'level', string.format('%.0f', level - 1000000),
           'at', string.format('%.0f', now))
redis.call('EXPIRE', KEYS[1], 120)
return 0
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` calls in the long run, up to `burst` at once."""

    name: str
    per_second: int
    burst: int


LOGIN = Rate("login", per_second=1, burst=20)
# Counted by address, before a launch is verified; wide, since an office or a carrier shares one.
KNOCK = Rate("knock", per_second=20, burst=200)
PLAY = Rate("play", per_second=20, burst=60)
MONEY = Rate("money", per_second=2, burst=40)
SUPPORT = Rate("support", per_second=1, burst=10)
READ = Rate("read", per_second=15, burst=90)


class Throttle:
    """Counts calls by key and rate; all replicas share the count while Redis is there."""

    def __init__(self, redis: RedisLink | None) -> None:
        self._redis = redis
        self._local: OrderedDict[str, tuple[int, int]] = OrderedDict()

    async def require(self, rate: Rate, *, key: int | str) -> None:
        """Take one call; raises TooManyRequests with the seconds until the next."""
        wait = await self._take(rate, f"throttle:{rate.name}:{key}")
        if wait > 0:
            raise TooManyRequests(retry_after_seconds=-(-wait // MICRO))

    async def _take(self, rate: Rate, name: str) -> int:
        """Microseconds to wait, 0 when the call was taken."""
        if self._redis is not None:
            try:
                answer = await self._redis.ask(
                    lambda client: cast(
                        "Awaitable[int]",
                        client.eval(_TAKE, 1, name, str(rate.per_second), str(rate.burst)),
                    )
                )
                return int(answer)
            except RedisAway:
                pass  # go on with the buckets of this process
        return self._take_here(rate, name)

    def _take_here(self, rate: Rate, name: str) -> int:
        now = time.monotonic_ns() // 1000
        full = rate.burst * MICRO
        level, at = self._local.get(name, (full, now))
        level = min(full, level + (now - at) * rate.per_second)
        if level < MICRO:
            return -(-(MICRO - level) // rate.per_second)
        self._local[name] = (level - MICRO, now)
        self._local.move_to_end(name)
        while len(self._local) > BUCKETS_MAX:
            self._local.popitem(last=False)
        return 0
