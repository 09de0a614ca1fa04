"""Where half-filled forms of a chat are kept: Redis, or this process while Redis is gone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder, StateType, StorageKey
from aiogram.fsm.storage.redis import RedisStorage

from messaging.redis_link import RedisAway, RedisLink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEPT_FOR = timedelta(hours=24)
FORMS_MAX = 10_000


class ChatState(BaseStorage):
    """The dispatcher's storage. Nothing in it is needed by money: when Redis goes, forms begun
    before are forgotten and new ones live in this process until it returns."""

    def __init__(self, redis: RedisLink) -> None:
        self._redis = redis
        self._storage = RedisStorage(
            redis.client,
            key_builder=DefaultKeyBuilder(with_bot_id=True, with_destiny=True),
            state_ttl=KEPT_FOR,
            data_ttl=KEPT_FOR,
        )
        self._states: OrderedDict[StorageKey, str] = OrderedDict()
        self._forms: OrderedDict[StorageKey, dict[str, Any]] = OrderedDict()

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Remember which question the chat was asked last; None forgets it."""
        name = state if isinstance(state, str) or state is None else state.state
        _keep(self._states, key, name)
        if await self._stored(lambda: self._storage.set_state(key, name)):
            self._states.pop(key, None)

    async def get_state(self, key: StorageKey) -> str | None:
        """The question asked last, or None."""
        if key in self._states:
            return self._states[key]
        found: list[str | None] = []

        async def read() -> None:
            found.append(await self._storage.get_state(key))

        return found[0] if await self._stored(read) else None

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Replace the form; an empty one is forgotten."""
        _keep(self._forms, key, dict(data) or None)
        if await self._stored(lambda: self._storage.set_data(key, data)):
            self._forms.pop(key, None)

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """The form so far."""
        if key in self._forms:
            return dict(self._forms[key])
        found: list[dict[str, Any]] = []

        async def read() -> None:
            found.append(await self._storage.get_data(key))

        return found[0] if await self._stored(read) else {}

    async def close(self) -> None:
        """The link is closed by whoever opened it."""

    async def _stored(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether Redis did `work`; False when it is gone."""

        async def ask(_client: object) -> None:
            await work()

        try:
            await self._redis.ask(ask)
        except RedisAway:
            return False
        return True


def _keep(shelf: OrderedDict[StorageKey, Any], key: StorageKey, thing: Any) -> None:
    if thing is None:
        shelf.pop(key, None)
        return
    shelf[key] = thing
    shelf.move_to_end(key)
    while len(shelf) > FORMS_MAX:
        shelf.popitem(last=False)
