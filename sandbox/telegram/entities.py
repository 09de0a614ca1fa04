"""Text as Telegram keeps it: plain characters plus entities counted in UTF-16 units."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.telegram.errors import bad_request

Json = dict[str, Any]

# What Telegram marks by itself in a text that carries no formatting of its own there.
_FOUND = (
    ("bot_command", re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("url", re.compile(r"(?:https?|ton|tg)://[^\s<>\"]+[^\s<>\".,;:!?)]")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z][A-Za-z0-9_]{2,31}\b")),
    ("hashtag", re.compile(r"(?<![\w#&])#\w*[^\W\d]\w*")),
)


def utf16_length(text: str) -> int:
    """How long Telegram thinks a text is."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(slots=True)
class Writer:
    """Collects plain text and remembers where entities begin and end."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[Json] = field(default_factory=list)

    def write(self, text: str) -> None:
        """Append plain characters."""
        self.parts.append(text)
        self.length += utf16_length(text)

    def mark(self, *, kind: str, start: int, **facts: Any) -> None:
        """Everything since `start` is of this kind; nothing is marked when nothing was written."""
        if self.length > start:
            self.entities.append(
                {"type": kind, "offset": start, "length": self.length - start, **facts}
            )

    def written_since(self, start: int) -> str:
        """The plain characters since a UTF-16 offset."""
        encoded = "".join(self.parts).encode("utf-16-le")
        return encoded[start * 2 :].decode("utf-16-le")


def finish(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Trim the text as Telegram does, move entities with it and add those found by themselves."""
    lead = len(text) - len(text.lstrip(" \n\t\r"))
    shift = utf16_length(text[:lead])
    plain = text.strip(" \n\t\r")
    whole = utf16_length(plain)
    kept = []
    for entity in entities:
        start = max(int(entity["offset"]) - shift, 0)
        end = min(int(entity["offset"]) + int(entity["length"]) - shift, whole)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    kept.extend(_found(plain, kept))
    kept.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return plain, kept


def _found(text: str, taken: list[Json]) -> list[Json]:
    closed = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in taken
        if entity["type"] in {"code", "pre", "text_link", "text_mention"}
    ]
    found: list[Json] = []
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            start = utf16_length(text[: match.start()])
            end = start + utf16_length(match.group())
            if all(end <= left or start >= right for left, right in closed):
                found.append({"type": kind, "offset": start, "length": end - start})
                closed.append((start, end))
    return found


def check_given(text: str, entities: list[Json]) -> list[Json]:
    """Entities that a bot computed itself; raises when one does not fit the text."""
    whole = utf16_length(text)
    for entity in entities:
        start, length = entity.get("offset"), entity.get("length")
        if not isinstance(entity.get("type"), str):
            raise bad_request('can\'t parse MessageEntity: Field "type" must be of type String')
        if not isinstance(start, int) or not isinstance(length, int) or start < 0 or length < 1:
            raise bad_request("can't parse entities: receive an entity with incorrect bounds")
        if start + length > whole:
            raise bad_request(
                f"entity beginning in UTF-16 code unit {start} ends after the end of the text"
                f" at UTF-16 offset {start + length}"
            )
    return entities
