"""How values look in JSON: units as decimal text, ids as UUIDv7 text, moments as ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias, Union

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json: TypeAlias = Union[bool, int, str, "Mapping[str, Json]", "Sequence[Json]", None]

# Numbers above this lose digits in a browser.
SAFE_INTEGER_MAX = 2**53 - 1
_encoder = msgspec.json.Encoder()


def json_response(body: object, *, status: int = 200) -> web.Response:
    """An answer of the API; never stored by a cache."""
    return web.Response(
        body=_encoder.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def json_text(body: object) -> str:
    """A message of the WebSocket."""
    return _encoder.encode(body).decode()


def moment(when: datetime) -> str:
    """A moment in UTC to the millisecond, with Z."""
    text = when.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def moment_or_none(when: datetime | None) -> str | None:
    """A moment that may not have come."""
    return None if when is None else moment(when)


def fraction(number: Fraction) -> dict[str, str]:
    """An exact ratio; both parts as text, since they may not fit a browser's number."""
    return {"n": str(number.numerator), "d": str(number.denominator)}
