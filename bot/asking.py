"""Questions that the next message answers; kept in chat state, harmless to lose."""

from __future__ import annotations

from aiogram import F
from aiogram.fsm.state import State, StatesGroup


class Ask(StatesGroup):
    """What the chat was asked last."""

    withdraw_amount = State()
    withdraw_address = State()
    withdraw_memo = State()
    book_address = State()
    book_label = State()
    limit_amount = State()
    support_text = State()
    document = State()


LIVING = "living"  # the message id of the task that asked
TYPED = F.text & ~F.text.startswith("/")  # a command is never an answer
