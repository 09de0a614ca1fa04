"""How far a long run is: one line on a stream, with rows, pace, percent and what is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

EVERY_SECONDS = 2


class Progress:
    """Counts rows of one stage after the other; without a stream it counts in silence."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._label = self._unit = ""
        self._total = 0
        self._done = 0
        self._began = self._shown = time.monotonic()

    def begin(self, label: str, total: int, *, unit: str = "rows") -> None:
        """Start a stage of `total` units of work; 0 says that nobody knows how many."""
        self._label, self._total, self._done, self._unit = label, total, 0, unit
        self._began = self._shown = time.monotonic()
        self._say(f"{label}: begins")

    def add(self, rows: int) -> None:
        """Count rows that are done; speaks at most every two seconds."""
        self._done += rows
        if time.monotonic() - self._shown >= EVERY_SECONDS:
            self._shown = time.monotonic()
            self._say(self._line())

    def end(self) -> None:
        """Say how the stage ended."""
        self._say(self._line())

    def _line(self) -> str:
        spent = max(1, round(1000 * (time.monotonic() - self._began)))
        pace = self._done * 1000 // spent
        if not self._total:
            return f"{self._label}: {spent // 1000} s"
        line = f"{self._label}: {self._done:,} {self._unit}"
        if pace:
            line += f", {pace:,} {self._unit}/s"
        line += f", {min(100, 100 * self._done // self._total)} %"
        left = max(0, self._total - self._done)
        if not left:
            return f"{line}, {spent // 1000} s"
        return f"{line}, {left // pace} s left" if pace else line

    def _say(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(f"{line}\n")
            self._stream.flush()
