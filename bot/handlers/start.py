"""Welcome, age and terms: what everyone sees once before anything else."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import Accept
from bot.handlers.menu import menu_screen
from bot.house import House
from casino import clock
from casino.players import identity
from casino.players.identity import Player
from casino.players.rules import TERMS_VERSION
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

OPEN_TO_ALL = {"before_consent": True}


def consent_screen(words: Words, *, first_name: str) -> Screen:
    """The welcome of someone who has not accepted the current terms."""
    return Screen(
        paragraphs(
            words.say("bot.consent.title", name=first_name),
            words.say("bot.consent.what"),
            words.say("bot.consent.age"),
            words.say("bot.consent.care"),
        ),
        (
            (
                tap(
                    words.plain("bot.consent.accept"),
                    Accept(terms=TERMS_VERSION),
                    style="success",
                ),
            ),
            (buttons.go(words, "terms"), buttons.go(words, "privacy")),
            (buttons.go(words, "language"),),
        ),
    )


async def start(
    _message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """/start and /menu: the menu, or the terms for whoever has not accepted them."""
    await state.clear()
    if player.consented:
        await talk.show(await menu_screen(house, words, player=player))
    else:
        await talk.show(consent_screen(words, first_name=player.first_name))


async def accept(
    _tap: CallbackQuery,
    callback_data: Accept,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast | None:
    """Record the acceptance of the current terms; a button under older terms shows the new."""
    if callback_data.terms != TERMS_VERSION:
        await talk.show(consent_screen(words, first_name=player.first_name))
        return Toast(words.plain("bot.consent.newer"), alert=True)
    async with house.database.transaction() as session:
        welcome = await identity.accept_terms(
            session,
            player_id=player.id,
            terms_version=TERMS_VERSION,
            of_age=True,
            language=words.language,
            now=clock.utc_now(),
        )
    await talk.show(await menu_screen(house, words, player=welcome))
    return Toast(words.plain("bot.consent.done"))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="start")
    router.message.register(start, CommandStart(), flags=OPEN_TO_ALL)
    router.message.register(start, Command("menu"))
    router.callback_query.register(accept, Accept.filter(), flags=OPEN_TO_ALL)
    return router
