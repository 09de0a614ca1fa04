"""The card of a conversation with a player: his last words, and who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import Reply
from admin_bot.cards.shape import Card, player_button, player_name
from admin_bot.words import quote
from casino.players import identity
from casino.staff import cards
from casino.staff.roles import Permission, allows
from casino.support import conversations
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Markup, Words, paragraphs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member
    from casino.support.conversations import Message

SHOWN = 4


async def render(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """The newest messages between a player and staff; finished while the last word is ours."""
    player = await identity.get(session, player_id=key)
    said = await conversations.history(session, player_id=key, limit=SHOWN)
    names = await cards.names(session)
    answered = bool(said) and said[-1].from_staff
    waited = (now - said[-1].written_at).days if said else 0
    text = paragraphs(
        words.say(
            "admin.support.title_done" if answered else "admin.support.title",
            player=player_name(player),
        ),
        *(_line(message, words, names=names) for message in said),
        None if said else words.say("admin.support.nothing"),
        words.say("admin.card.waited", count=waited) if waited and not answered else None,
    )
    if answered:
        return Card(Screen(text), finished=True)
    answer = Reply(player=key)
    return Card(
        Screen(
            text,
            (
                (tap(words.plain("admin.button.answer"), answer, style=buttons.PRIMARY),)
                if allows(member, Permission.SUPPORT_ANSWER)
                else (),
                (player_button(words, key),),
            ),
        )
    )


def _line(message: Message, words: Words, *, names: Mapping[int, str]) -> Markup:
    who = (
        names.get(message.member_id, "")
        if message.member_id is not None
        else words.plain("admin.support.player")
    )
    head = words.say("admin.support.line", who=who, moment=words.moment(message.written_at))
    return Markup(f"{head}\n{quote(message.text)}")
