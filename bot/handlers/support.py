"""A conversation with staff: what the player writes goes to the desk, answers come as news."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.asking import LIVING, TYPED, Ask
from bot.callbacks import Go
from bot.handlers.start import OPEN_TO_ALL
from bot.house import House
from casino import clock
from casino.players.identity import Player
from casino.support import conversations
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs

SHOWN = 4
SHOWN_CHARACTERS = 300


async def ask(
    _event: Message | CallbackQuery,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """The last messages of the conversation, and the question what this is about."""
    shown = await talk.show(
        Screen(
            paragraphs(
                words.say("bot.support.title"),
                await _history(house, player, words),
                words.say("bot.support.ask"),
            ),
            (buttons.back(words),),
        )
    )
    await state.set_state(Ask.support_text)
    await state.set_data({LIVING: shown})


async def write(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """Hand the message to the desk; the conversation stays open for another one."""
    async with house.database.transaction() as session:
        await conversations.write(
            session, player_id=player.id, text=message.text or "", now=clock.utc_now()
        )
    form = await state.get_data()
    shown = await talk.show(
        Screen(
            paragraphs(words.say("bot.support.sent"), words.say("bot.support.more")),
            (buttons.back(words),),
        ),
        instead_of=form.get(LIVING),
    )
    await state.update_data({LIVING: shown})


async def _history(house: House, player: Player, words: Words) -> Markup:
    async with house.database.transaction() as session:
        messages = await conversations.history(session, player_id=player.id, limit=SHOWN)
    return paragraphs(
        *(
            words.say(
                "bot.support.theirs" if message.from_staff else "bot.support.yours",
                text=_cut(message.text),
            )
            for message in messages
        )
    )


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="support")
    router.message.register(ask, Command("support"), flags=OPEN_TO_ALL)
    router.callback_query.register(ask, Go.filter(F.to == "support"), flags=OPEN_TO_ALL)
    router.message.register(write, Ask.support_text, TYPED, flags=OPEN_TO_ALL)
    return router
