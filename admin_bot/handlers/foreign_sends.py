"""What left our accounts without a payout: the list, the evidence, and a person's explanation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import (
    MARK_LENGTH,
    ExplainSend,
    ForeignSendCard,
    Go,
    SentPaymentCard,
    WasLost,
)
from admin_bot.desk import Desk
from admin_bot.reasons import own
from casino import clock
from casino.cashier import acknowledging, foreign_payments, foreign_sends, rails, unshown_sends
from casino.staff.people import Member
from casino.staff.roles import Permission, allows
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, code, paragraphs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.foreign_sends import ForeignSend
    from messaging.buttons import Row

DECIDE = Permission.WITHDRAWALS_DECIDE
PAGE = 8
PAYMENTS_SHOWN = 8
KEY = "foreign_send"
UNTIL = "until"


async def show_list(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """What nobody has explained, the oldest first; below it what was explained lately."""
    await state.clear()
    async with desk.database.transaction() as session:
        found = await foreign_sends.waiting(session)
        before = await foreign_sends.explained(session, now=clock.utc_now(), limit=PAGE)
    listed = [*found[:PAGE], *before]
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.foreign.line"
                    if each.acknowledged_at is None
                    else "admin.foreign.line_explained",
                    rail=words.plain(f"rail.{each.rail}"),
                    moment=words.moment(each.seen_at),
                ),
                ForeignSendCard(mark=each.tx_hash[:MARK_LENGTH]),
            ),
        )
        for each in listed[: 2 * PAGE]
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.foreign.title"),
                words.say("admin.foreign.waiting", count=len(found))
                if found
                else words.say("admin.foreign.none"),
            ),
            (*rows, buttons.back(words)),
        )
    )


async def show_one(
    _tap: CallbackQuery,
    callback_data: ForeignSendCard,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """Everything that was seen of one of them, and whom it paid."""
    await state.clear()
    async with desk.database.transaction() as session:
        found = await foreign_sends.find(session, mark=callback_data.mark)
        screen = await send_screen(session, found, member=member, words=words)
    await talk.show(screen)


async def send_screen(
    session: AsyncSession, found: ForeignSend, *, member: Member, words: Words
) -> Screen:
    """A foreign send: evidence, a button for each payment that is not settled, and the words that
    let payouts go on."""
    mark = found.tx_hash[:MARK_LENGTH]
    offered = {one.name: one for one in await rails.list_rails(session)}
    settled = await foreign_payments.settled(session, account=found.account, tx_hash=found.tx_hash)
    left = [(at, one) for at, one in enumerate(found.payments) if at not in settled and one.rail]
    payments: tuple[Row, ...] = tuple(
        (
            tap(
                words.plain(
                    "admin.foreign.payment_line",
                    amount=words.units(one.units, offered[one.rail or ""].asset),
                    to=one.to[-6:],
                ),
                SentPaymentCard(mark=mark, position=position),
            ),
        )
        for position, one in left[:PAYMENTS_SHOWN]
    )
    lost = WasLost(mark=mark)
    # A nonce whose transaction our node could not show has no page.
    shown = foreign_sends.PAID in found.evidence
    url = offered[found.rail].tx_url(found.chain_hash) if shown else None
    return Screen(
        paragraphs(
            *_evidence(found, words),
            words.say("admin.foreign.payments", count=len(found.payments))
            if shown
            else words.say(
                "admin.foreign.searched_for"
                if unshown_sends.is_searched_for(found)
                else "admin.foreign.not_shown"
            ),
            words.say("admin.foreign.left", count=len(left)) if left else None,
            words.say("admin.foreign.before_you_say") if found.acknowledged_at is None else None,
        ),
        (
            *payments,
            (tap(words.plain("admin.button.was_lost"), lost),)
            if left and allows(member, Permission.TREASURY_SET)
            else (),
            *await _explaining(session, found, words),
            (buttons.link(words.plain("admin.button.explorer"), url),) if url else (),
            buttons.back(words, "foreign"),
        ),
    )


async def _explaining(session: AsyncSession, found: ForeignSend, words: Words) -> tuple[Row, ...]:
    if found.acknowledged_at is not None:
        return ()
    alike = await foreign_sends.waiting(session, account=found.account)
    mark = found.tx_hash[:MARK_LENGTH]
    return (
        (
            tap(
                words.plain("admin.button.explain"),
                ExplainSend(mark=mark, every=False),
                style=buttons.PRIMARY,
            ),
        ),
        (
            tap(
                words.plain("admin.button.explain_all", count=len(alike)),
                ExplainSend(mark=mark, every=True),
            ),
        )
        if len(alike) > 1
        else (),
    )


async def ask_note(
    _tap: CallbackQuery,
    callback_data: ExplainSend,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """Ask what it was; the next message is the answer, for what waits at this moment."""
    async with desk.database.transaction() as session:
        found = await foreign_sends.find(session, mark=callback_data.mark)
        alike = await foreign_sends.waiting(session, account=found.account)
        asked = alike if callback_data.every else [found]
        decided = all([await acknowledging.is_decided(session, one) for one in asked])
    if found.acknowledged_at is not None:
        return Toast(words.plain("admin.foreign.explained_before"), alert=True)
    if not decided:
        return Toast(words.plain("admin.error.illegal_move.foreign_explanation"), alert=True)
    unknown = any(foreign_sends.PAID not in one.evidence for one in asked)
    await state.set_state(Ask.foreign_send)
    until = clock.utc_now().isoformat() if callback_data.every else ""
    await state.set_data({KEY: callback_data.mark, UNTIL: until})
    await talk.send(
        Screen(
            paragraphs(
                words.say("admin.foreign.ask_note", count=len(asked)),
                words.say("admin.foreign.ask_unknown" if unknown else "admin.foreign.ask_known"),
            ),
            (buttons.back(words, "foreign"),),
        )
    )
    return None


async def note_given(
    message: Message, member: Member, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """Keep the explanation; payouts go on when nothing else of the account waits."""
    asked = await state.get_data()
    note = own(message.text)
    await state.clear()
    mark, until = asked.get(KEY), asked.get(UNTIL)
    if not isinstance(mark, str) or not isinstance(until, str):
        return Toast(words.plain("admin.forgotten"))
    now = clock.utc_now()
    async with desk.acting(member, DECIDE) as session:
        found = await foreign_sends.find(session, mark=mark)
        if found.acknowledged_at is not None:
            return Toast(words.plain("admin.foreign.explained_before"))
        if until:
            await acknowledging.acknowledge_all(
                session,
                account=found.account,
                until=datetime.fromisoformat(until),
                member=member,
                note=note,
                now=now,
            )
        else:
            await acknowledging.acknowledge(
                session,
                account=found.account,
                tx_hash=found.tx_hash,
                member=member,
                note=note,
                now=now,
            )
        left = await foreign_sends.waiting(session, account=found.account)
    told = (
        words.say("admin.foreign.more_wait", count=len(left))
        if left
        else words.say("admin.foreign.payouts_go_on")
    )
    await talk.send(
        Screen(
            paragraphs(words.say("admin.foreign.explained"), told),
            ((buttons.go(words, "foreign"),) if left else (), buttons.back(words)),
        )
    )
    return None


def _evidence(found: ForeignSend, words: Words) -> Sequence[Markup | None]:
    return (
        words.say("admin.foreign.one", rail=words.plain(f"rail.{found.rail}")),
        words.say("admin.foreign.seen", moment=words.moment(found.seen_at)),
        words.say("admin.foreign.account"),
        code(found.account),
        words.say("admin.foreign.transaction"),
        code(found.chain_hash),
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view = allowed(DECIDE)
    router = Router(name="foreign_sends")
    taps = router.callback_query
    taps.register(show_list, Go.filter(F.to == "foreign"), flags=view)
    taps.register(show_one, ForeignSendCard.filter(), flags=view)
    taps.register(ask_note, ExplainSend.filter(), flags=view)
    router.message.register(
        note_given,
        StateFilter(Ask.foreign_send),
        TYPED,
        flags=allowed(DECIDE, audits="foreign_send."),
    )
    return router
