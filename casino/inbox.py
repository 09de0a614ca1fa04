"""Outside events recorded once, then handled at our own pace, in order per key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from casino.db import Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "inbox"
LEASE = timedelta(seconds=30)
ATTEMPTS_MAX = 5


class InboxRow(Base):
    """One outside event, unique by source and the sender's own id for it."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_inbox_waiting", "source", "key", "id", postgresql_where=text("done_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    available_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    done_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class Event:
    """A claimed row; answer with `done` or `failed`."""

    id: int
    source: str
    external_id: str
    key: str
    payload: Mapping[str, object]
    attempts: int


async def record(
    session: AsyncSession,
    *,
    source: str,
    external_id: str,
    key: str,
    payload: Mapping[str, object],
) -> bool:
    """Store an event once; False says it was here before. Events of a key are handled in order."""
    row = await session.scalar(
        text(
            "INSERT INTO inbox (source, external_id, key, payload)"
            " VALUES (:source, :external_id, :key, CAST(:payload AS jsonb))"
            " ON CONFLICT (source, external_id) DO NOTHING RETURNING id"
        ).bindparams(source=source, external_id=external_id, key=key, payload=json.dumps(payload))
    )
    if row is None:
        return False
    await session.execute(text("SELECT pg_notify(:c, :p)").bindparams(c=CHANNEL, p=source))
    return True


async def claim(session: AsyncSession, *, source: str, limit: int = 16) -> Sequence[Event]:
    """Lease the oldest unhandled event of up to `limit` keys, at most one a key."""
    rows = await session.execute(
        text(
            """
            UPDATE inbox SET attempts = attempts + 1, available_at = clock_timestamp() + :lease
            WHERE id IN (
                SELECT i.id FROM inbox i
                WHERE i.source = :source AND i.done_at IS NULL
                  AND i.available_at <= clock_timestamp()
                  AND NOT EXISTS (
                      SELECT 1 FROM inbox e WHERE e.source = i.source AND e.key = i.key
                         AND e.done_at IS NULL AND e.id < i.id)
                ORDER BY i.id LIMIT :limit FOR UPDATE SKIP LOCKED)
            RETURNING id, source, external_id, key, payload, attempts
            """
        ).bindparams(source=source, lease=LEASE, limit=limit)
    )
    return sorted((Event(*row) for row in rows), key=lambda event: event.id)


async def done(session: AsyncSession, *, event_id: int, outcome: str = "handled") -> None:
    """Mark an event handled."""
    await session.execute(
        text(
            "UPDATE inbox SET done_at = clock_timestamp(), outcome = :outcome WHERE id = :id"
        ).bindparams(id=event_id, outcome=outcome)
    )


async def failed(session: AsyncSession, *, event: Event, error: str) -> bool:
    """Give an event back for another attempt, later each time; after the last attempt keep it
    as a dead letter and return True so that the caller can raise an alert."""
    if event.attempts >= ATTEMPTS_MAX:
        await done(session, event_id=event.id, outcome=f"dead: {error[:500]}")
        return True
    await session.execute(
        text(
            "UPDATE inbox SET available_at = clock_timestamp() + :after, outcome = :error"
            " WHERE id = :id"
        ).bindparams(
            id=event.id, after=timedelta(seconds=2**event.attempts), error=f"retry: {error[:500]}"
        )
    )
    return False
