"""Coins without an owner: given to a player, booked as the house's, or noted for later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import (
    Adopt,
    Assign,
    FindOwner,
    FromCold,
    Go,
    OpenCard,
    UnclaimedPage,
    WriteNote,
)
from admin_bot.cards.hanging import redraw, too_late
from admin_bot.cards.money_in import find_waiting
from admin_bot.cards.shape import player_name
from admin_bot.desk import Desk
from admin_bot.reasons import own
from casino import audit, clock
from casino.cashier import cold_returns, deposits, treasury, unclaimed
from casino.errors import Conflict, NotFound
from casino.players import identity
from casino.staff.cards import changed
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

RESOLVE = Permission.DEPOSITS_RESOLVE
PAGE = 6
KEY = "unclaimed"

Deed = Callable[..., Awaitable[None]]
"""What is done to a transfer in a session, at a moment."""


async def unclaimed_list(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Transfers without an owner, the newest first."""
    await state.clear()
    await _show_unclaimed(0, words=words, talk=talk, desk=desk)


async def unclaimed_page(
    _tap: CallbackQuery, callback_data: UnclaimedPage, words: Words, talk: Talk, desk: Desk
) -> None:
    """An older page of them."""
    await _show_unclaimed(callback_data.before, words=words, talk=talk, desk=desk)


async def find_owner(
    _tap: CallbackQuery,
    callback_data: FindOwner,
    words: Words,
    talk: Talk,
    state: FSMContext,
) -> None:
    """Ask whose it is; the next message is looked up."""
    await state.set_state(Ask.owner)
    await state.set_data({KEY: callback_data.unclaimed})
    await talk.send(Screen(words.say("admin.unclaimed.ask_owner"), (buttons.back(words),)))


async def owner_given(
    message: Message, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """Those who match, each as a button that asks once more."""
    unclaimed_id = (await state.get_data()).get(KEY)
    if not isinstance(unclaimed_id, int):
        await state.clear()
        return Toast(words.plain("admin.forgotten"))
    async with desk.database.transaction() as session:
        players = await identity.search(session, text=message.text or "")
    rows = tuple(
        (
            tap(
                f"{player_name(player)} · {player.telegram_id}",
                Assign(unclaimed=unclaimed_id, player=player.id, sure=False),
            ),
        )
        for player in players
    )
    text = (
        words.say("admin.players.found", count=len(players))
        if players
        else words.say("admin.players.nobody")
    )
    await talk.send(Screen(text, (*rows, buttons.back(words))))
    return None


async def ask_assign(
    _tap: CallbackQuery, callback_data: Assign, words: Words, talk: Talk, desk: Desk
) -> None:
    """What would be given to whom: the last look before it is done."""
    async with desk.database.transaction() as session:
        found = await find_waiting(session, unclaimed_id=callback_data.unclaimed)
        player = await identity.get(session, player_id=callback_data.player)
    if found is None:
        raise NotFound(thing="unclaimed", key=callback_data.unclaimed)
    sure = Assign(unclaimed=found.id, player=player.id, sure=True)
    await talk.show(
        Screen(
            paragraphs(
                words.say(
                    "admin.unclaimed.sure",
                    amount=words.units(found.units, found.asset),
                    player=player_name(player),
                ),
                words.say("admin.unclaimed.sure_body"),
            ),
            (
                (tap(words.plain("admin.button.assign"), sure, style=buttons.SUCCESS),),
                buttons.back(words, "unclaimed"),
            ),
        )
    )


async def assign(
    _tap: CallbackQuery,
    callback_data: Assign,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast:
    """Give the transfer to the player, as a deposit of his."""
    await state.clear()
    subject = f"unclaimed:{callback_data.unclaimed}"
    now = clock.utc_now()
    try:
        async with desk.database.transaction() as session:
            deposit = await deposits.resolve_unclaimed(
                session,
                unclaimed_id=callback_data.unclaimed,
                player_id=callback_data.player,
                actor=f"staff:{member.id}",
                now=now,
            )
            await desk.require(session, member, RESOLVE)
            await audit.append(
                session,
                actor=f"staff:{member.id}",
                action="unclaimed.assigned",
                subject=subject,
                after={"player_id": callback_data.player, "deposit_id": deposit.id},
                now=now,
            )
            await changed(session, subject=subject)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain(f"admin.unclaimed.assigned_{deposit.status}"), alert=True)


async def ask_adopt(
    _tap: CallbackQuery, callback_data: Adopt, words: Words, talk: Talk, desk: Desk
) -> None:
    """Is it really the house's own money?"""
    sure = callback_data.model_copy(update={"sure": True})
    await _ask_sure(sure, "admin.unclaimed.adopt_sure", "adopt", words=words, talk=talk, desk=desk)


async def adopt(
    _tap: CallbackQuery,
    callback_data: Adopt,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Book the transfer as the house's capital."""
    deed = partial(
        treasury.adopt_unclaimed,
        unclaimed_id=callback_data.unclaimed,
        actor=f"staff:{member.id}",
    )
    subject = f"unclaimed:{callback_data.unclaimed}"
    try:
        await _do(deed, subject, "adopted", Permission.STAFF_MANAGE, member=member, desk=desk)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.unclaimed.adopted"))


async def ask_from_cold(
    _tap: CallbackQuery, callback_data: FromCold, words: Words, talk: Talk, desk: Desk
) -> None:
    """Did cold storage really send it?"""
    sure = callback_data.model_copy(update={"sure": True})
    await _ask_sure(
        sure, "admin.treasury.back_sure", "from_cold_sure", words=words, talk=talk, desk=desk
    )


async def from_cold(
    _tap: CallbackQuery,
    callback_data: FromCold,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Book the transfer as one that came back from cold storage."""
    deed = partial(cold_returns.book_unclaimed, unclaimed_id=callback_data.unclaimed, member=member)
    subject = f"unclaimed:{callback_data.unclaimed}"
    try:
        await _do(deed, subject, "from_cold", Permission.TREASURY_SET, member=member, desk=desk)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.treasury.back_done"))


async def ask_note(
    _tap: CallbackQuery,
    callback_data: WriteNote,
    words: Words,
    talk: Talk,
    state: FSMContext,
) -> None:
    """Ask what is known of it; the next message is kept on the card."""
    await state.set_state(Ask.note_unclaimed)
    await state.set_data({KEY: callback_data.unclaimed})
    await talk.send(Screen(words.say("admin.unclaimed.ask_note"), (buttons.back(words),)))


async def note_given(
    message: Message, member: Member, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast:
    """Keep the note, for everybody who opens the card."""
    unclaimed_id = (await state.get_data()).get(KEY)
    await state.clear()
    if not isinstance(unclaimed_id, int):
        return Toast(words.plain("admin.forgotten"))
    subject = f"unclaimed:{unclaimed_id}"
    try:
        async with desk.database.transaction() as session:
            await unclaimed.write_note(
                session,
                unclaimed_id=unclaimed_id,
                note=own(message.text),
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
            await desk.require(session, member, RESOLVE)
            await changed(session, subject=subject)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.unclaimed.noted"))


async def _ask_sure(
    sure: Adopt | FromCold, question: str, button: str, *, words: Words, talk: Talk, desk: Desk
) -> None:
    """The last look before a transfer is the house's."""
    async with desk.database.transaction() as session:
        found = await find_waiting(session, unclaimed_id=sure.unclaimed)
    if found is None:
        raise NotFound(thing="unclaimed", key=sure.unclaimed)
    await talk.send(
        Screen(
            words.say(question, amount=words.units(found.units, found.asset)),
            (
                (tap(words.plain(f"admin.button.{button}"), sure, style=buttons.DANGER),),
                buttons.back(words, "unclaimed"),
            ),
        )
    )


async def _do(
    deed: Deed, subject: str, what: str, permission: Permission, *, member: Member, desk: Desk
) -> None:
    """Decide on a transfer, audited, and bring its cards up to date."""
    now = clock.utc_now()
    async with desk.database.transaction() as session:
        await deed(session, now=now)
        await desk.require(session, member, permission)
        await audit.append(
            session,
            actor=f"staff:{member.id}",
            action=f"unclaimed.{what}",
            subject=subject,
            now=now,
        )
        await changed(session, subject=subject)


async def _show_unclaimed(before: int, *, words: Words, talk: Talk, desk: Desk) -> None:
    async with desk.database.transaction() as session:
        found = await deposits.list_unclaimed(session, before_id=before or None, limit=PAGE + 1)
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.unclaimed.line",
                    amount=words.units(each.units, each.asset),
                    moment=words.moment(each.sent_at),
                ),
                OpenCard(subject=f"unclaimed:{each.id}"),
            ),
        )
        for each in found[:PAGE]
    )
    older = found[PAGE - 1].id if len(found) > PAGE else None
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.unclaimed.queue"),
                words.say("admin.unclaimed.none" if not found else "admin.unclaimed.pick"),
            ),
            (
                *rows,
                buttons.turning(words, UnclaimedPage, before=before, older=older),
                buttons.back(words),
            ),
        )
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view, owner = allowed(RESOLVE), Permission.STAFF_MANAGE
    acting = allowed(RESOLVE, audits="unclaimed.")
    router = Router(name="unclaimed")
    taps, said = router.callback_query, router.message
    taps.register(unclaimed_list, Go.filter(F.to == "unclaimed"), flags=view)
    taps.register(unclaimed_page, UnclaimedPage.filter(), flags=view)
    taps.register(find_owner, FindOwner.filter(), flags=view)
    said.register(owner_given, StateFilter(Ask.owner), TYPED, flags=view)
    taps.register(ask_assign, Assign.filter(~F.sure), flags=view)
    taps.register(assign, Assign.filter(F.sure), flags=acting)
    taps.register(ask_note, WriteNote.filter(), flags=view)
    said.register(note_given, StateFilter(Ask.note_unclaimed), TYPED, flags=acting)
    taps.register(ask_adopt, Adopt.filter(~F.sure), flags=allowed(owner))
    taps.register(adopt, Adopt.filter(F.sure), flags=allowed(owner, audits="unclaimed."))
    cold = Permission.TREASURY_SET
    taps.register(ask_from_cold, FromCold.filter(~F.sure), flags=allowed(cold))
    taps.register(from_cold, FromCold.filter(F.sure), flags=allowed(cold, audits="unclaimed."))
    return router
