"""What a person sees over HTTP: chats, waiting for news, the stream of events, files."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from sandbox.telegram.errors import ActError
from sandbox.telegram.person import acts, views
from sandbox.telegram.person.wire import seconds_of, whole
from sandbox.telegram.signing import PUBLIC_KEY
from sandbox.telegram.state import Telegram

Json = dict[str, Any]


class Watching:
    """Serves everything under `/sim` that only looks."""

    def __init__(self, telegram: Telegram) -> None:
        self.telegram = telegram

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the looks on a router."""
        router.add_get("/sim/state", self.state)
        router.add_get("/sim/chat", self.chat)
        router.add_get("/sim/wait", self.wait)
        router.add_get("/sim/events", self.events)
        router.add_get("/sim/ws", self.socket)
        router.add_get("/sim/file/{unique_id}", self.file)
        router.add_get("/sim/key", self.key)

    async def state(self, request: web.Request) -> web.Response:
        """GET /sim/state."""
        asked = request.query.get("person")
        person = acts.find_person(self.telegram, asked) if asked else None
        return web.json_response(views.overview(self.telegram, person))

    async def chat(self, request: web.Request) -> web.Response:
        """GET /sim/chat."""
        person, chat = acts.whose(self.telegram, dict(request.query))
        seen = views.transcript(self.telegram, chat, person)
        line = views.chat_view(self.telegram, chat, person)
        return web.json_response({"chat": line, **seen})

    async def wait(self, request: web.Request) -> web.Response:
        """GET /sim/wait."""
        person, chat = acts.whose(self.telegram, dict(request.query))
        after = whole(request.query.get("after", "0"), "after")
        contains = request.query.get("contains", "")

        def look() -> Json | None:
            seen = views.transcript(self.telegram, chat, person, after=after, contains=contains)
            return seen if seen["messages"] else None

        found = await self.telegram.hub.bell.until(look, seconds_of(request.query.get("timeout")))
        empty = {"seq": self.telegram.hub.seq, "messages": []}
        return web.json_response(found or empty)

    async def events(self, request: web.Request) -> web.Response:
        """GET /sim/events."""
        after = whole(request.query.get("after", "0"), "after")
        hub = self.telegram.hub

        def look() -> list[Json] | None:
            return [event for event in hub.events if event["seq"] > after] or None

        found = await hub.bell.until(look, seconds_of(request.query.get("timeout")))
        return web.json_response({"seq": hub.seq, "events": found or []})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """GET /sim/ws: every event as it happens."""
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        queue = self.telegram.hub.listen()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_hear(socket, queue))
                await _tell(socket, queue)
                await socket.close()
        finally:
            self.telegram.hub.leave(queue)
        return socket

    async def file(self, request: web.Request) -> web.Response:
        """GET /sim/file/..."""
        file = self.telegram.store.find_file(request.match_info["unique_id"])
        if file is None:
            raise ActError("there is no such file", status=404)
        # Documents come from people: a browser must never run one as a page.
        shown = file.mime if file.mime.startswith("image/") and "svg" not in file.mime else ""
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=86400"}
        if not shown:
            headers["Content-Disposition"] = "attachment"
        kind = shown or "application/octet-stream"
        return web.Response(body=file.body, content_type=kind, headers=headers)

    async def key(self, _request: web.Request) -> web.Response:
        """GET /sim/key."""
        return web.json_response({"public_key": PUBLIC_KEY.hex()})


async def _hear(socket: web.WebSocketResponse, queue: asyncio.Queue[Json | None]) -> None:
    """Pages say nothing; reading notices when one goes away."""
    async for _ in socket:
        continue
    queue.put_nowait(None)


async def _tell(socket: web.WebSocketResponse, queue: asyncio.Queue[Json | None]) -> None:
    while (event := await queue.get()) is not None:
        try:
            await socket.send_str(json.dumps(event, ensure_ascii=False))
        except ConnectionError:
            return
