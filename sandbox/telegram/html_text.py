"""Reads parse_mode HTML as Telegram does, with its refusals word for word."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.telegram.entities import Writer
from sandbox.telegram.errors import ApiError, bad_request

Json = dict[str, Any]

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#(\d+)|#[xX]([0-9a-fA-F]+)|(lt|gt|amp|quot));")
_NAME_END = re.compile(r"[\s>]")
_SPACE = re.compile(r"\s*")
_ATTRIBUTE_NAME = re.compile(r"[^\s=>/\"']*")
_BARE_VALUE = re.compile(r"[A-Za-z0-9.\-]+")


@dataclass(slots=True)
class _Open:
    name: str
    start: int
    attributes: dict[str, str] = field(default_factory=dict)


def read_html(source: str) -> tuple[str, list[Json]]:
    """Plain text and entities; raises ApiError with Telegram's sentence for bad markup."""
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.out = Writer()
        self.open: list[_Open] = []

    def read(self) -> tuple[str, list[Json]]:
        while self.at < len(self.source):
            stop = min(
                (place for mark in "<&" if (place := self.source.find(mark, self.at)) >= 0),
                default=len(self.source),
            )
            self.out.write(self.source[self.at : stop])
            self.at = stop
            if stop == len(self.source):
                break
            if self.source[stop] == "&":
                self._reference()
            elif self.source.startswith("</", stop):
                self._end_tag()
            else:
                self._start_tag()
        if self.open:
            raise _refused(f'Can\'t find end tag corresponding to start tag "{self.open[-1].name}"')
        return "".join(self.out.parts), self.out.entities

    def _reference(self) -> None:
        match = _REFERENCE.match(self.source, self.at)
        if match is None:
            self.out.write("&")
            self.at += 1
            return
        decimal, hexadecimal, named = match.groups()
        if named:
            self.out.write(_NAMED[named])
        else:
            number = int(decimal) if decimal else int(hexadecimal, 16)
            legal = 0 < number < 0x10FFFF and not 0xD800 <= number <= 0xDFFF
            self.out.write(chr(number) if legal else match.group())
        self.at = match.end()

    def _start_tag(self) -> None:
        begin = self.at
        end = _NAME_END.search(self.source, begin + 1)
        if end is None:
            raise _refused(f"Unclosed start tag at byte offset {self._byte(begin)}")
        name = self.source[begin + 1 : end.start()].lower()
        if name not in _KINDS:
            raise _refused(f'Unsupported start tag "{name}" at byte offset {self._byte(begin)}')
        self.at = end.start()
        attributes = self._attributes(name, begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise _refused(
                f'Tag "span" must have class "tg-spoiler" at byte offset {self._byte(begin)}'
            )
        self.open.append(_Open(name, self.out.length, attributes))

    def _attributes(self, name: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            self._skip_space()
            if self.at >= len(self.source):
                raise _refused(f"Unclosed start tag at byte offset {self._byte(begin)}")
            if self.source[self.at] == ">":
                self.at += 1
                return found
            match = _ATTRIBUTE_NAME.match(self.source, self.at)
            key = match.group() if match else ""
            if not key:
                raise _refused(
                    f'Empty attribute name in the tag "{name}" at byte offset {self._byte(begin)}'
                )
            self.at += len(key)
            self._skip_space()
            if not self.source.startswith("=", self.at):
                if self.at < len(self.source) and self.source[self.at] == ">":
                    found[key.lower()] = ""
                    continue
                raise _refused(
                    "Expected equal sign in declaration of an attribute of the tag"
                    f' "{name}" at byte offset {self._byte(begin)}'
                )
            self.at += 1
            found[key.lower()] = self._value(begin)

    def _value(self, begin: int) -> str:
        self._skip_space()
        quote = self.source[self.at : self.at + 1]
        if quote in {'"', "'"}:
            end = self.source.find(quote, self.at + 1)
            if end < 0:
                raise _refused(f"Unclosed start tag at byte offset {self._byte(begin)}")
            value = self.source[self.at + 1 : end]
            self.at = end + 1
        else:
            match = _BARE_VALUE.match(self.source, self.at)
            if match is None:
                raise _refused(f"Unclosed start tag at byte offset {self._byte(begin)}")
            value = match.group()
            self.at = match.end()
        return html.unescape(value)

    def _end_tag(self) -> None:
        begin = self.at
        if not self.open:
            raise _refused(f"Unexpected end tag at byte offset {self._byte(begin)}")
        end = self.source.find(">", begin)
        if end < 0:
            raise _refused(f"Unclosed end tag at byte offset {self._byte(begin)}")
        name = self.source[begin + 2 : end].strip().lower()
        opened = self.open.pop()
        if name and name != opened.name:
            raise _refused(
                f"Unmatched end tag at byte offset {self._byte(begin)},"
                f' expected "</{opened.name}>", found "</{name}>"'
            )
        self.at = end + 1
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        kind, facts = _KINDS[opened.name], {}
        if opened.name == "a":
            url = opened.attributes.get("href") or self.out.written_since(opened.start)
            if url.startswith("tg://user?id="):
                # A mention needs a known person; the sandbox shows it as plain text.
                return
            if not _linkable(url):
                return
            facts["url"] = url
        elif opened.name == "blockquote" and "expandable" in opened.attributes:
            kind = "expandable_blockquote"
        elif opened.name == "tg-emoji":
            facts["custom_emoji_id"] = opened.attributes.get("emoji-id", "")
        elif opened.name == "code":
            language = opened.attributes.get("class", "")
            if self.open and self.open[-1].name == "pre" and language.startswith("language-"):
                self.open[-1].attributes["language"] = language.removeprefix("language-")
                return
            if self.open and self.open[-1].name == "pre":
                return
        elif opened.name == "pre" and opened.attributes.get("language"):
            facts["language"] = opened.attributes["language"]
        self.out.mark(kind=kind, start=opened.start, **facts)

    def _skip_space(self) -> None:
        match = _SPACE.match(self.source, self.at)
        if match:
            self.at = match.end()

    def _byte(self, place: int) -> int:
        return len(self.source[:place].encode())


def _linkable(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https", "tg", "ton", "mailto", "tel"} or "." in parts.path


def _refused(sentence: str) -> ApiError:
    return bad_request(f"can't parse entities: {sentence}")
