"""Wires the dispatcher of the player's bot: what runs around handlers, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram import Dispatcher
from aiogram.fsm.strategy import FSMStrategy

from bot.handlers import (
    address_book,
    care,
    deposit,
    fairness,
    fallback,
    history,
    kyc,
    language,
    legal,
    limits,
    menu,
    start,
    support,
    withdraw,
    withdraw_check,
)
from bot.middlewares import Consented, Person, Spoken

if TYPE_CHECKING:
    from aiogram.fsm.storage.base import BaseStorage

    from bot.house import House

# Asked in this order; the fallback takes what is left.
FAMILIES = (
    start,
    menu,
    deposit,
    withdraw,
    withdraw_check,
    address_book,
    history,
    fairness,
    limits,
    care,
    language,
    legal,
    support,
    kyc,
    fallback,
)


def build_dispatcher(house: House, *, storage: BaseStorage) -> Dispatcher:
    """A dispatcher with all handlers, which get `house` and what the middlewares add."""
    dispatcher = Dispatcher(storage=storage, fsm_strategy=FSMStrategy.GLOBAL_USER, house=house)
    for observer in (dispatcher.message, dispatcher.callback_query):
        for middleware in (Person(), Spoken(), Consented()):
            observer.middleware(middleware)
    dispatcher.include_routers(*(family.build_router() for family in FAMILIES))
    return dispatcher
