"""Reads parse_mode MarkdownV2 and the older Markdown, with Telegram's refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.telegram.entities import Writer
from sandbox.telegram.errors import ApiError, bad_request

Json = dict[str, Any]

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
# Longest marks first: `__` is an underline before `_` is an italic.
_MARKS = (
    ("```", "pre", "Pre"),
    ("__", "underline", "Underline"),
    ("||", "spoiler", "Spoiler"),
    ("*", "bold", "Bold"),
    ("_", "italic", "Italic"),
    ("~", "strikethrough", "Strikethrough"),
    ("`", "code", "Code"),
    ("[", "text_link", "TextUrl"),
)
_OLD_MARKS = (
    ("```", "pre", "pre"),
    ("*", "bold", "bold"),
    ("_", "italic", "italic"),
    ("`", "code", "code"),
    ("[", "text_link", "text_link"),
)


@dataclass(frozen=True, slots=True)
class _Open:
    mark: str
    kind: str
    label: str
    start: int
    byte: int


def read_markdown_v2(source: str) -> tuple[str, list[Json]]:
    """Plain text and entities; raises ApiError with Telegram's sentence for bad markup."""
    return _Reader(source, old=False).read()


def read_markdown(source: str) -> tuple[str, list[Json]]:
    """The older dialect: no nesting, few marks, nothing reserved."""
    return _Reader(source, old=True).read()


class _Reader:
    def __init__(self, source: str, *, old: bool) -> None:
        self.source = source
        self.old = old
        self.at = 0
        self.out = Writer()
        self.open: list[_Open] = []
        self.quote: int | None = None

    def read(self) -> tuple[str, list[Json]]:
        while self.at < len(self.source):
            self._step()
        self._end_quote()
        if self.open:
            last = self.open[-1]
            if self.old:
                raise _refused(
                    "Can't find end of the entity starting at byte offset " + str(last.byte)
                )
            raise _refused(f"Can't find end of {last.label} entity at byte offset {last.byte}")
        return "".join(self.out.parts), self.out.entities

    def _step(self) -> None:
        here = self.source[self.at]
        following = self.source[self.at + 1 : self.at + 2]
        if here == "\\" and following and self._escapes(following):
            self.out.write(following)
            self.at += 2
        elif here == "\n" and not self.open and not self.old:
            self._line_end()
        elif self.open and self._closes():
            self._close(self.open.pop())
        elif self.open and (self.old or self.open[-1].kind in {"code", "pre"}):
            self.out.write(here)
            self.at += 1
        elif not self._opens():
            self._plain(here)

    def _escapes(self, following: str) -> bool:
        return following in "_*`[" if self.old else ord(following) < 127

    def _line_end(self) -> None:
        following = self.source[self.at + 1 : self.at + 2]
        if self.quote is not None and following != ">":
            self._end_quote()
        self.out.write("\n")
        self.at += 1
        if self.quote is not None and following == ">":
            self.at += 1

    def _end_quote(self) -> None:
        if self.quote is not None:
            self.out.mark(kind="blockquote", start=self.quote)
            self.quote = None

    def _closes(self) -> bool:
        opened = self.open[-1]
        if opened.kind == "text_link":
            return self.source[self.at] == "]"
        if opened.mark == "_" and not self.old and self.source.startswith("__", self.at):
            return False
        return self.source.startswith(opened.mark, self.at)

    def _opens(self) -> bool:
        if not self.old and self.source[self.at] == ">" and self._at_line_start():
            self.quote = self.out.length
            self.at += 1
            return True
        for mark, kind, label in _OLD_MARKS if self.old else _MARKS:
            if self.source.startswith(mark, self.at):
                byte = len(self.source[: self.at].encode())
                self.open.append(_Open(mark, kind, label, self.out.length, byte))
                self.at += len(mark)
                return True
        return False

    def _at_line_start(self) -> bool:
        return self.quote is None and (self.at == 0 or self.source[self.at - 1] == "\n")

    def _plain(self, here: str) -> None:
        if not self.old and here in RESERVED:
            raise _refused(
                f"Character '{here}' is reserved and must be escaped with the preceding '\\'"
            )
        self.out.write(here)
        self.at += 1

    def _close(self, opened: _Open) -> None:
        facts: Json = {}
        if opened.kind == "text_link":
            self.at += 1
            url = self._url()
            if url is None:
                return
            facts["url"] = url
        else:
            self.at += len(opened.mark)
        if opened.kind == "pre":
            body = self.out.written_since(opened.start)
            language, line, _ = body.partition("\n")
            if line and language and language.isalnum():
                facts["language"] = language
                self._remove_language(opened.start, language)
        self.out.mark(kind=opened.kind, start=opened.start, **facts)

    def _remove_language(self, start: int, language: str) -> None:
        whole = "".join(self.out.parts)
        body = self.out.written_since(start)
        head = whole[: len(whole) - len(body)]
        rest = body[len(language) + 1 :]
        self.out.parts[:] = [head, rest]
        self.out.length -= len(language) + 1

    def _url(self) -> str | None:
        if not self.source.startswith("(", self.at):
            return None
        begin = self.at
        url: list[str] = []
        self.at += 1
        while self.at < len(self.source) and self.source[self.at] != ")":
            if self.source[self.at] == "\\" and self.at + 1 < len(self.source):
                self.at += 1
            url.append(self.source[self.at])
            self.at += 1
        if self.at >= len(self.source):
            offset = len(self.source[:begin].encode())
            raise _refused(f"Can't find end of a URL at byte offset {offset}")
        self.at += 1
        return "".join(url)


def _refused(sentence: str) -> ApiError:
    return bad_request(f"can't parse entities: {sentence}")
