"""Tokens that the house does not take: the open cases, and closing one with a note."""

from __future__ import annotations

from datetime import timedelta

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import AskWhy, Because, Go, OpenCard, TokenCasePage
from admin_bot.cards.hanging import redraw, too_late
from admin_bot.cards.table import parse_subject
from admin_bot.desk import Desk
from admin_bot.handlers.why import Asked, ask_own, offer, take_own
from admin_bot.reasons import OWN, TOKEN, sentence
from casino import clock
from casino.cashier import token_cases
from casino.errors import Conflict
from casino.staff.cards import changed
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

RESOLVE = Permission.DEPOSITS_RESOLVE
PAGE = 6
TOKEN_SHOWN = 12
FLOODS_OF = timedelta(days=7)


async def newest(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Open cases, the newest first, and how much was only counted this week."""
    await state.clear()
    await _show(0, words=words, talk=talk, desk=desk)


async def older(
    _tap: CallbackQuery, callback_data: TokenCasePage, words: Words, talk: Talk, desk: Desk
) -> None:
    """An older page of them."""
    await _show(callback_data.before, words=words, talk=talk, desk=desk)


async def because(
    _tap: CallbackQuery,
    callback_data: Because,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """A note from the list closes the case; own words are asked for."""
    asked = Asked(callback_data.task, callback_data.subject, callback_data.seen)
    if callback_data.reason == OWN:
        await ask_own(asked, words=words, talk=talk, state=state)
        return None
    note = sentence(words.language, task=TOKEN, reason=callback_data.reason)
    return await _close(asked, note, member=member, words=words, talk=talk, desk=desk)


async def because_own(
    message: Message,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """A note in own words."""
    taken = await take_own(message, state)
    if taken is None:
        return Toast(words.plain("admin.forgotten"))
    return await _close(*taken, member=member, words=words, talk=talk, desk=desk)


async def _close(
    asked: Asked, note: str, *, member: Member, words: Words, talk: Talk, desk: Desk
) -> Toast:
    _, case_id = parse_subject(asked.subject)
    try:
        async with desk.database.transaction() as session:
            await token_cases.resolve(
                session,
                case_id=case_id,
                note=note,
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
            await desk.require(session, member, RESOLVE)
            await changed(session, subject=asked.subject)
    except Conflict:
        return await too_late(asked.subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(asked.subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.tokens.done"))


async def _show(before: int, *, words: Words, talk: Talk, desk: Desk) -> None:
    async with desk.database.transaction() as session:
        found = await token_cases.list_open(session, before_id=before or None, limit=PAGE + 1)
        since = (clock.utc_now() - FLOODS_OF).date()
        floods = await token_cases.floods(session, since=since)
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.tokens.line",
                    token=each.token[:TOKEN_SHOWN],
                    moment=words.moment(each.sent_at),
                ),
                OpenCard(subject=f"token_case:{each.id}"),
            ),
        )
        for each in found[:PAGE]
    )
    last = found[PAGE - 1].id if len(found) > PAGE else None
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.tokens.queue"),
                words.say("admin.tokens.none" if not found else "admin.tokens.pick"),
                *(
                    words.say(
                        "admin.tokens.flood",
                        chain=words.plain(f"admin.chain.{flood.chain}"),
                        day=flood.day.isoformat(),
                        count=flood.beyond,
                    )
                    for flood in floods
                ),
            ),
            (
                *rows,
                buttons.turning(words, TokenCasePage, before=before, older=last),
                buttons.back(words),
            ),
        )
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view, close = allowed(RESOLVE), allowed(RESOLVE, audits="token_case.")
    router = Router(name="strange_tokens")
    taps = router.callback_query
    taps.register(newest, Go.filter(F.to == "tokens"), flags=view)
    taps.register(older, TokenCasePage.filter(), flags=view)
    taps.register(offer, AskWhy.filter(F.task == TOKEN), flags=view)
    taps.register(because, Because.filter(F.task == TOKEN), flags=close)
    router.message.register(because_own, StateFilter(Ask.note_token), TYPED, flags=close)
    return router
