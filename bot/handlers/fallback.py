"""What nobody else answered: unknown words, outdated buttons, people who block the bot."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message

from bot import buttons
from bot.house import House
from casino.players import identity
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words


async def outdated(_tap: CallbackQuery, words: Words) -> Toast:
    """A button of an older version, or one that we never made."""
    return Toast(words.plain("bot.outdated"), alert=True)


async def unknown(_message: Message, words: Words, talk: Talk) -> None:
    """Words that no question asked for."""
    await talk.show(
        Screen(
            words.say("bot.unknown"),
            ((buttons.go(words, "menu", style="primary"),), (buttons.go(words, "support"),)),
        )
    )


async def blocked_or_back(event: ChatMemberUpdated, house: House) -> None:
    """Remember who blocked the bot, so that no news is sent there; and who came back."""
    gone = event.new_chat_member.status == ChatMemberStatus.KICKED
    who = event.from_user.id
    async with house.database.transaction() as session:
        if gone:
            await identity.mark_unreachable(session, telegram_id=who, now=event.date)
        else:
            await identity.mark_reachable(session, telegram_id=who, now=event.date)


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="fallback")
    router.callback_query.register(outdated)
    router.message.register(unknown, F.chat.type == ChatType.PRIVATE)
    router.my_chat_member.register(blocked_or_back, F.chat.type == ChatType.PRIVATE)
    return router
