"""Buckets of calls: in Redis for all processes, in memory without it; the arithmetic, not clocks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from messaging.pace import MICRO, Pace, Rate, speaking_news
from messaging.redis_link import RedisLink

# Refill is so slow that no test machine can make it matter.
BOT = Rate(per_second=1, burst=5, reserve=2)
CHAT = Rate(per_second=1, burst=3, reserve=0)
A_SECOND_AND_A_HALF = MICRO * 3 // 2


@pytest.fixture(params=["redis", "memory"])
async def pace(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Pace]:
    if request.param == "memory":
        yield Pace(None, bot_id=100, bot=BOT, chat=CHAT)
        return
    link = RedisLink(redis_url)
    yield Pace(link, bot_id=100, bot=BOT, chat=CHAT)
    await link.close()


async def takes(pace: Pace, chat_id: int | None, *, most: int = 20) -> int:
    """How many calls go out before one has to wait."""
    for count in range(most):
        if await pace._take(chat_id):
            return count
    return most


async def test_a_bot_speaks_in_bursts_and_then_waits(pace: Pace) -> None:
    assert await takes(pace, None) == BOT.burst
    assert 0 < await pace._take(None) <= MICRO


async def test_one_chat_cannot_take_the_whole_bucket(pace: Pace) -> None:
    assert await takes(pace, 1) == CHAT.burst
    assert await takes(pace, 2) == BOT.burst - CHAT.burst


async def test_a_call_that_waits_for_its_chat_takes_nothing_from_the_bot(pace: Pace) -> None:
    await takes(pace, 1)
    for _ in range(10):
        assert await pace._take(1)
    assert await takes(pace, None) == BOT.burst - CHAT.burst


async def test_news_leave_room_for_answers(pace: Pace) -> None:
    with speaking_news():
        assert await takes(pace, None) == BOT.burst - BOT.reserve
    assert await takes(pace, None) == BOT.reserve


async def test_a_silence_that_telegram_asked_for_is_kept(pace: Pace) -> None:
    await pace.shut(1, seconds=30)
    assert await pace._take(1) > 20 * MICRO
    assert not await pace._take(2)
    await pace.shut(None, seconds=30)
    assert await pace._take(2) > 20 * MICRO


async def test_a_waiting_call_goes_out_when_there_is_room(redis_url: str) -> None:
    link = RedisLink(redis_url)
    pace = Pace(link, bot_id=100, bot=Rate(per_second=1000, burst=1, reserve=0), chat=CHAT)
    for _ in range(5):
        await pace.admit(None)
    await link.close()


async def test_two_processes_share_a_bucket_and_two_bots_do_not(redis_url: str) -> None:
    one, two = RedisLink(redis_url), RedisLink(redis_url)
    here = Pace(one, bot_id=100, bot=BOT, chat=CHAT)
    there = Pace(two, bot_id=100, bot=BOT, chat=CHAT)
    other = Pace(two, bot_id=200, bot=BOT, chat=CHAT)
    taken = await asyncio.gather(*(pace._take(None) for pace in (here, there) * BOT.burst))
    assert sum(1 for wait in taken if not wait) == BOT.burst
    assert await takes(other, None) == BOT.burst
    await one.close()
    await two.close()


async def test_without_redis_a_process_paces_itself(unused_redis_url: str) -> None:
    link = RedisLink(unused_redis_url)
    pace = Pace(link, bot_id=100, bot=BOT, chat=CHAT)
    assert await takes(pace, None) == BOT.burst
    assert link.away
    await link.close()
