"""Keeps the local Telegram in one SQLite file, so that a restart or a crash loses no chat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    unique_id TEXT PRIMARY KEY, name TEXT NOT NULL, mime TEXT NOT NULL, kind TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that somebody uploaded; `kind` is photo, document or animation."""

    unique_id: str
    name: str
    mime: str
    kind: str
    width: int
    height: int
    body: bytes


class Store:
    """Named JSON things by kind, and files. Writes are seen at once and kept by `commit`."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._sql = sqlite3.connect(path if path is not None else ":memory:")
        # A write-ahead log survives the death of the process without a disk sync per message.
        self._sql.execute("PRAGMA journal_mode=WAL")
        self._sql.execute("PRAGMA synchronous=NORMAL")
        self._sql.executescript(SCHEMA)

    def save(self, kind: str, name: str | int, thing: object) -> None:
        """Write one thing, over what stood under that name."""
        self._sql.execute(
            "INSERT OR REPLACE INTO things VALUES (?, ?, ?)",
            (kind, str(name), msgspec.json.encode(thing)),
        )

    def drop(self, kind: str, name: str | int) -> None:
        """Forget one thing."""
        self._sql.execute("DELETE FROM things WHERE kind = ? AND name = ?", (kind, str(name)))

    def load(self, kind: str, shape: type[T]) -> Iterator[tuple[str, T]]:
        """All things of a kind with their names."""
        rows = self._sql.execute("SELECT name, body FROM things WHERE kind = ?", (kind,))
        for name, body in rows.fetchall():
            yield name, msgspec.json.decode(body, type=shape)

    def save_file(self, file: StoredFile) -> None:
        """Keep the bytes of an upload."""
        self._sql.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                file.unique_id,
                file.name,
                file.mime,
                file.kind,
                file.width,
                file.height,
                file.body,
            ),
        )

    def find_file(self, unique_id: str) -> StoredFile | None:
        """An upload by its unique id."""
        row = self._sql.execute(
            "SELECT unique_id, name, mime, kind, width, height, body FROM files"
            " WHERE unique_id = ?",
            (unique_id,),
        ).fetchone()
        if row is None:
            return None
        unique, name, mime, kind, width, height, body = row
        return StoredFile(
            unique_id=unique,
            name=name,
            mime=mime,
            kind=kind,
            width=width,
            height=height,
            body=body,
        )

    def commit(self) -> None:
        """Make everything written so far survive a crash of this process."""
        self._sql.commit()

    def clear(self) -> None:
        """Forget everything."""
        self._sql.execute("DELETE FROM things")
        self._sql.execute("DELETE FROM files")
        self._sql.commit()

    def close(self) -> None:
        """Commit and let go of the file."""
        self._sql.commit()
        self._sql.close()
