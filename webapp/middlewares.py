"""Around every request: a request id, errors as JSON, the login, the throttle, safe headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import uuid_utils
from aiohttp import web

from casino.errors import InvariantViolation
from webapp.auth import resume_login
from webapp.errors import answer_of, is_database_away, status_of, translate
from webapp.keys import LOGIN, REQUEST_ID, THROTTLE
from webapp.throttle import MONEY, PLAY, READ, SUPPORT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from webapp.throttle import Rate

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

API = "/api/"
# Asked before anybody is logged in; each counts its callers by address.
OPEN_PATHS = frozenset({"/api/login", "/api/fairness/house-key"})
_MACHINES = (API, "/telegram/", "/aggregators/", "/ws")
# Nobody shows these answers in a page, and there are many of them.
_PROGRAMS = ("/telegram/", "/aggregators/")
_READS = frozenset({"GET", "HEAD"})
_RATES = (
    ("/api/play/", PLAY),
    ("/api/rounds", PLAY),
    ("/api/support", SUPPORT),
)
_TELEGRAM_ANCESTORS = "https://telegram.org https://*.telegram.org"


def rate_of(method: str, path: str) -> Rate:
    """How often this may be called: looking is cheap, playing is quick, money is rare."""
    if method in _READS:
        return READ
    return next((rate for prefix, rate in _RATES if path.startswith(prefix)), MONEY)


@web.middleware
async def speak_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request in every log line, and turn whatever goes wrong into one JSON shape."""
    request_id = request[REQUEST_ID] = str(uuid_utils.uuid7())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id, path=request.path)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or not request.path.startswith(_MACHINES):
            raise
        return answer_of(translate(error), request_id=request_id)
    except Exception as error:  # noqa: BLE001
        # The edge: nothing but JSON may leave, and a bug must be found in the log, not there.
        _log_fault(error)
        return answer_of(translate(error), request_id=request_id)
    return response


@web.middleware
async def require_login(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the player behind an API call and count it against his rate."""
    if not request.path.startswith(API) or request.path in OPEN_PATHS:
        return await handler(request)
    login = request[LOGIN] = await resume_login(request)
    structlog.contextvars.bind_contextvars(player_id=login.player_id)
    await request.app[THROTTLE].require(rate_of(request.method, request.path), key=login.player_id)
    return await handler(request)


def secure_headers(
    parent_origin: str, *, bridges: Iterable[str], frames: Iterable[str] = ()
) -> Callable[..., Awaitable[None]]:
    """Headers of every answer: only our own code runs, only Telegram frames us, and the page
    talks to us and to the wallets' bridges only. `frames` are origins of other people's games."""
    ancestors = f"'self' {_TELEGRAM_ANCESTORS} {parent_origin}".strip()
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            # The wallet dialogue of TON Connect writes its style sheet at run time.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            " ".join(("connect-src 'self'", *bridges)),
            " ".join(("frame-src 'self'", *frames)),
            "manifest-src 'self'",
            f"frame-ancestors {ancestors}",
            "base-uri 'none'",
            "form-action 'none'",
            "object-src 'none'",
        )
    )

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        request_id = request.get(REQUEST_ID)
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        if request.path.startswith(_PROGRAMS):
            return
        headers["Content-Security-Policy"] = policy
        headers["Referrer-Policy"] = "no-referrer"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"

    return add_headers


def _log_fault(error: Exception) -> None:
    if isinstance(error, InvariantViolation) or status_of(error) == 500:
        if is_database_away(error):
            log.warning("database.away", error=repr(error))
        else:
            log.error("request.failed", exc_info=error)
    else:
        log.info("request.refused", error=str(error))
