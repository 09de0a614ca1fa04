"""The bar of the world on the page: chains, wallets and logs, given by whoever runs them."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

from sandbox.telegram.errors import ActError
from sandbox.telegram.person.wire import read_object, whole

Json = dict[str, Any]


class WorldFeed(Protocol):
    """What the page asks of the rest of the sandbox. Amounts are decimal strings of whole units."""

    async def snapshot(self, *, person_id: int) -> Json:
        """`{"chains": [{"name", "title", "height"}], "wallets": [{"rail", "asset", "network",
        "chain", "decimals", "units", "address", "comments", "fuel"}], "log": [{"at", "service",
        "text"}]}`; `fuel` is what else pays fees: `{"name", "units", "decimals"}` or null."""

    async def send(self, *, person_id: int, rail: str, to: str, comment: str, units: int) -> Json:
        """Send from the person's wallet; raises ActError when that is impossible."""

    async def mine(self, *, chain: str) -> Json:
        """Make the next block now; `{"chain", "height"}`."""

    async def log_lines(self, *, limit: int) -> list[Json]:
        """The last lines that the services said, oldest first."""


class EmptyWorld:
    """No chains and no wallets: what stands in when the local Telegram runs alone."""

    async def snapshot(self, *, person_id: int) -> Json:
        """Nothing to show for anybody."""
        return {"chains": [], "wallets": [], "log": [], "person": person_id}

    async def send(self, *, person_id: int, rail: str, to: str, comment: str, units: int) -> Json:
        """There is nothing to send."""
        asked = f"{units} units on {rail} to {to} ({comment or 'no comment'})"
        raise ActError(f"person {person_id} has no wallet here to send {asked}", status=404)

    async def mine(self, *, chain: str) -> Json:
        """There is nothing to mine."""
        raise ActError(f"there is no chain {chain!r} in this world", status=404)

    async def log_lines(self, *, limit: int) -> list[Json]:
        """Nobody speaks."""
        return [][:limit]


class WorldRoutes:
    """`GET /world?person=`, `POST /world/send`, `POST /world/mine`, `GET /world/log?limit=`."""

    def __init__(self, feed: WorldFeed) -> None:
        self.feed = feed

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the bar's addresses on a router."""
        router.add_get("/world", self.show)
        router.add_get("/world/log", self.log)
        router.add_post("/world/send", self.send)
        router.add_post("/world/mine", self.mine)

    async def show(self, request: web.Request) -> web.Response:
        """What the bar shows to a person."""
        person = whole(request.query.get("person", "0"), "person")
        return web.json_response(await self.feed.snapshot(person_id=person))

    async def log(self, request: web.Request) -> web.Response:
        """The log drawer."""
        limit = min(whole(request.query.get("limit", "200"), "limit"), 1000)
        return web.json_response({"log": await self.feed.log_lines(limit=limit)})

    async def send(self, request: web.Request) -> web.Response:
        """`{"person", "rail", "to", "comment", "units"}`; units is text or a whole number."""
        fields = await read_object(request)
        sent = await self.feed.send(
            person_id=whole(fields.get("person"), "person"),
            rail=str(fields.get("rail", "")),
            to=str(fields.get("to", "")).strip(),
            comment=str(fields.get("comment", "")).strip(),
            units=whole(fields.get("units"), "units"),
        )
        return web.json_response(sent)

    async def mine(self, request: web.Request) -> web.Response:
        """`{"chain"}`."""
        fields = await read_object(request)
        return web.json_response(await self.feed.mine(chain=str(fields.get("chain", ""))))
