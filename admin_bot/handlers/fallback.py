"""What nobody else answered: unknown words, outdated buttons, members who block the bot."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.desk import Desk
from casino.staff import chats, people
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words


async def outdated(_tap: CallbackQuery, words: Words) -> Toast:
    """A button of an older version, or one that we never made."""
    return Toast(words.plain("admin.outdated"), alert=True)


async def unknown(_message: Message, words: Words, talk: Talk) -> None:
    """Words that no question asked for."""
    await talk.send(Screen(words.say("admin.unknown"), ((buttons.go(words, "menu"),),)))


async def left(event: ChatMemberUpdated, desk: Desk) -> None:
    """A member who blocks the bot gets no cards until he writes again."""
    async with desk.database.transaction() as session:
        member = await people.find_member(session, telegram_id=event.from_user.id)
        if member is not None:
            await chats.close(session, member_id=member.id, now=event.date)


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="fallback")
    router.callback_query.register(outdated, flags=allowed(None))
    router.message.register(unknown, flags=allowed(None))
    router.my_chat_member.register(
        left,
        F.chat.type == ChatType.PRIVATE,
        F.new_chat_member.status == ChatMemberStatus.KICKED,
        flags=allowed(None),
    )
    return router
