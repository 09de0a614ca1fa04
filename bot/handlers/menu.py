"""The menu, the balance and the door to the games."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import Go
from bot.errors import explain
from bot.house import House
from bot.wallet import Purse, read_purse
from casino import clock
from casino.players.identity import Player
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Words, paragraphs


async def menu_screen(house: House, words: Words, *, player: Player) -> Screen:
    """What the player has, and everything that he can do."""
    purse = await _purse(house, player)
    empty = not any(held.cash for held in purse.balances.values())
    return Screen(
        paragraphs(
            purse.headline(words),
            words.say("bot.menu.closed", reason=explain(purse.closed, words))
            if purse.closed
            else words.say("bot.menu.empty" if empty else "bot.menu.ready"),
        ),
        (
            (buttons.app(words.plain("bot.button.play"), house.mini_app_url, style="success"),),
            (buttons.go(words, "deposit"), buttons.go(words, "withdraw")),
            (buttons.go(words, "balance"), buttons.go(words, "history")),
            (buttons.go(words, "fairness"), buttons.go(words, "limits")),
            (buttons.go(words, "kyc"), buttons.go(words, "support")),
            (buttons.go(words, "language"), buttons.go(words, "legal")),
        ),
    )


async def menu(
    _tap: CallbackQuery, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """Back to the menu; whatever was being asked is forgotten."""
    await state.clear()
    await talk.show(await menu_screen(house, words, player=player))


async def balance(
    _event: Message | CallbackQuery, player: Player, words: Words, talk: Talk, house: House
) -> None:
    """All kinds of money that the player has with us."""
    purse = await _purse(house, player)
    await talk.show(
        Screen(
            paragraphs(
                purse.headline(words),
                purse.details(words) or words.say("bot.balance.empty"),
            ),
            (
                (buttons.go(words, "deposit", style="success"),),
                (buttons.go(words, "withdraw"), buttons.go(words, "history")),
                buttons.back(words),
            ),
        )
    )


async def play(
    _event: Message | CallbackQuery, player: Player, words: Words, talk: Talk, house: House
) -> None:
    """The door to the games."""
    purse = await _purse(house, player)
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.play.title"),
                words.say("bot.menu.closed", reason=explain(purse.closed, words))
                if purse.closed
                else words.say("bot.play.body"),
            ),
            (
                (buttons.app(words.plain("bot.button.play"), house.mini_app_url, style="success"),),
                (buttons.go(words, "fairness"), buttons.go(words, "limits")),
                buttons.back(words),
            ),
        )
    )


async def _purse(house: House, player: Player) -> Purse:
    async with house.database.transaction() as session:
        return await read_purse(session, player_id=player.id, now=clock.utc_now())


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="menu")
    router.callback_query.register(menu, Go.filter(F.to == "menu"))
    router.message.register(balance, Command("balance"))
    router.callback_query.register(balance, Go.filter(F.to == "balance"))
    router.message.register(play, Command("play"))
    router.callback_query.register(play, Go.filter(F.to == "play"))
    return router
