"""The WebSocket: a ticket in its first message, then balances and news as they happen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import structlog
from aiohttp import WSMsgType, web

from casino.clock import utc_now
from casino.errors import LoginRefused
from casino.nursery import Nursery
from casino.players import logins
from webapp.balances import show_balances
from webapp.errors import is_database_away
from webapp.keys import DATABASE, LIVE
from webapp.live import CLOSE_FAULT, CLOSE_LOGIN_ENDED, CLOSE_SLOW
from webapp.wire import json_text

if TYPE_CHECKING:
    from casino.players.logins import Login
    from webapp.live import Connection

log = structlog.get_logger(__name__)

TICKET_SECONDS = 5.0
HEARTBEAT_SECONDS = 25.0
LOGIN_CHECK_SECONDS = HEARTBEAT_SECONDS
MESSAGE_BYTES_MAX = 4096
RETRY_SECONDS = 1.0
# Reading balances for sockets may not take all connections of the pool from the API.
_READERS = web.AppKey("live_readers", asyncio.Semaphore)

routes = web.RouteTableDef()


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first message of the client."""

    ticket: Annotated[str, msgspec.Meta(max_length=200)]


class Said(msgspec.Struct, frozen=True):
    """Any later message of the client; only a ping is understood."""

    type: str


def install(app: web.Application) -> None:
    """Give the routes what they share."""
    app[_READERS] = asyncio.Semaphore(2)


@routes.get("/ws")
async def open_socket(request: web.Request) -> web.WebSocketResponse:
    """Open a socket for the owner of the ticket; anything else is closed with 4401."""
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=MESSAGE_BYTES_MAX)
    await socket.prepare(request)
    try:
        login = await _redeem(request, socket)
    except (LoginRefused, msgspec.MsgspecError, TypeError) as error:
        log.info("socket.refused", error=str(error))
        await socket.close(code=CLOSE_LOGIN_ENDED, message=b"ticket")
        return socket
    except Exception as error:
        if not is_database_away(error):  # a silent client is a time-out, too
            raise
        await socket.close(code=CLOSE_SLOW, message=b"later")
        return socket
    live = request.app[LIVE]
    connection = live.connect(player_id=login.player_id, login_id=login.login_id)
    try:
        async with Nursery() as nursery:
            nursery.start(_speak(request, socket, connection), name="socket.speak")
            nursery.start(_end_with_login(request, connection), name="socket.login")
            await _hear(socket, connection)
    finally:
        live.disconnect(connection)
    return socket


async def _redeem(request: web.Request, socket: web.WebSocketResponse) -> Login:
    async with asyncio.timeout(TICKET_SECONDS):
        first = msgspec.json.decode(await socket.receive_str(), type=Ticket)
    async with request.app[DATABASE].transaction() as session:
        return await logins.redeem_ticket(session, ticket=first.ticket, now=utc_now())


async def _hear(socket: web.WebSocketResponse, connection: Connection) -> None:
    """Read until the client leaves or we close."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            said = msgspec.json.decode(message.data, type=Said)
        except msgspec.MsgspecError:
            continue  # a client that says nonsense is simply not answered
        if said.type == "ping":
            connection.say(json_text({"type": "pong"}))


async def _speak(
    request: web.Request, socket: web.WebSocketResponse, connection: Connection
) -> None:
    """Send what waits, fresh balances last, until a reason to close comes."""
    try:
        while connection.close_code is None:
            for text in await connection.wait():
                await socket.send_str(text)
            if connection.balance_due and connection.close_code is None:
                await _send_balances(request, socket, connection)
    except ConnectionError as error:
        log.info("socket.lost", error=repr(error))
    finally:
        # Whatever ended the speaking ends the socket, so that the client comes again.
        await socket.close(code=connection.close_code or CLOSE_FAULT)


async def _end_with_login(request: web.Request, connection: Connection) -> None:
    """End the connection when its login is over: one that runs out is announced by nobody."""
    while connection.close_code is None:
        await asyncio.sleep(LOGIN_CHECK_SECONDS)
        try:
            async with request.app[_READERS], request.app[DATABASE].transaction() as session:
                runs = await logins.runs(session, login_id=connection.login_id, now=utc_now())
        except Exception as error:
            if not is_database_away(error):
                connection.end(CLOSE_FAULT)
                raise
            continue  # asked again at the next beat
        if not runs:
            connection.end(CLOSE_LOGIN_ENDED)


async def _send_balances(
    request: web.Request, socket: web.WebSocketResponse, connection: Connection
) -> None:
    connection.balance_due = False
    try:
        async with request.app[_READERS], request.app[DATABASE].transaction() as session:
            balances = await show_balances(session, connection.player_id)
    except Exception as error:
        if not is_database_away(error):
            raise
        await asyncio.sleep(RETRY_SECONDS)
        connection.balance_changed()
        return
    await socket.send_str(json_text({"type": "balance", "balances": balances}))
