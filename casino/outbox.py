"""Effects written with a change and delivered later, in order per key, at least once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from casino.arrays import literals, parameters
from casino.db import Base, driver_connection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "outbox"
LEASE = timedelta(seconds=60)

# Sorted before the ids are taken, so that effects of one key keep their order. Nothing is read from
# the table: the signer's role may only add to it.
WRITE = f"""
WITH asked AS (
    SELECT * FROM unnest({parameters(1, "text bigint text text")})
        WITH ORDINALITY AS n(consumer, key, kind, payload, place)),
written AS (
    INSERT INTO outbox (consumer, key, kind, payload)
    SELECT consumer, key, kind, payload::jsonb FROM asked ORDER BY place
    RETURNING true)
SELECT pg_notify($5, consumer) FROM (SELECT DISTINCT consumer FROM asked) told
"""  # noqa: S608

# Every transaction of this database with a smaller id has ended. A snapshot's own xmin would say
# the same of the whole server, and a long job in a neighbouring database would hold us up. Asked
# in a statement before the one that reads, so what has ended is visible there.
SETTLED_BELOW = """
WITH top AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS id)
SELECT least(top.id, coalesce(min(
    top.id - top.id % 4294967296 + a.backend_xid::text::bigint
    - CASE WHEN a.backend_xid::text::bigint > top.id % 4294967296 THEN 4294967296 ELSE 0 END
), top.id))
FROM top LEFT JOIN pg_stat_activity a
  ON a.datname = current_database() AND a.backend_xid IS NOT NULL
GROUP BY top.id
"""

PLAYER = "player"  # messages of the player's bot; key = player id
STAFF = "staff"  # cards and alerts of the operators' bot; key = subject id
LIVE = "live"  # pushes to open Mini Apps; key = player id


class OutboxRow(Base):
    """One effect for one consumer; rows of a key are delivered in order of id."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "consumer",
            "key",
            "id",
            postgresql_where=text("delivered_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    consumer: Mapped[str] = mapped_column(Text)
    key: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    written_by: Mapped[str] = mapped_column(Text, server_default=text("pg_current_xact_id()::text"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    available_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    delivered_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class Written:
    """An effect to be written: for whom, under which key, what happened."""

    consumer: str
    key: int
    kind: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Effect:
    """A claimed row: deliver it, then say `delivered`, `retry` or `give_up`."""

    id: int
    consumer: str
    key: int
    kind: str
    payload: Mapping[str, object]
    attempts: int


async def write(
    session: AsyncSession, *, consumer: str, key: int, kind: str, payload: Mapping[str, object]
) -> None:
    """Write an effect in the caller's transaction and ring the doorbell at its commit."""
    await write_all(session, [Written(consumer, key, kind, payload)])


async def write_all(session: AsyncSession, effects: Sequence[Written]) -> None:
    """Write many effects in their order, as `write` does one."""
    if not effects:
        return
    await write_all_on(await driver_connection(session), effects)


async def write_all_on(connection: asyncpg.Connection, effects: Sequence[Written]) -> None:
    """The same on a connection that is in a transaction."""
    rows = [(one.consumer, int(one.key), one.kind, json.dumps(one.payload)) for one in effects]
    await connection.execute(WRITE, *literals("text bigint text text", rows), CHANNEL)


async def claim(session: AsyncSession, *, consumer: str, limit: int = 20) -> Sequence[Effect]:
    """Lease the oldest waiting effect of up to `limit` keys, at most one a key.

    Only rows written by transactions older than every running one are seen, so a slow writer
    cannot slip an earlier row behind a later one. A lease that is not answered runs out and the
    effect is delivered again.
    """
    settled = await session.scalar(text(SETTLED_BELOW))
    rows = await session.execute(
        text(
            """
            UPDATE outbox SET attempts = attempts + 1, available_at = clock_timestamp() + :lease
            WHERE id IN (
                SELECT o.id FROM outbox o
                WHERE o.consumer = :consumer AND o.delivered_at IS NULL
                  AND o.available_at <= clock_timestamp()
                  AND o.written_by::bigint < :settled
                  AND NOT EXISTS (
                      SELECT 1 FROM outbox e WHERE e.consumer = o.consumer AND e.key = o.key
                         AND e.delivered_at IS NULL AND e.id < o.id)
                ORDER BY o.id LIMIT :limit FOR UPDATE SKIP LOCKED)
            RETURNING id, consumer, key, kind, payload, attempts
            """
        ).bindparams(consumer=consumer, lease=LEASE, limit=limit, settled=settled)
    )
    effects = [Effect(*row) for row in rows]
    return sorted(effects, key=lambda effect: effect.id)


async def delivered(session: AsyncSession, *, effect_id: int, outcome: str = "sent") -> None:
    """Mark an effect done; it is never delivered again."""
    await session.execute(
        text(
            "UPDATE outbox SET delivered_at = clock_timestamp(), outcome = :outcome WHERE id = :id"
        ).bindparams(id=effect_id, outcome=outcome)
    )


async def retry(session: AsyncSession, *, effect_id: int, after: timedelta) -> None:
    """Give an effect back; it is due again after the given time."""
    await session.execute(
        text(
            "UPDATE outbox SET available_at = clock_timestamp() + :after WHERE id = :id"
        ).bindparams(id=effect_id, after=after)
    )


async def oldest_seconds(session: AsyncSession) -> int:
    """Age of the oldest effect that waits, in whole seconds; 0 when none does."""
    age = await session.scalar(
        text(
            "SELECT extract(epoch FROM clock_timestamp() - min(created_at))::bigint"
            " FROM outbox WHERE delivered_at IS NULL"
        )
    )
    return int(age or 0)
