"""Errors as the Mini App sees them: one table from class to HTTP status, one JSON shape."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
from aiohttp import web
from sqlalchemy import exc

from casino import errors
from casino.ids import public
from casino.money import Asset
from webapp.wire import SAFE_INTEGER_MAX, json_response, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webapp.wire import Json


class BadRequest(errors.CasinoError):
    """The request itself is broken: not JSON, a missing field, a wrong type; data: reason."""

    code = "error.bad_request"


class TooLarge(errors.CasinoError):
    """The body is larger than this route takes; data: maximum (bytes)."""

    code = "error.too_large"


STATUS_OF: Mapping[type[BaseException], int] = {
    BadRequest: 400,
    TooLarge: 413,
    errors.Refusal: 422,
    errors.LoginRefused: 401,
    errors.TooManyRequests: 429,
    errors.NotPermitted: 403,
    errors.SelfExcluded: 403,
    errors.CoolingOff: 403,
    errors.AccountClosed: 403,
    errors.RegionNotServed: 403,
    errors.KycRequired: 403,
    errors.ConsentRequired: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.BadSignature: 401,
    errors.OutsideUnavailable: 503,
    errors.OutsideError: 502,
    errors.CasinoError: 500,
}

# The database is away or refuses to talk now: nothing is known about the command, and sending it
# again under the same reference is safe.
DATABASE_AWAY = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)

_UNITS = frozenset({"available", "minimum", "maximum", "limit", "used", "ceiling", "remaining"})
_IDS = frozenset({"round"})


def status_of(error: BaseException) -> int:
    """The HTTP status of an error, by its nearest listed class."""
    return next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), 500)


def translate(error: Exception) -> errors.CasinoError:
    """Any exception as one that the Mini App has words for; a bug says nothing about itself."""
    if isinstance(error, errors.InvariantViolation):
        return errors.CasinoError()
    if isinstance(error, errors.CasinoError):
        return error
    if is_database_away(error):
        return errors.OutsideUnavailable()
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return TooLarge()
    if isinstance(error, web.HTTPException):
        missing = error.status in {404, 405}
        return errors.NotFound(thing="page") if missing else BadRequest(reason=error.reason)
    return errors.CasinoError()


def is_database_away(error: BaseException) -> bool:
    """Whether the database could not be asked, as opposed to having said no."""
    lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, DATABASE_AWAY)


def answer_of(error: errors.CasinoError, *, request_id: str) -> web.Response:
    """The error as JSON: `{"error": {"code", "data", "request_id"}}`."""
    body: dict[str, Json] = {
        "code": error.code,
        "data": {name: _fact(name, fact) for name, fact in error.data.items()},
        "request_id": request_id,
    }
    response = json_response({"error": body}, status=status_of(error))
    if isinstance(error, errors.TooManyRequests):
        response.headers["Retry-After"] = str(error.data.get("retry_after_seconds", 1))
    return response


def _fact(name: str, fact: object) -> Json:
    if fact is None or isinstance(fact, bool):
        return fact
    if isinstance(fact, datetime):
        return moment(fact)
    if isinstance(fact, int) and not isinstance(fact, Asset):
        if name in _IDS:
            return public(fact)
        return str(fact) if name in _UNITS or abs(fact) > SAFE_INTEGER_MAX else fact
    return str(fact)
