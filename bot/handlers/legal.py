"""Terms, privacy and payment support: open to everyone, at any time."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import Go
from bot.handlers.start import OPEN_TO_ALL
from casino.players.rules import TERMS_VERSION
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Words, paragraphs


async def terms(_event: Message | CallbackQuery, words: Words, talk: Talk) -> None:
    """The terms of play, with their version."""
    await talk.show(
        Screen(
            paragraphs(
                words.say("legal.terms.title", version=TERMS_VERSION),
                words.say("legal.terms.body"),
            ),
            ((buttons.go(words, "privacy"),), buttons.back(words)),
        )
    )


async def privacy(_event: Message | CallbackQuery, words: Words, talk: Talk) -> None:
    """What we keep about a person, why, and for how long."""
    await talk.show(
        Screen(
            paragraphs(words.say("legal.privacy.title"), words.say("legal.privacy.body")),
            ((buttons.go(words, "terms"),), buttons.back(words)),
        )
    )


async def pay_support(_event: Message | CallbackQuery, words: Words, talk: Talk) -> None:
    """What to do when a payment went wrong; Telegram asks every bot to answer this."""
    await talk.show(
        Screen(
            paragraphs(words.say("legal.paysupport.title"), words.say("legal.paysupport.body")),
            (
                (buttons.go(words, "support", style="primary"),),
                (buttons.go(words, "history"),),
                buttons.back(words),
            ),
        )
    )


async def legal(_tap: CallbackQuery, words: Words, talk: Talk) -> None:
    """A shelf for the three pages above."""
    await talk.show(
        Screen(
            paragraphs(words.say("legal.title"), words.say("legal.body")),
            (
                (buttons.go(words, "terms"), buttons.go(words, "privacy")),
                (buttons.go(words, "paysupport"),),
                buttons.back(words),
            ),
        )
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="legal")
    router.message.register(terms, Command("terms"), flags=OPEN_TO_ALL)
    router.callback_query.register(terms, Go.filter(F.to == "terms"), flags=OPEN_TO_ALL)
    router.message.register(privacy, Command("privacy"), flags=OPEN_TO_ALL)
    router.callback_query.register(privacy, Go.filter(F.to == "privacy"), flags=OPEN_TO_ALL)
    router.message.register(pay_support, Command("paysupport"), flags=OPEN_TO_ALL)
    router.callback_query.register(pay_support, Go.filter(F.to == "paysupport"), flags=OPEN_TO_ALL)
    router.callback_query.register(legal, Go.filter(F.to == "legal"), flags=OPEN_TO_ALL)
    return router
