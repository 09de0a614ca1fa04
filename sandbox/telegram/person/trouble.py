"""The other side of the curtain, over HTTP: what bots called, faults, flood limits, reset."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.telegram.errors import ActError
from sandbox.telegram.person import acts
from sandbox.telegram.person.wire import posted, whole
from sandbox.telegram.pressure import Fault, Pressure
from sandbox.telegram.state import Telegram

Json = dict[str, Any]


class Trouble:
    """Serves what tests and curious people turn: faults, limits, the record of calls."""

    def __init__(self, *, telegram: Telegram, pressure: Pressure) -> None:
        self.telegram = telegram
        self.pressure = pressure

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the switches on a router."""
        router.add_get("/sim/calls", self.calls)
        router.add_get("/sim/faults", self.list_faults)
        router.add_delete("/sim/faults", self.clear_faults)
        router.add_post("/sim/faults", posted(self.add_fault))
        router.add_post("/sim/limits", posted(self.limits))
        router.add_post("/sim/reset", posted(self.reset))

    async def calls(self, request: web.Request) -> web.Response:
        """GET /sim/calls."""
        bot = request.query.get("bot")
        bot_id = acts.find_bot(self.telegram, bot).id if bot else None
        method = request.query.get("method", "").lower()
        limit = whole(request.query.get("limit", "200"), "limit")
        found = [
            call
            for call in self.pressure.calls
            if bot_id in (None, call["bot"]) and method in ("", call["method"].lower())
        ]
        return web.json_response({"calls": found[-limit:]})

    async def list_faults(self, _request: web.Request) -> web.Response:
        """GET /sim/faults."""
        shown = [
            {"method": f.method, "code": f.code, "times": f.times} for f in self.pressure.faults
        ]
        return web.json_response({"faults": shown})

    async def add_fault(self, fields: Json) -> Json:
        """POST /sim/faults."""
        try:
            fault = Fault(**fields)
        except TypeError as error:
            raise ActError(f"a fault is made of other fields: {error}") from error
        self.pressure.faults.append(fault)
        return {"faults": len(self.pressure.faults)}

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """DELETE /sim/faults."""
        self.pressure.faults.clear()
        return web.json_response({"faults": 0})

    async def limits(self, fields: Json) -> Json:
        """POST /sim/limits."""
        self.pressure.flood_limits = fields.get("enabled") is True
        return {"enabled": self.pressure.flood_limits}

    async def reset(self, _fields: Json) -> Json:
        """POST /sim/reset."""
        self.telegram.reset()
        self.pressure.faults.clear()
        self.pressure.calls.clear()
        return {"reset": True}
