"""Money in: choose an asset, then send to the address with the tag that is yours."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import DepositTo, Go
from bot.house import House
from casino import clock
from casino.cashier import addresses, rails
from casino.cashier.addresses import Instruction
from casino.money import Money
from casino.players.identity import Player
from messaging.buttons import copy, tap
from messaging.pictures.qr import qr_png
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Words, code, paragraphs


async def choose(
    _event: Message | CallbackQuery, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """Which asset to deposit; only rails that have a wallet to send to are offered."""
    await state.clear()
    async with house.database.transaction() as session:
        offered = [rail for rail in await rails.list_rails(session) if rail.takes_deposits]
    if not offered:
        await talk.show(Screen(words.say("bot.deposit.none"), (buttons.back(words),)))
        return
    await talk.show(
        Screen(
            paragraphs(words.say("bot.deposit.title"), words.say("bot.deposit.choose")),
            (
                *(
                    (tap(words.plain(f"rail.{rail.name}"), DepositTo(rail=rail.name)),)
                    for rail in offered
                ),
                buttons.back(words),
            ),
        )
    )


async def instruct(
    _tap: CallbackQuery,
    callback_data: DepositTo,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> None:
    """The address, the tag, a QR picture of both, the minimum and how long it takes."""
    async with house.database.transaction() as session:
        instruction = await addresses.deposit_instruction(
            session, player_id=player.id, rail=callback_data.rail, now=clock.utc_now()
        )
    await talk.show(_instruction_screen(instruction, words))


def _instruction_screen(instruction: Instruction, words: Words) -> Screen:
    minimum = Money(instruction.minimum, instruction.asset)
    tag = instruction.tag
    rail = words.plain(f"rail.{instruction.rail}")
    return Screen(
        paragraphs(
            words.say("bot.deposit.to" if tag is not None else "bot.deposit.to_own", rail=rail),
            words.say("bot.deposit.address", address=code(instruction.address)),
            words.say("bot.deposit.tag", tag=code(tag)) if tag is not None else None,
            words.say("bot.deposit.token", token=code(instruction.token))
            if instruction.token is not None
            else None,
            words.say("bot.deposit.minimum", amount=words.amount(minimum)),
            words.say(instruction.confirmations_text_key),
            words.say(
                "bot.deposit.warning" if tag is not None else "bot.deposit.warning_own", rail=rail
            ),
        ),
        (
            (
                copy(words.plain("bot.button.copy_address"), instruction.address),
                *((copy(words.plain("bot.button.copy_tag"), tag),) if tag is not None else ()),
            ),
            buttons.back(words, "deposit"),
        ),
        picture=qr_png(instruction.uri),
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="deposit")
    router.message.register(choose, Command("deposit"))
    router.callback_query.register(choose, Go.filter(F.to == "deposit"))
    router.callback_query.register(instruct, DepositTo.filter())
    return router
