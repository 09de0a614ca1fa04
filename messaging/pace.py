"""How fast one bot may speak: a bucket shared by all its senders, and one for each chat."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from messaging.redis_link import RedisAway, RedisLink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

MICRO = 1_000_000
CHATS_MAX = 10_000

# One step for both buckets, so that a call takes from both or from neither. Levels are counted in
# millionths of a call; refill is by whole microseconds, so nothing is ever rounded.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local wait = 0
local levels = {}
for i, key in ipairs(KEYS) do
  local rate, size, reserve = ARGV[i * 3 - 2], ARGV[i * 3 - 1], ARGV[i * 3]
  local row = redis.call('HMGET', key, 'level', 'at', 'shut')
  local level = size * 1000000
  if row[1] then
    level = math.min(level, row[1] + (now - row[2]) * rate)
  end
  local short = (1 + reserve) * 1000000 - level
  if short > 0 then wait = math.max(wait, math.ceil(short / rate)) end
  if row[3] then wait = math.max(wait, row[3] - now) end
  levels[i] = level
end
if wait <= 0 then
  for i, key in ipairs(KEYS) do
    redis.call('HSET', key, 'level', string.format('%.0f', levels[i] - 1000000),
               'at', string.format('%.0f', now))
    redis.call('EXPIRE', key, 120)
  end
end
return wait
"""
SHUT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('HSET', KEYS[1], 'shut', string.format('%.0f', now + ARGV[1] * 1000000))
redis.call('HSETNX', KEYS[1], 'level', 0)
redis.call('HSETNX', KEYS[1], 'at', string.format('%.0f', now))
redis.call('EXPIRE', KEYS[1], math.max(120, ARGV[1] + 1))
return 1
"""

_news: ContextVar[bool] = ContextVar("telegram_news", default=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` calls in the long run, up to `burst` at once; news leave `reserve` behind."""

    per_second: int
    burst: int
    reserve: int


# Telegram's published limits, with a margin: about 30 calls a second for a bot, one a second for
# a chat with short bursts. Answers may use all of the bucket; news may not take its last part.
BOT = Rate(per_second=25, burst=25, reserve=8)
CHAT = Rate(per_second=1, burst=20, reserve=0)


@contextmanager
def speaking_news() -> Iterator[None]:
    """Calls made inside are news, not answers: they wait behind people who wait for an answer."""
    token = _news.set(True)
    try:
        yield
    finally:
        _news.reset(token)


class Pace:
    """Admits calls of one bot token at the rates above, over all processes through Redis, or in
    this process alone while Redis is gone."""

    def __init__(
        self, redis: RedisLink | None, *, bot_id: int, bot: Rate = BOT, chat: Rate = CHAT
    ) -> None:
        self._redis = redis
        self._bot_key = f"pace:{bot_id}"
        self._bot = bot
        self._chat = chat
        self._local: OrderedDict[str, _Bucket] = OrderedDict()

    async def admit(self, chat_id: int | str | None) -> None:
        """Return when the next call may go out; `chat_id` is None for calls no chat sees."""
        while True:
            wait = await self._take(chat_id)
            if not wait:
                return
            await asyncio.sleep(wait / MICRO)

    async def shut(self, chat_id: int | str | None, *, seconds: int) -> None:
        """Telegram asked for silence: nobody speaks to this chat (or at all) for so long."""
        key = self._chat_key(chat_id) if chat_id is not None else self._bot_key
        self._bucket(key).shut(_now() + seconds * MICRO)
        if self._redis is None:
            return
        try:
            await self._redis.ask(
                lambda client: cast("Awaitable[object]", client.eval(SHUT, 1, key, str(seconds)))
            )
        except RedisAway:
            return  # the bucket of this process is shut already

    async def _take(self, chat_id: int | str | None) -> int:
        """Take one call from the buckets, or say how many microseconds to wait before asking."""
        wanted = [(self._bot_key, self._bot, self._bot.reserve if _news.get() else 0)]
        if chat_id is not None:
            wanted.append((self._chat_key(chat_id), self._chat, 0))
        if self._redis is not None:
            keys = [key for key, _, _ in wanted]
            rates = [
                str(number)
                for _, rate, reserve in wanted
                for number in (rate.per_second, rate.burst, reserve)
            ]
            try:
                wait = await self._redis.ask(
                    lambda client: cast(
                        "Awaitable[int]", client.eval(TAKE, len(keys), *keys, *rates)
                    )
                )
                return max(0, int(wait))
            except RedisAway:
                pass  # go on with the buckets of this process
        return self._take_here(wanted)

    def _take_here(self, wanted: list[tuple[str, Rate, int]]) -> int:
        now = _now()
        buckets = [(self._bucket(key), rate, reserve) for key, rate, reserve in wanted]
        wait = max(bucket.short_of(rate, reserve, now) for bucket, rate, reserve in buckets)
        if wait <= 0:
            for bucket, rate, _ in buckets:
                bucket.take(rate, now)
        return max(0, wait)

    def _bucket(self, key: str) -> _Bucket:
        bucket = self._local.setdefault(key, _Bucket())
        self._local.move_to_end(key)
        while len(self._local) > CHATS_MAX:
            self._local.popitem(last=False)
        return bucket

    def _chat_key(self, chat_id: int | str) -> str:
        return f"{self._bot_key}:{chat_id}"


class _Bucket:
    """The same arithmetic as TAKE, in memory."""

    __slots__ = ("_at", "_level", "_shut")

    def __init__(self) -> None:
        self._level: int | None = None
        self._at = 0
        self._shut = 0

    def short_of(self, rate: Rate, reserve: int, now: int) -> int:
        short = (1 + reserve) * MICRO - self._filled(rate, now)
        return max(-(-short // rate.per_second), self._shut - now)

    def take(self, rate: Rate, now: int) -> None:
        self._level, self._at = self._filled(rate, now) - MICRO, now

    def shut(self, until: int) -> None:
        self._shut = until

    def _filled(self, rate: Rate, now: int) -> int:
        full = rate.burst * MICRO
        if self._level is None:
            return full
        return min(full, self._level + (now - self._at) * rate.per_second)


def _now() -> int:
    return time.monotonic_ns() // 1000
