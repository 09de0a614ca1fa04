"""Everything that changed the node, line by line, so that a killed one comes back as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "journal.jsonl"


class Journal:
    """An append-only file of events; a line that a crash cut short never happened."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / NAME
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._whole = 0

    def read(self) -> Iterator[tuple[str, str]]:
        """The events of earlier lives, each a kind and its content."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                event = _event(line)
                if event is None:
                    break
                self._whole += len(line)
                yield event

    def open(self) -> None:
        """Begin to write, after all was read; what a crash left half-written is cut off."""
        if self._path is None:
            return
        self._path.touch()
        with self._path.open("r+b") as file:
            file.truncate(self._whole)

    def write(self, kind: str, content: str) -> None:
        """Keep an event; it survives the death of this process."""
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(json.dumps([kind, content]).encode() + b"\n")


def _event(line: bytes) -> tuple[str, str] | None:
    try:
        kind, content = json.loads(line)
    except ValueError:
        return None
    whole = line.endswith(b"\n") and isinstance(kind, str) and isinstance(content, str)
    return (kind, content) if whole else None
