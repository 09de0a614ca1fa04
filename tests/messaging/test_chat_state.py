"""Half-filled forms: kept in Redis, kept here while Redis is gone, never an error."""

import asyncio
from collections.abc import Callable

from aiogram.fsm.storage.base import StorageKey

from messaging import redis_link
from messaging.chat_state import ChatState
from messaging.redis_link import RedisLink
from sandbox.valkey import ValkeyServer

KEY = StorageKey(bot_id=100, chat_id=1001, user_id=1001)
OTHER = StorageKey(bot_id=100, chat_id=1002, user_id=1002)


async def test_a_form_survives_the_process(redis_url: str) -> None:
    first, second = RedisLink(redis_url), RedisLink(redis_url)
    await ChatState(first).set_state(KEY, "Ask:amount")
    await ChatState(first).set_data(KEY, {"rail": "ton", "units": 5})
    later = ChatState(second)
    assert await later.get_state(KEY) == "Ask:amount"
    assert await later.get_data(KEY) == {"rail": "ton", "units": 5}
    assert await later.get_state(OTHER) is None
    assert await later.get_data(OTHER) == {}
    await first.close()
    await second.close()


async def test_a_form_is_not_kept_for_ever(redis: RedisLink) -> None:
    state = ChatState(redis)
    await state.set_state(KEY, "Ask:amount")
    await state.set_data(KEY, {"rail": "ton"})
    keys = await redis.client.keys("*")
    assert len(keys) == 2
    for key in keys:
        assert 0 < await redis.client.ttl(key) <= 24 * 3600


async def test_clearing_leaves_nothing(redis: RedisLink) -> None:
    state = ChatState(redis)
    await state.set_state(KEY, "Ask:amount")
    await state.set_data(KEY, {"rail": "ton"})
    await state.set_state(KEY, None)
    await state.set_data(KEY, {})
    assert await redis.client.keys("*") == []


async def test_forms_go_on_while_redis_is_gone(unused_redis_url: str) -> None:
    link = RedisLink(unused_redis_url)
    state = ChatState(link)
    assert await state.get_state(KEY) is None
    assert await state.get_data(KEY) == {}
    await state.set_state(KEY, "Ask:amount")
    await state.set_data(KEY, {"rail": "ton"})
    assert await state.get_state(KEY) == "Ask:amount"
    assert await state.get_data(KEY) == {"rail": "ton"}
    assert await state.update_data(KEY, {"units": 1}) == {"rail": "ton", "units": 1}
    assert await state.get_data(OTHER) == {}
    await link.close()


async def test_redis_lost_and_found(valkey_server: Callable[[], ValkeyServer]) -> None:
    server = valkey_server()
    link = RedisLink(server.url)
    state = ChatState(link)
    await state.set_state(KEY, "Ask:amount")
    server.stop()
    assert await state.get_state(KEY) is None
    await state.set_state(OTHER, "Ask:address")
    assert await state.get_state(OTHER) == "Ask:address"
    server.start()
    # Nobody asks again before the pause is over; then everything is in Redis again.
    await asyncio.sleep(redis_link.AWAY_SECONDS + 0.1)
    await state.set_state(OTHER, "Ask:amount")
    assert not link.away
    assert await ChatState(link).get_state(OTHER) == "Ask:amount"
    await link.close()
