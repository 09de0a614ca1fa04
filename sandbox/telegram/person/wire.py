"""Reads what people's requests carry, with plain words for what is wrong with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.telegram.errors import ActError

Json = dict[str, Any]
Deed = Callable[[Json], Awaitable[Json]]

WAIT_SECONDS_MAX = 60.0


async def read_object(request: web.Request) -> Json:
    """The JSON object in the body of a request; an empty body is an empty object."""
    try:
        fields = await request.json() if request.can_read_body else {}
    except ValueError:
        raise ActError("a JSON object is expected") from None
    if not isinstance(fields, dict):
        raise ActError("a JSON object is expected")
    return fields


def posted(deed: Deed) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A route for a deed that takes and gives a JSON object."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(await deed(await read_object(request)))

    return answer


def seconds_of(value: object) -> float:
    """How long to wait; nothing means not at all, and nobody waits longer than a minute."""
    try:
        return min(max(float(str(value or 0)), 0.0), WAIT_SECONDS_MAX)
    except ValueError:
        raise ActError("seconds must be a number") from None


def whole(value: object, name: str) -> int:
    """A whole number that is not negative, from text or JSON."""
    text = str(value)
    if isinstance(value, (bool, float)) or not text.isdecimal() or len(text) > 30:
        raise ActError(f"{name} must be a whole number")
    return int(text)
