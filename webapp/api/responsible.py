"""Care: the player's own limits, a break, self-exclusion."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from casino.clock import Window, utc_now
from casino.errors import BadChoice
from casino.money import REFERENCE_CURRENCY, REFERENCE_DECIMALS
from casino.players import exclusion, identity, limits
from casino.players.rules import LimitKind
from webapp import schemas
from webapp.auth import player_of
from webapp.keys import DATABASE
from webapp.schemas import LimitRequest, SelfExclusionRequest, TimeOutRequest, read_body
from webapp.wire import Json, json_response, moment_or_none

if TYPE_CHECKING:
    from casino.players.limits import LimitView

routes = web.RouteTableDef()


@routes.get("/api/limits")
async def show_limits(request: web.Request) -> web.Response:
    """All limits that can be set, what is used of them, what waits to change, and any break."""
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        views = await limits.show(session, player_id=player_id, now=utc_now())
        player = await identity.get(session, player_id=player_id)
    return json_response(
        {
            "currency": {"code": REFERENCE_CURRENCY, "decimals": REFERENCE_DECIMALS},
            "limits": [_show(view) for view in views],
            "cooling_off_until": moment_or_none(player.cooling_off_until),
            "excluded_until": moment_or_none(player.excluded_until),
            "excluded_for_life": player.excluded_for_life,
        }
    )


@routes.put("/api/limits")
async def set_limit(request: web.Request) -> web.Response:
    """Lower a limit at once, or ask for a higher one, or for none, from tomorrow."""
    asked = await read_body(request, LimitRequest)
    try:
        kind, window = LimitKind(asked.kind), Window(asked.window)
    except ValueError as error:
        raise BadChoice(field="limit") from error
    units = None if asked.units is None else schemas.units(asked.units)
    async with request.app[DATABASE].transaction() as session:
        view = await limits.set_limit(
            session,
            player_id=player_of(request),
            kind=kind,
            window=window,
            units=units,
            now=utc_now(),
        )
    return json_response(_show(view))


@routes.post("/api/time-out")
async def take_time_out(request: web.Request) -> web.Response:
    """Close play for some hours; it cannot be undone."""
    asked = await read_body(request, TimeOutRequest)
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        until = await exclusion.take_time_out(
            session, player_id=player_id, duration=timedelta(hours=asked.hours), now=utc_now()
        )
    return json_response({"until": moment_or_none(until)})


@routes.post("/api/self-exclusion")
async def self_exclude(request: web.Request) -> web.Response:
    """Close play for months or for life; it cannot be undone."""
    asked = await read_body(request, SelfExclusionRequest)
    player_id = player_of(request)
    async with request.app[DATABASE].transaction() as session:
        until = await exclusion.self_exclude(
            session, player_id=player_id, months=asked.months, now=utc_now()
        )
    return json_response({"until": moment_or_none(until)})


def _show(view: LimitView) -> dict[str, Json]:
    return {
        "kind": view.kind.value,
        "window": view.window.value,
        "units": _text(view.units),
        "used": str(view.used),
        "pending_units": _text(view.pending_units),
        "pending_at": moment_or_none(view.pending_at),
        "resets_at": moment_or_none(view.resets_at),
    }


def _text(units: int | None) -> str | None:
    return None if units is None else str(units)
