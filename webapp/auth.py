"""Who is asking: a bearer token in the header, nothing in cookies or addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from casino.clock import utc_now
from casino.errors import LoginRefused
from casino.players import logins
from webapp.keys import DATABASE, LOGIN

if TYPE_CHECKING:
    from aiohttp import web

    from casino.players.logins import Login

_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{20,100})", re.ASCII)


def bearer_token(request: web.Request) -> str:
    """The token of the Authorization header; raises LoginRefused when there is none."""
    found = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        raise LoginRefused(reason="missing")
    return found[1]


async def resume_login(request: web.Request) -> Login:
    """The login behind the request's token, its time renewed; raises LoginRefused."""
    token = bearer_token(request)
    async with request.app[DATABASE].transaction() as session:
        return await logins.resume(session, token=token, now=utc_now())


def player_of(request: web.Request) -> int:
    """The player that the middleware found behind the request."""
    return request[LOGIN].player_id
