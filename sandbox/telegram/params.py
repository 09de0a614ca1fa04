"""Reads a Bot API request, however it was sent, and gives its fields with their types."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.state import Bot

Json = dict[str, Any]

UPLOAD_BYTES_MAX = 50 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that came with the request."""

    name: str
    mime: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method call of one bot."""

    bot: Bot
    method: str
    fields: Json
    uploads: dict[str, Upload] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Was the field sent, and is it not empty?"""
        return self.fields.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        """A text field."""
        value = self.fields.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def find_integer(self, name: str) -> int | None:
        """A whole number, or None when it was not sent."""
        value = self.fields.get(name)
        if value in (None, "") or isinstance(value, bool):
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad_request(f"invalid {name} specified") from None

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number with a default."""
        found = self.find_integer(name)
        return default if found is None else found

    def need_integer(self, name: str) -> int:
        """A whole number that must be there."""
        found = self.find_integer(name)
        if found is None:
            raise bad_request(f'parameter "{name}" is required')
        return found

    def flag(self, name: str) -> bool:
        """A boolean: true, 1, yes and y count, as for Telegram."""
        value = self.fields.get(name)
        return value is True or str(value).lower() in {"true", "1", "yes", "y"}

    def json(self, name: str) -> Any:
        """A field that is JSON, or None when it was not sent."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def find_object(self, name: str) -> Json | None:
        """A JSON object, or None when it was not sent."""
        value = self.json(name)
        if value is None or isinstance(value, dict):
            return value
        raise bad_request(f"can't parse {name} JSON object")

    def find_list(self, name: str) -> list[Any] | None:
        """A JSON array, or None when it was not sent."""
        value = self.json(name)
        if value is None or isinstance(value, list):
            return value
        raise bad_request(f"can't parse {name} JSON array")

    def chat_id(self) -> int:
        """The chat that the call is about."""
        if not self.has("chat_id"):
            raise bad_request("chat_id is empty")
        value = str(self.fields["chat_id"])
        try:
            return int(value)
        except ValueError:
            raise bad_request("chat not found") from None

    def inside(self, fields: Json) -> Call:
        """The same call with other fields: for parts of a call that look like calls."""
        return Call(bot=self.bot, method=self.method, fields=fields, uploads=self.uploads)


async def read_request(request: web.Request) -> tuple[Json, dict[str, Upload]]:
    """Fields and uploads of a request: query, JSON, form or multipart."""
    fields: Json = dict(request.query)
    uploads: dict[str, Upload] = {}
    kind = request.content_type
    if kind == "application/json":
        body = await request.text()
        if body.strip():
            fields.update(_json_object(body))
    elif kind == "multipart/form-data":
        reader = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            if part.filename is None:
                fields[part.name] = await part.text()
                continue
            body_bytes = bytes(await part.read(decode=False))
            if len(body_bytes) > UPLOAD_BYTES_MAX:
                raise ApiError(413, "Request Entity Too Large")
            mime = part.headers.get("Content-Type", "application/octet-stream")
            uploads[part.name] = Upload(name=part.filename, mime=mime, body=body_bytes)
    elif request.can_read_body:
        posted = await request.post()
        fields.update({name: value for name, value in posted.items() if isinstance(value, str)})
    return fields, uploads


def _json_object(body: str) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(value, dict):
        raise bad_request("can't parse JSON object")
    return value
