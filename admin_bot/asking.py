"""Questions that the next message answers; kept in chat state, harmless to lose."""

from __future__ import annotations

from aiogram import F
from aiogram.fsm.state import State, StatesGroup


class Ask(StatesGroup):
    """What the chat was asked last."""

    reason_withdrawal = State()
    reason_kyc = State()
    reason_player = State()
    reason_switch = State()
    note_token = State()
    note_unclaimed = State()
    player = State()
    owner = State()
    subject = State()
    answer = State()
    foreign_send = State()
    foreign_loss = State()
    cold_move = State()
    return_address = State()
    member = State()
    thresholds = State()


TYPED = F.text & ~F.text.startswith("/")  # a command is never an answer
