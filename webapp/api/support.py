"""A conversation with the staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from casino.clock import utc_now
from casino.ids import public
from casino.support import conversations
from webapp import schemas
from webapp.auth import player_of
from webapp.keys import DATABASE
from webapp.schemas import SupportRequest, read_body
from webapp.wire import Json, json_response, moment

if TYPE_CHECKING:
    from casino.support.conversations import Message

routes = web.RouteTableDef()


@routes.get("/api/support")
async def show_conversation(request: web.Request) -> web.Response:
    """The newest messages of both sides."""
    limit = schemas.page(request.query)
    async with request.app[DATABASE].transaction() as session:
        messages = await conversations.history(session, player_id=player_of(request), limit=limit)
    return json_response({"messages": [_show(message) for message in messages]})


@routes.post("/api/support")
async def write_to_staff(request: web.Request) -> web.Response:
    """Send a message to the staff."""
    asked = await read_body(request, SupportRequest)
    async with request.app[DATABASE].transaction() as session:
        message = await conversations.write(
            session,
            player_id=player_of(request),
            text=asked.text.replace("\0", ""),
            now=utc_now(),
        )
    return json_response(_show(message))


def _show(message: Message) -> dict[str, Json]:
    return {
        "id": public(message.id),
        "from": "staff" if message.from_staff else "player",
        "text": message.text,
        "at": moment(message.written_at),
    }
