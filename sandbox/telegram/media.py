"""Takes in photos and documents, measures them, and finds them again by file id."""

from __future__ import annotations

import mimetypes
import struct
from typing import Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.params import Call, Upload
from sandbox.telegram.state import Telegram
from sandbox.telegram.store import StoredFile
from sandbox.telegram.views import find_unique_id

Json = dict[str, Any]

PHOTO_BYTES_MAX = 10 * 2**20
PHOTO_SIDES_MAX = 10_000
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB})


def measure(body: bytes) -> tuple[str, int, int] | None:
    """Mime type, width and height of a PNG, JPEG, GIF or WebP; None for anything else."""
    if body.startswith(b"\x89PNG\r\n\x1a\n") and len(body) >= 24:
        width, height = struct.unpack(">II", body[16:24])
        return "image/png", width, height
    if body.startswith((b"GIF87a", b"GIF89a")) and len(body) >= 10:
        width, height = struct.unpack("<HH", body[6:10])
        return "image/gif", width, height
    if body.startswith(b"\xff\xd8"):
        return _measure_jpeg(body)
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP" and len(body) >= 30:
        if body[12:16] == b"VP8X":
            width = int.from_bytes(body[24:27], "little") + 1
            height = int.from_bytes(body[27:30], "little") + 1
            return "image/webp", width, height
        width, height = struct.unpack("<HH", body[26:30])
        return "image/webp", width & 0x3FFF, height & 0x3FFF
    return None


def _measure_jpeg(body: bytes) -> tuple[str, int, int] | None:
    place = 2
    while place + 9 < len(body) and body[place] == 0xFF:
        marker = body[place + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", body[place + 5 : place + 9])
            return "image/jpeg", width, height
        place += 2 + int.from_bytes(body[place + 2 : place + 4], "big")
    return None


def take_in(telegram: Telegram, upload: Upload, *, kind: str) -> StoredFile:
    """Keep an upload as a photo, document or animation; refuses a photo that is not one."""
    size = measure(upload.body)
    if not upload.body:
        raise bad_request("file must be non-empty")
    if kind == "photo":
        if size is None:
            raise bad_request("IMAGE_PROCESS_FAILED")
        if len(upload.body) > PHOTO_BYTES_MAX:
            raise bad_request("file is too big")
        if sum(size[1:]) > PHOTO_SIDES_MAX or max(size[1:]) > 20 * max(min(size[1:]), 1):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
    guessed = mimetypes.guess_type(upload.name)[0]
    mime = size[0] if size else guessed or upload.mime or "application/octet-stream"
    file = StoredFile(
        unique_id="AQAD" + telegram.new_id("file"),
        name=upload.name,
        mime=mime,
        kind=kind,
        width=size[1] if size else 0,
        height=size[2] if size else 0,
        body=upload.body,
    )
    telegram.store.save_file(file)
    return file


def content_of(file: StoredFile) -> Json:
    """What a message with this file contains; file ids are added for each bot that looks."""
    facts: Json = {"file_unique_id": file.unique_id, "file_size": len(file.body)}
    if file.kind == "photo":
        return {"photo": [{**facts, "width": file.width, "height": file.height}]}
    facts |= {"file_name": file.name, "mime_type": file.mime}
    if file.kind == "animation":
        moving = {**facts, "width": file.width, "height": file.height, "duration": 1}
        return {"animation": moving, "document": facts}
    return {"document": facts}


def input_file(telegram: Telegram, call: Call, value: object, *, kind: str) -> StoredFile:
    """The file that a field names: an attachment, one already known to this bot, or neither."""
    if isinstance(value, str) and value.startswith("attach://"):
        upload = call.uploads.get(value.removeprefix("attach://"))
        if upload is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return take_in(telegram, upload, kind=kind)
    if not isinstance(value, str) or not value:
        raise bad_request(f"there is no {kind} in the request")
    if value.startswith(("http://", "https://")):
        # The sandbox fetches nothing from anywhere.
        raise bad_request("failed to get HTTP URL content")
    unique_id = find_unique_id(bot_id=call.bot.id, given=value)
    file = telegram.store.find_file(unique_id) if unique_id else None
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if file.kind != kind:
        raise bad_request(
            f"type of file mismatch: can't use file of type {file.kind.title()} as {kind.title()}"
        )
    return file


def field_file(telegram: Telegram, call: Call, *, kind: str) -> StoredFile:
    """The file of sendPhoto, sendDocument and the like."""
    if kind in call.uploads:
        return take_in(telegram, call.uploads[kind], kind=kind)
    return input_file(telegram, call, call.fields.get(kind), kind=kind)
