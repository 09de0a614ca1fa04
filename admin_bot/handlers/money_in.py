"""Deposits that need a person: held ones, and withdrawals that a vanished one has frozen."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.callbacks import Go, OpenCard, Release, Unfreeze
from admin_bot.cards.hanging import redraw, too_late
from admin_bot.cards.shape import player_name
from admin_bot.desk import Desk
from casino import clock
from casino.cashier import deposits, freezes
from casino.errors import Conflict
from casino.players import identity
from casino.staff.cards import changed
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

RESOLVE = Permission.DEPOSITS_RESOLVE
DECIDE = Permission.WITHDRAWALS_DECIDE
PAGE = 6


async def held_list(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Held deposits, the oldest first."""
    await state.clear()
    async with desk.database.transaction() as session:
        held = await deposits.list_held(session, limit=PAGE + 1)
        players = [await identity.get(session, player_id=each.player_id) for each in held]
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.held.line",
                    amount=words.units(each.units, each.asset),
                    player=player_name(player),
                ),
                OpenCard(subject=f"deposit:{each.id}"),
            ),
        )
        for each, player in zip(held[:PAGE], players, strict=False)
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.held.queue"),
                words.say("admin.held.none" if not held else "admin.held.pick"),
            ),
            (*rows, buttons.back(words)),
        )
    )


async def release(
    _tap: CallbackQuery,
    callback_data: Release,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Make a held deposit playable, where the player's own limits and exclusions allow it."""
    subject = f"deposit:{callback_data.deposit}"
    try:
        async with desk.database.transaction() as session:
            await deposits.release_held(
                session,
                deposit_id=callback_data.deposit,
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
            await desk.require(session, member, RESOLVE)
            await changed(session, subject=subject)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.held.released"))


async def ask_unfreeze(
    _tap: CallbackQuery, callback_data: Unfreeze, words: Words, talk: Talk, desk: Desk
) -> None:
    """Whose withdrawals would go on: the last look before it is done."""
    async with desk.database.transaction() as session:
        player = await identity.get(session, player_id=callback_data.player)
    sure = Unfreeze(player=player.id, sure=True)
    await talk.send(
        Screen(
            words.say("admin.unfreeze.sure", player=player_name(player)),
            (
                (tap(words.plain("admin.button.unfreeze"), sure, style=buttons.DANGER),),
                buttons.back(words),
            ),
        )
    )


async def unfreeze(
    _tap: CallbackQuery, callback_data: Unfreeze, member: Member, words: Words, desk: Desk
) -> Toast:
    """Let the player withdraw again."""
    try:
        async with desk.database.transaction() as session:
            await freezes.lift(
                session,
                player_id=callback_data.player,
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
            await desk.require(session, member, DECIDE)
    except Conflict:
        return Toast(words.plain("admin.unfreeze.late"))
    return Toast(words.plain("admin.unfreeze.done"), alert=True)


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view = allowed(RESOLVE)
    router = Router(name="money_in")
    taps = router.callback_query
    taps.register(held_list, Go.filter(F.to == "held"), flags=view)
    taps.register(ask_unfreeze, Unfreeze.filter(~F.sure), flags=allowed(DECIDE))
    taps.register(unfreeze, Unfreeze.filter(F.sure), flags=allowed(DECIDE, audits="player."))
    taps.register(release, Release.filter(), flags=allowed(RESOLVE, audits="deposit."))
    return router
