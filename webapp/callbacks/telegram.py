"""Telegram's webhook: the secret is checked, the update is stored in the inbox, nothing else."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import msgspec
import structlog
from aiohttp import web

from casino.errors import BadSignature, NotFound
from messaging.updates import PLAYER_SOURCE, STAFF_SOURCE, record_update
from webapp.errors import BadRequest
from webapp.keys import DATABASE

log = structlog.get_logger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105
WEBHOOK_SECRETS: web.AppKey[Mapping[str, str]] = web.AppKey("webhook_secrets")
_SOURCES = {"player": PLAYER_SOURCE, "admin": STAFF_SOURCE}

routes = web.RouteTableDef()


@routes.post("/telegram/{bot}")
async def receive_update(request: web.Request) -> web.Response:
    """Store one update of a bot; Telegram sends it again unless we answer 200."""
    bot = request.match_info["bot"]
    if bot not in _SOURCES:
        raise NotFound(thing="bot", key=bot[:40])
    require_secret(request.headers.get(SECRET_HEADER, ""), request.app[WEBHOOK_SECRETS].get(bot))
    try:
        update = msgspec.json.decode(await request.read(), type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRequest(reason="not JSON") from error
    number = update.get("update_id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**63:
        raise BadRequest(reason="update_id")
    storable = _without_nul(update)
    assert isinstance(storable, dict)
    try:
        async with request.app[DATABASE].transaction() as session:
            fresh = await record_update(session, source=_SOURCES[bot], update=storable)
    except (KeyError, AttributeError) as error:
        raise BadRequest(reason="update") from error
    log.info("update.stored", bot=bot, update_id=number, fresh=fresh)
    return web.Response()


def require_secret(given: str, expected: str | None) -> None:
    """Raise BadSignature unless the header is the secret; no secret lets nobody in."""
    # Bytes, since compare_digest refuses text that is not ASCII; headers may hold any byte.
    given_bytes = given.encode("utf-8", "surrogateescape")
    if not expected or not hmac.compare_digest(given_bytes, expected.encode()):
        raise BadSignature


def _without_nul(value: object) -> object:
    """The same JSON without U+0000, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {str(_without_nul(name)): _without_nul(item) for name, item in value.items()}
    return value
