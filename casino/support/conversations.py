"""A player writes to staff, staff answer; both sides are told by their own bot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino import audit, outbox
from casino.errors import BadChoice
from casino.ids import PlayerId, StaffId
from casino.players import identity
from casino.staff import people
from casino.staff.roles import Permission
from casino.support.tables import MessageRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

TEXT_MAX = 2000
HISTORY_MAX = 100


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `member_id` is the member of staff who answered, None is the player."""

    id: int
    player_id: PlayerId
    member_id: StaffId | None
    text: str
    written_at: datetime

    @property
    def from_staff(self) -> bool:
        """Whether staff wrote it."""
        return self.member_id is not None


async def write(session: AsyncSession, *, player_id: int, text: str, now: datetime) -> Message:
    """A player's message to staff: any player, blocked and excluded ones too. Raises NotFound,
    and BadChoice for an empty text or one of more than 2000 characters."""
    text = _require_text(text)
    await identity.get(session, player_id=player_id)
    row = await _store(session, player_id=player_id, member_id=None, text=text, now=now)
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=player_id,
        kind="support.question",
        payload={"message_id": row.id, "player_id": player_id, "text": text},
    )
    return _read(row)


async def answer(
    session: AsyncSession, *, player_id: int, member_id: int, text: str, now: datetime
) -> Message:
    """An answer of staff to a player. Raises NotPermitted, NotFound and BadChoice as above; the
    audit log names the message, not its words."""
    text = _require_text(text)
    await people.require_permission(
        session, member_id=member_id, permission=Permission.SUPPORT_ANSWER
    )
    await identity.get(session, player_id=player_id)
    row = await _store(session, player_id=player_id, member_id=member_id, text=text, now=now)
    await audit.append(
        session,
        actor=f"staff:{member_id}",
        action="support.answered",
        subject=f"player:{player_id}",
        after={"message_id": row.id},
        now=now,
    )
    for consumer in (outbox.PLAYER, outbox.LIVE):
        await outbox.write(
            session,
            consumer=consumer,
            key=player_id,
            kind="support.answered",
            payload={"message_id": row.id, "player_id": player_id, "text": text},
        )
    return _read(row)


async def history(
    session: AsyncSession, *, player_id: int, limit: int = HISTORY_MAX
) -> Sequence[Message]:
    """The newest messages between a player and staff, oldest of them first."""
    found = await session.scalars(
        select(MessageRow)
        .where(MessageRow.player_id == player_id)
        .order_by(MessageRow.id.desc())
        .limit(min(limit, HISTORY_MAX))
    )
    return [_read(row) for row in reversed(found.all())]


def _require_text(text: str) -> str:
    text = text.strip()
    # PostgreSQL stores any character but this one.
    if not text or len(text) > TEXT_MAX or "\x00" in text:
        raise BadChoice(field="text", maximum=TEXT_MAX)
    return text


async def _store(
    session: AsyncSession, *, player_id: int, member_id: int | None, text: str, now: datetime
) -> MessageRow:
    row = MessageRow(player_id=player_id, member_id=member_id, body=text, written_at=now)
    session.add(row)
    await session.flush()
    return row


def _read(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        player_id=PlayerId(row.player_id),
        member_id=StaffId(row.member_id) if row.member_id is not None else None,
        text=row.body,
        written_at=row.written_at,
    )
