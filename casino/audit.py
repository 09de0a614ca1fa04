"""Append-only, hash-chained record of who did what; `python -m casino.audit verify` proves it."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, LargeBinary, Text, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from casino.config import DatabaseSettings
from casino.db import Base, Database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

GENESIS = hashlib.sha256(b"fairhouse audit genesis").digest()
PAGE = 1000


class AuditRow(Base):
    """One action; `hash` covers its canonical content and the hash of the row before it."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text, index=True)
    action: Mapped[str] = mapped_column(Text, index=True)
    subject: Mapped[str] = mapped_column(Text, index=True)
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The newest link; one row, locked by every writer, so that the chain never forks."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigInteger)
    last_hash: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log as staff read it."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


async def append(
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    now: datetime,
) -> None:
    """Add a line in the caller's transaction. `actor` reads `staff:<id>` or `player:<id>`."""
    head = (
        await session.execute(select(AuditHead).where(AuditHead.id == 1).with_for_update())
    ).scalar_one_or_none()
    if head is None:
        await session.execute(
            text(
                "INSERT INTO audit_head (id, last_id, last_hash) VALUES (1, 0, :genesis)"
                " ON CONFLICT DO NOTHING"
            ).bindparams(genesis=GENESIS)
        )
        head = (
            await session.execute(select(AuditHead).where(AuditHead.id == 1).with_for_update())
        ).scalar_one()
    row = AuditRow(
        id=head.last_id + 1,
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        previous_hash=head.last_hash,
        hash=b"",
    )
    row.hash = link(row)
    session.add(row)
    head.last_id, head.last_hash = row.id, row.hash
    await session.flush()


async def search(
    session: AsyncSession,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before_id: int | None = None,
    limit: int = 20,
) -> Sequence[Entry]:
    """Newest lines first; `action` matches from the start, the others exactly."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if actor:
        query = query.where(AuditRow.actor == actor)
    if action:
        query = query.where(AuditRow.action.startswith(action, autoescape=True))
    if subject:
        query = query.where(AuditRow.subject == subject)
    if before_id:
        query = query.where(AuditRow.id < before_id)
    return [
        Entry(row.id, row.at, row.actor, row.action, row.subject, row.before, row.after)
        for row in (await session.scalars(query)).all()
    ]


def link(row: AuditRow) -> bytes:
    """The hash of a line: SHA-256 over the previous hash and the line's canonical JSON."""
    content = {
        "id": row.id,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "before": row.before,
        "after": row.after,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(row.previous_hash + canonical.encode()).digest()


async def verify(session: AsyncSession) -> tuple[int, str | None]:
    """Walk the chain from its genesis; returns the number of sound lines and the first fault.

    The head is read first and the walk ends there: lines written meanwhile are the next walk's.
    """
    found = (await session.execute(select(AuditHead.last_id, AuditHead.last_hash))).one_or_none()
    last_id, last_hash = found if found is not None else (0, GENESIS)
    expected, count = GENESIS, 0
    while count < last_id:
        page = (
            await session.scalars(
                select(AuditRow)
                .where(AuditRow.id > count, AuditRow.id <= last_id)
                .order_by(AuditRow.id)
                .limit(PAGE)
            )
        ).all()
        for row in page:
            if row.id != count + 1:
                return count, f"line {count + 1} is missing"
            if row.previous_hash != expected:
                return count, f"line {row.id} does not follow line {count}"
            if link(row) != row.hash:
                return count, f"line {row.id} was altered"
            expected, count = row.hash, row.id
        session.expunge_all()
        if not page:
            return count, f"lines after {count} were removed"
    if expected != last_hash:
        return count, f"lines after {count} were removed"
    return count, None


async def _main() -> int:
    database = Database(DatabaseSettings().url)
    try:
        async with database.transaction() as session:
            count, fault = await verify(session)
    finally:
        await database.close()
    print(json.dumps({"lines": count, "sound": fault is None, "fault": fault}))  # noqa: T201
    return 0 if fault is None else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m casino.audit", description=__doc__)
    parser.add_argument("command", choices=["verify"])
    parser.parse_args()
    sys.exit(asyncio.run(_main()))
