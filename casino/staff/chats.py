"""Where staff can be reached: the language of each member's chat, and whether it is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from casino.i18n import pick_language
from casino.staff import people
from casino.staff.people import Member
from casino.staff.tables import ChatRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.roles import Permission


@dataclass(frozen=True, slots=True)
class Chat:
    """A member and the language that news for him is written in."""

    member: Member
    language: str


async def note(session: AsyncSession, *, member_id: int, language: str | None) -> None:
    """The member wrote or tapped: his chat is open, and this is the language of his Telegram."""
    values = {"language": pick_language(language), "closed_at": None}
    await session.execute(
        insert(ChatRow)
        .values(member_id=member_id, **values)
        .on_conflict_do_update(
            index_elements=[ChatRow.member_id],
            set_=values,
            where=(ChatRow.language != values["language"]) | ChatRow.closed_at.is_not(None),
        )
    )


async def close(session: AsyncSession, *, member_id: int, now: datetime) -> None:
    """The member's chat takes no messages: nothing is sent there until he writes again."""
    await session.execute(
        update(ChatRow)
        .where(ChatRow.member_id == member_id, ChatRow.closed_at.is_(None))
        .values(closed_at=now)
        .execution_options(synchronize_session=False)
    )


async def list_open(session: AsyncSession, *, permission: Permission) -> Sequence[Chat]:
    """The chats that news of this permission goes to, longest serving member first. Whoever never
    wrote to the bot has none: Telegram would refuse it."""
    found = await session.execute(
        select(ChatRow.member_id, ChatRow.language).where(ChatRow.closed_at.is_(None))
    )
    languages = {row.member_id: row.language for row in found}
    return [
        Chat(member, languages[member.id])
        for member in await people.list_with(session, permission=permission)
        if member.id in languages
    ]
