"""Wires the dispatcher of the operators' bot: what runs around handlers, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram import Dispatcher
from aiogram.fsm.strategy import FSMStrategy

from admin_bot.access import Entrance, Permitted, Spoken
from admin_bot.handlers import (
    audit_log,
    cold_addresses,
    fallback,
    figures,
    foreign_payments,
    foreign_sends,
    menu,
    money_in,
    players,
    returns,
    strange_tokens,
    support,
    switches,
    team,
    treasury,
    unclaimed_coins,
    unclear_payments,
    verification,
    why,
    withdrawals,
)

if TYPE_CHECKING:
    from aiogram.fsm.storage.base import BaseStorage

    from admin_bot.desk import Desk

# Asked in this order: `why` takes what is about cards, the fallback what is left.
FAMILIES = (
    menu,
    support,
    withdrawals,
    verification,
    players,
    switches,
    figures,
    audit_log,
    money_in,
    returns,
    foreign_sends,
    foreign_payments,
    unclear_payments,
    unclaimed_coins,
    strange_tokens,
    treasury,
    cold_addresses,
    team,
    why,
    fallback,
)


def build_dispatcher(desk: Desk, *, storage: BaseStorage) -> Dispatcher:
    """A dispatcher with all handlers, which get `desk` and what the middlewares add."""
    dispatcher = Dispatcher(storage=storage, fsm_strategy=FSMStrategy.GLOBAL_USER, desk=desk)
    for observer in (dispatcher.message, dispatcher.callback_query):
        # The entrance stands before the filters: a stranger's message is not even read.
        observer.outer_middleware(Entrance())
        for middleware in (Spoken(), Permitted()):
            observer.middleware(middleware)
    dispatcher.include_routers(*(family.build_router() for family in FAMILIES))
    return dispatcher
