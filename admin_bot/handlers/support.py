"""Answers to players: by the card's button, or as a reply to the card itself."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import BaseFilter, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import Reply
from admin_bot.cards.shape import player_name
from admin_bot.desk import Desk
from casino import clock
from casino.players import identity
from casino.staff import cards
from casino.staff.people import Member
from casino.staff.roles import Permission
from casino.support import conversations
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words

ANSWER = Permission.SUPPORT_ANSWER
KEY = "answer_to"
FAMILY = "support"


class ToConversation(BaseFilter):
    """A message that replies to the card of a conversation; handlers get `player_id`."""

    async def __call__(self, message: Message, desk: Desk) -> bool | dict[str, int]:
        replied = message.reply_to_message
        if replied is None:
            return False
        async with desk.database.transaction() as session:
            subject = await cards.subject_of(
                session, chat_id=message.chat.id, message_id=replied.message_id
            )
        kind, _, number = (subject or "").partition(":")
        return {"player_id": int(number)} if kind == FAMILY else False


async def ask(
    _tap: CallbackQuery,
    callback_data: Reply,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """The next message goes to this player."""
    async with desk.database.transaction() as session:
        player = await identity.get(session, player_id=callback_data.player)
    await state.set_state(Ask.answer)
    await state.set_data({KEY: callback_data.player})
    text = words.say("admin.support.ask", player=player_name(player))
    await talk.send(Screen(text, (buttons.back(words),)))


async def answer(
    message: Message, member: Member, words: Words, desk: Desk, state: FSMContext
) -> Toast:
    """The answer that was asked for."""
    player_id = (await state.get_data()).get(KEY)
    await state.clear()
    if not isinstance(player_id, int):
        return Toast(words.plain("admin.forgotten"))
    return await _answer(player_id, message.text or "", member=member, words=words, desk=desk)


async def reply(
    message: Message, player_id: int, member: Member, words: Words, desk: Desk
) -> Toast:
    """A reply to the card."""
    return await _answer(player_id, message.text or "", member=member, words=words, desk=desk)


async def _answer(player_id: int, text: str, *, member: Member, words: Words, desk: Desk) -> Toast:
    async with desk.database.transaction() as session:
        player = await identity.get(session, player_id=player_id)
        await conversations.answer(
            session,
            player_id=player_id,
            member_id=member.id,
            text=text,
            now=clock.utc_now(),
        )
        await cards.changed(session, subject=f"{FAMILY}:{player_id}")
    told = "admin.support.unreachable" if player.unreachable else "admin.support.sent"
    return Toast(words.plain(told, player=player_name(player)))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="support")
    router.callback_query.register(ask, Reply.filter(), flags=allowed(ANSWER))
    acts = allowed(ANSWER, audits="support.answered")
    router.message.register(reply, TYPED, ToConversation(), flags=acts)
    router.message.register(answer, StateFilter(Ask.answer), TYPED, flags=acts)
    return router
