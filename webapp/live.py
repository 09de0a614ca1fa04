"""Live updates: one queue per open socket, fanned out to all replicas through Redis.

The sender of a message delivers it here at once and rings the other replicas through Redis, so
that losing Redis only makes other replicas late. After every (re)connection to Redis each open
socket gets its balances anew, which mends whatever was missed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog
from redis.exceptions import RedisError

from messaging.redis_link import RedisAway
from webapp.wire import json_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from redis.asyncio import Redis

    from messaging.redis_link import RedisLink
    from webapp.wire import Json

log = structlog.get_logger(__name__)

CHANNEL = "fairhouse:live"
WAITING_MAX = 64
PUBLISH_WAITING_MAX = 4096
RECONNECT_SECONDS = 1.0
LISTEN_SECONDS = 1.0

CLOSE_FAULT = 1011
CLOSE_RESTART = 1012
CLOSE_SLOW = 1013
CLOSE_LOGIN_ENDED = 4401


class Ring(msgspec.Struct, frozen=True, omit_defaults=True):
    """What replicas tell each other about one player."""

    origin: str
    player_id: int
    message: str = ""
    balance: bool = False
    close: bool = False
    login_id: int | None = None


class Connection:
    """An open socket: what waits to be said, and why it must end."""

    def __init__(self, *, player_id: int, login_id: int) -> None:
        self.player_id = player_id
        self.login_id = login_id
        self.balance_due = True
        self.close_code: int | None = None
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._wake.set()

    def say(self, text: str) -> None:
        """Queue a message; a client too slow to read its messages is sent away instead."""
        if len(self._waiting) >= WAITING_MAX:
            self.end(CLOSE_SLOW)
            return
        self._waiting.append(text)
        self._wake.set()

    def balance_changed(self) -> None:
        """Send fresh balances; many changes in a row become one message."""
        self.balance_due = True
        self._wake.set()

    def end(self, code: int) -> None:
        """Close with this code; the first reason counts."""
        self.close_code = self.close_code or code
        self._wake.set()

    async def wait(self) -> list[str]:
        """Return when there is something to do, with the messages to send."""
        await self._wake.wait()
        self._wake.clear()
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting


class Live:
    """All open sockets of this process, and the way to those of other replicas."""

    def __init__(self, redis: RedisLink | None) -> None:
        self._redis = redis
        self._origin = secrets.token_hex(8)
        self._open: dict[int, set[Connection]] = {}
        self._outgoing: asyncio.Queue[Ring] = asyncio.Queue(PUBLISH_WAITING_MAX)

    def connect(self, *, player_id: int, login_id: int) -> Connection:
        """Register a socket whose owner is known."""
        connection = Connection(player_id=player_id, login_id=login_id)
        self._open.setdefault(player_id, set()).add(connection)
        return connection

    def disconnect(self, connection: Connection) -> None:
        """Forget a socket that ended."""
        found = self._open.get(connection.player_id, set())
        found.discard(connection)
        if not found:
            self._open.pop(connection.player_id, None)

    def balance_changed(self, player_id: int) -> None:
        """Every open socket of the player, on any replica, gets his balances."""
        self._tell(Ring(self._origin, player_id, balance=True))

    def push(self, player_id: int, message: Mapping[str, Json]) -> None:
        """Every open socket of the player, on any replica, gets this message."""
        self._tell(Ring(self._origin, player_id, message=json_text(message)))

    def login_ended(self, player_id: int, *, login_id: int | None = None) -> None:
        """Close the sockets of one login, or of all logins of the player."""
        self._tell(Ring(self._origin, player_id, close=True, login_id=login_id))

    def close_all(self) -> None:
        """Send everybody to another replica: this one is about to stop."""
        for connection in self._everyone():
            connection.end(CLOSE_RESTART)

    async def publish(self) -> None:
        """Ring the other replicas for ever; what Redis cannot take is dropped."""
        while True:
            rings = [await self._outgoing.get()]
            # Whatever waits goes as one: wallets of many players change in the same moment.
            while not self._outgoing.empty():
                rings.append(self._outgoing.get_nowait())
            if self._redis is None:
                continue
            with suppress(RedisAway):  # the others are late until Redis is back
                await self._redis.ask(partial(_publish, text=msgspec.json.encode(rings)))
            _end_if_cancelled()

    async def listen(self) -> None:
        """Hear the other replicas for ever; while Redis is gone, try again every second."""
        if self._redis is None:
            return
        while True:
            try:
                await self._listen_once(self._redis)
            except (RedisError, OSError) as error:
                log.info("live.deaf", error=repr(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, redis: RedisLink) -> None:
        async with redis.client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            while True:
                item = await pubsub.get_message(timeout=LISTEN_SECONDS)
                _end_if_cancelled()
                if item is None:
                    continue
                if item["type"] == "subscribe":
                    for connection in self._everyone():
                        connection.balance_changed()
                elif item["type"] == "message":
                    self._hear(item["data"])

    def _hear(self, data: bytes) -> None:
        try:
            rings = msgspec.json.decode(data, type=list[Ring])
        except msgspec.MsgspecError as error:
            log.warning("live.garbled", error=str(error))
            return
        for ring in rings:
            if ring.origin != self._origin:
                self._deliver(ring)

    def _tell(self, ring: Ring) -> None:
        self._deliver(ring)
        if self._redis is not None and not self._outgoing.full():
            self._outgoing.put_nowait(ring)

    def _deliver(self, ring: Ring) -> None:
        for connection in tuple(self._open.get(ring.player_id, ())):
            if ring.close and ring.login_id in {None, connection.login_id}:
                connection.end(CLOSE_LOGIN_ENDED)
            if ring.message:
                connection.say(ring.message)
            if ring.balance:
                connection.balance_changed()

    def _everyone(self) -> list[Connection]:
        return [connection for some in self._open.values() for connection in some]


def _publish(client: Redis, *, text: bytes) -> Awaitable[int]:
    return client.publish(CHANNEL, text)


def _end_if_cancelled() -> None:
    """Raise a cancellation that was lost on the way: redis-py sends through asyncio.wait_for,
    which in Python 3.11 swallows one that arrives together with the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
