"""A player's address book, and whether he is paid to it only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino.cashier import house_addresses, rails, saved_addresses, saved_only, terms
from casino.clock import utc_now
from casino.ids import internal, public
from payments.destinations import canonical_destination
from webapp.auth import player_of
from webapp.keys import DATABASE, TESTNET
from webapp.schemas import AddressRequest, LabelRequest, SavedOnlyRequest, read_body
from webapp.wire import Json, json_response, moment

if TYPE_CHECKING:
    from casino.cashier.saved_addresses import SavedAddress
    from casino.cashier.saved_only import SavedOnly

routes = web.RouteTableDef()


@routes.get("/api/cashier/addresses")
async def list_addresses(request: web.Request) -> web.Response:
    """What the player saved, where he was paid to besides, and the mode."""
    player_id, now = player_of(request), utc_now()
    async with request.app[DATABASE].transaction() as session:
        saved = await saved_addresses.list_saved(session, player_id=player_id)
        mode = await saved_only.read(session, player_id=player_id, now=now)
        in_force = await terms.current(session)
        paid = [
            {"rail": rail.name, "destination": destination}
            for rail in await rails.list_rails(session)
            for destination in await saved_addresses.list_paid(
                session, player_id=player_id, rail=rail.name
            )
        ]
    return json_response(
        {
            "saved": [_show(one) for one in saved],
            "paid": paid,
            "saved_only": _show_mode(mode),
            "cool_down_hours": in_force.address_cool_down_hours,
        }
    )


@routes.post("/api/cashier/addresses")
async def save_address(request: web.Request) -> web.Response:
    """Keep an address; the same one again only takes the name."""
    asked = await read_body(request, AddressRequest)
    async with request.app[DATABASE].transaction() as session:
        rail = await rails.get_rail(session, asked.rail)
        made = await saved_addresses.save(
            session,
            player_id=player_of(request),
            rail=rail.name,
            destination=canonical_destination(
                rail,
                asked.destination,
                house=await house_addresses.read(session),
                testnet=request.app[TESTNET],
            ),
            label=asked.label,
            now=utc_now(),
        )
    return json_response(_show(made))


@routes.put("/api/cashier/addresses/{id}")
async def rename_address(request: web.Request) -> web.Response:
    """Give a saved address another name."""
    asked = await read_body(request, LabelRequest)
    async with request.app[DATABASE].transaction() as session:
        made = await saved_addresses.rename(
            session,
            player_id=player_of(request),
            address_id=internal(request.match_info["id"]),
            label=asked.label,
            now=utc_now(),
        )
    return json_response(_show(made))


@routes.delete("/api/cashier/addresses/{id}")
async def remove_address(request: web.Request) -> web.Response:
    """Forget a saved address."""
    async with request.app[DATABASE].transaction() as session:
        await saved_addresses.remove(
            session,
            player_id=player_of(request),
            address_id=internal(request.match_info["id"]),
            now=utc_now(),
        )
    return json_response({})


@routes.post("/api/cashier/saved-only")
async def switch_saved_only(request: web.Request) -> web.Response:
    """Be paid to saved addresses only: on at once, off after the cool-down."""
    asked = await read_body(request, SavedOnlyRequest)
    switch = saved_only.switch_on if asked.on else saved_only.switch_off
    async with request.app[DATABASE].transaction() as session:
        mode = await switch(session, player_id=player_of(request), now=utc_now())
    return json_response(_show_mode(mode))


def _show(one: SavedAddress) -> dict[str, Json]:
    return {
        "id": public(one.id),
        "rail": one.rail,
        "destination": one.destination,
        "label": one.label,
        "ready_at": moment(one.ready_at),
        "ready": one.ready_at <= utc_now(),
    }


def _show_mode(mode: SavedOnly) -> dict[str, Json]:
    return {"on": mode.on, "ends_at": moment(mode.ends_at) if mode.ends_at else None}
