"""The language of the bot and of the Mini App."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import Go, Speak
from bot.handlers.menu import menu_screen
from bot.handlers.start import OPEN_TO_ALL, consent_screen
from bot.house import House
from casino import clock, i18n
from casino.players import identity
from casino.players.identity import Player
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs


async def choose(_event: Message | CallbackQuery, words: Words, talk: Talk) -> None:
    """Languages by their own names."""
    await talk.show(
        Screen(
            paragraphs(words.say("bot.language.title"), words.say("bot.language.body")),
            (
                tuple(
                    tap(
                        Words(code).plain("language.name"),
                        Speak(code=code),
                        style="primary" if code == words.language else None,
                    )
                    for code in i18n.LANGUAGES
                ),
                buttons.back(words),
            ),
        )
    )


async def speak(
    _tap: CallbackQuery, callback_data: Speak, player: Player, talk: Talk, house: House
) -> Toast:
    """Change the language, and go on where a person would: to the menu or to the terms."""
    words = Words(callback_data.code)
    async with house.database.transaction() as session:
        await identity.set_language(
            session, player_id=player.id, language=words.language, now=clock.utc_now()
        )
    if player.consented:
        await talk.show(await menu_screen(house, words, player=player))
    else:
        await talk.show(consent_screen(words, first_name=player.first_name))
    return Toast(words.plain("bot.language.done"))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="language")
    router.message.register(choose, Command("language"), flags=OPEN_TO_ALL)
    router.callback_query.register(choose, Go.filter(F.to == "language"), flags=OPEN_TO_ALL)
    router.callback_query.register(speak, Speak.filter(), flags=OPEN_TO_ALL)
    return router
