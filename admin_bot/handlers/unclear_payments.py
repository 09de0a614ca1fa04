"""Payouts that were mined with another amount: the list, and what people say of each."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.callbacks import AnswerUnclear, Go, OpenCard
from admin_bot.cards.hanging import redraw, too_late
from admin_bot.desk import Desk
from casino import clock
from casino.cashier import rails, unclear_payments
from casino.cashier.unclear_payments import Answer
from casino.errors import BadChoice, Conflict
from casino.staff.cards import changed
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

DECIDE = Permission.WITHDRAWALS_DECIDE
SHOWN = 8


async def show_list(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Those that nobody has decided on, the oldest first."""
    await state.clear()
    async with desk.database.transaction() as session:
        found = await unclear_payments.waiting(session, limit=SHOWN)
        offered = {one.name: one for one in await rails.list_rails(session)}
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.unclear.line",
                    amount=words.units(each.wanted_units, offered[each.rail].asset),
                    moment=words.moment(each.noted_at),
                ),
                OpenCard(subject=f"unclear_payment:{each.payout_id}"),
            ),
        )
        for each in found
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.unclear.queue"),
                words.say("admin.unclear.pick" if found else "admin.unclear.none"),
            ),
            (*rows, buttons.back(words)),
        )
    )


async def ask(
    _tap: CallbackQuery, callback_data: AnswerUnclear, words: Words, talk: Talk, desk: Desk
) -> None:
    """What the answer would do: the last look before it is done."""
    async with desk.database.transaction() as session:
        found = await unclear_payments.get(session, payout_id=callback_data.payout)
        asset = (await rails.get_rail(session, found.rail)).asset
    answer = _answer(callback_data.answer)
    landed = found.landed
    sure = AnswerUnclear(payout=found.payout_id, answer=answer, sure=True)
    await talk.send(
        Screen(
            words.say(
                f"admin.unclear.sure_{answer}",
                wanted=words.units(found.wanted_units, asset),
                arrived=words.units(landed.arrived_units, asset),
                missing=words.units(max(0, found.wanted_units - landed.arrived_units), asset),
            ),
            (
                (tap(words.plain("admin.button.unclear_sure"), sure, style=buttons.DANGER),),
                buttons.back(words, "unclear"),
            ),
        )
    )


async def settle(
    _tap: CallbackQuery,
    callback_data: AnswerUnclear,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Book what it was."""
    subject = f"unclear_payment:{callback_data.payout}"
    try:
        async with desk.database.transaction() as session:
            await unclear_payments.decide(
                session,
                payout_id=callback_data.payout,
                answer=_answer(callback_data.answer),
                member=member,
                now=clock.utc_now(),
            )
            await changed(session, subject=subject)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.unclear.done"))


def _answer(text: str) -> Answer:
    try:
        return Answer(text)
    except ValueError as error:
        raise BadChoice(field="answer") from error


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view = allowed(DECIDE)
    router = Router(name="unclear_payments")
    taps = router.callback_query
    taps.register(show_list, Go.filter(F.to == "unclear"), flags=view)
    taps.register(ask, AnswerUnclear.filter(~F.sure), flags=view)
    taps.register(
        settle, AnswerUnclear.filter(F.sure), flags=allowed(DECIDE, audits="unclear_payment.")
    )
    return router
