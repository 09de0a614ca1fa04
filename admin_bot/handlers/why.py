"""Asking for the reason of a decision: a list on the card, or own words in the next message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiogram import F, Router
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons, reasons
from admin_bot.access import allowed
from admin_bot.asking import Ask
from admin_bot.callbacks import AskWhy
from admin_bot.cards.hanging import redraw
from admin_bot.desk import Desk
from casino.staff.people import Member
from messaging.screens import Screen
from messaging.talk import Talk
from messaging.words import Words

KEY = "why"
STATES: Mapping[str, State] = {
    reasons.REJECT: Ask.reason_withdrawal,
    reasons.REFUND: Ask.reason_withdrawal,
    reasons.KYC: Ask.reason_kyc,
    reasons.BLOCK: Ask.reason_player,
    reasons.UNBLOCK: Ask.reason_player,
    reasons.STOP: Ask.reason_switch,
    reasons.RUN: Ask.reason_switch,
    reasons.TOKEN: Ask.note_token,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reason is for, and the mark of what was shown when it was asked."""

    task: str
    subject: str
    seen: str

    @classmethod
    def read(cls, form: Mapping[str, Any]) -> Asked | None:
        """What the chat was asked, or None when that is forgotten."""
        stored = form.get(KEY)
        if not isinstance(stored, dict) or stored.keys() != {"task", "subject", "seen"}:
            return None
        return cls(**{name: str(part) for name, part in stored.items()})


async def offer(
    _tap: CallbackQuery, callback_data: AskWhy, words: Words, talk: Talk, state: FSMContext
) -> None:
    """Put the list of reasons where the card's buttons were; its text stays in view."""
    await state.clear()
    if talk.tapped is None:
        return
    rows = reasons.reason_rows(
        words,
        task=callback_data.task,
        subject=callback_data.subject,
        seen=callback_data.seen,
    )
    shown = talk.tapped.html_text
    await talk.show(Screen(shown, rows))


async def keep(
    _tap: CallbackQuery,
    callback_data: AskWhy,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """No decision after all: the card as it was."""
    await state.clear()
    await redraw(callback_data.subject, desk=desk, member=member, words=words, talk=talk)


async def ask_own(asked: Asked, *, words: Words, talk: Talk, state: FSMContext) -> None:
    """Ask for the reason in own words."""
    await state.set_state(STATES[asked.task])
    await state.set_data({KEY: asdict(asked)})
    text = words.say(f"admin.why.{asked.task}")
    await talk.send(Screen(text, (buttons.back(words),)))


async def take_own(message: Message, state: FSMContext) -> tuple[Asked, str] | None:
    """What was asked and the answer in own words, once; None when the question is forgotten.
    Raises BadChoice for an empty answer."""
    asked = Asked.read(await state.get_data())
    await state.clear()
    return None if asked is None else (asked, reasons.own(message.text))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="why")
    # `redraw` requires the permission of the kind of card.
    router.callback_query.register(keep, AskWhy.filter(F.task == ""), flags=allowed(None))
    return router
