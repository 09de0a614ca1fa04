"""Cards in staff chats: which message shows which subject to whom, and who decided on it.

A subject reads like those of the audit log, `withdrawal:<id>`. The same card may hang in several
chats; when the thing changes, an effect of kind CHANGED has all of them brought up to date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.staff.tables import CardRow, MemberRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

CHANGED = "card.changed"
DECISIONS_SEARCHED = 20


class CardKind(StrEnum):
    """A card itself, or a picture of a document that was shown beside it."""

    CARD = "card"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that hangs in a member's chat."""

    id: int
    subject: str
    member_id: int
    chat_id: int
    message_id: int
    kind: CardKind
    effect_id: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The newest thing that a person did to a subject: `actor` reads `staff:<id>`, `who` is the
    name of the member of staff, None for a player."""

    actor: str
    who: str | None
    action: str
    at: datetime


async def remember(
    session: AsyncSession,
    *,
    subject: str,
    member_id: int,
    chat_id: int,
    message_id: int,
    kind: CardKind = CardKind.CARD,
    effect_id: int | None = None,
    now: datetime,
) -> None:
    """Write down that a message shows a subject; a message that showed another one shows this."""
    values = {
        "subject": subject,
        "member_id": member_id,
        "kind": kind.value,
        "effect_id": effect_id,
        "sent_at": now,
    }
    await session.execute(
        insert(CardRow)
        .values(chat_id=chat_id, message_id=message_id, **values)
        .on_conflict_do_update(index_elements=[CardRow.chat_id, CardRow.message_id], set_=values)
    )


async def forget(session: AsyncSession, *, ids: Collection[int]) -> None:
    """These messages are gone or will not change any more."""
    await session.execute(
        delete(CardRow)
        .where(CardRow.id.in_(list(ids)))
        .execution_options(synchronize_session=False)
    )


async def hanging(session: AsyncSession, *, subject: str) -> Sequence[Sent]:
    """All messages about a subject, the oldest first."""
    rows = await session.scalars(
        select(CardRow)
        .where(CardRow.subject == subject)
        .order_by(CardRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        Sent(
            id=row.id,
            subject=row.subject,
            member_id=row.member_id,
            chat_id=row.chat_id,
            message_id=row.message_id,
            kind=CardKind(row.kind),
            effect_id=row.effect_id,
        )
        for row in rows
    ]


async def subject_of(session: AsyncSession, *, chat_id: int, message_id: int) -> str | None:
    """What a message in a chat is about, if it is a card."""
    return await session.scalar(
        select(CardRow.subject).where(CardRow.chat_id == chat_id, CardRow.message_id == message_id)
    )


async def changed(session: AsyncSession, *, subject: str) -> None:
    """Have every card of a subject brought up to date once the caller's transaction commits."""
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=int(subject.partition(":")[2]),
        kind=CHANGED,
        payload={"subject": subject},
    )


async def names(session: AsyncSession) -> Mapping[int, str]:
    """Names of all members by id, former ones too: their decisions stay theirs."""
    found = await session.execute(select(MemberRow.id, MemberRow.name))
    return {row.id: row.name for row in found}


async def last_decision(
    session: AsyncSession, *, subject: str, action: str | None = None
) -> Decision | None:
    """Who did something to a subject last, as the audit log has it; `action` narrows it to one
    family. Asking and looking are no decisions."""
    lines = await audit.search(session, subject=subject, action=action, limit=DECISIONS_SEARCHED)
    known = await names(session)
    for line in lines:
        kind, _, number = line.actor.partition(":")
        if line.action.endswith(("_read", ".viewed", ".submitted", ".requested")):
            continue
        who = known.get(int(number), line.actor) if kind == "staff" else None
        return Decision(actor=line.actor, who=who, action=line.action, at=line.at)
    return None
