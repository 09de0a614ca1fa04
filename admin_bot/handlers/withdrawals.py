"""The withdrawal queue: yes by signed order, no with a reason, a way on for dead payments."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncSession

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import Approve, AskWhy, Because, Go, OpenCard, Retry
from admin_bot.cards.hanging import redraw, too_late
from admin_bot.cards.shape import player_name
from admin_bot.cards.table import parse_subject
from admin_bot.cards.withdrawal import seen_now
from admin_bot.desk import Desk
from admin_bot.handlers.why import Asked, ask_own, offer, take_own
from admin_bot.reasons import OWN, REFUND, REJECT, sentence
from casino import clock
from casino.cashier import rails, recovery, withdrawals
from casino.cashier.withdrawal_states import lock
from casino.cashier.withdrawals import Withdrawal, WithdrawalStatus
from casino.errors import Conflict, IllegalMove
from casino.players import identity
from casino.staff.cards import changed
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

SHOWN = 8
VIEW = allowed(Permission.WITHDRAWALS_VIEW)
TASKS = {REJECT, REFUND}


async def queue(
    _event: Message | CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """What waits, the oldest first."""
    await state.clear()
    async with desk.database.transaction() as session:
        waiting = await withdrawals.queue(session, limit=SHOWN + 1)
        players = {
            each.player_id: await identity.get(session, player_id=each.player_id)
            for each in waiting
        }
        chains = {rail.name: rail.chain for rail in await rails.list_rails(session)}
    rows = tuple(
        (
            tap(
                words.plain(
                    _line(each),
                    amount=words.units(each.units, each.asset),
                    player=player_name(players[each.player_id]),
                    network=words.plain(f"network.{chains[each.rail]}"),
                ),
                OpenCard(subject=f"withdrawal:{each.id}"),
            ),
        )
        for each in waiting[:SHOWN]
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.withdrawals.title"),
                words.say("admin.withdrawals.none" if not waiting else "admin.withdrawals.pick"),
                words.say("admin.withdrawals.more") if len(waiting) > SHOWN else None,
            ),
            (*rows, buttons.back(words)),
        )
    )


def _line(waiting: Withdrawal) -> str:
    """The key of its line in the queue."""
    if waiting.status is WithdrawalStatus.DEAD:
        return "admin.withdrawals.line_dead"
    back = waiting.deposit_id is not None
    return "admin.withdrawals.line_return" if back else "admin.withdrawals.line"


async def approve(
    _tap: CallbackQuery,
    callback_data: Approve,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Say yes to what the card showed; anything that changed since makes the button stale."""
    subject = f"withdrawal:{callback_data.withdrawal}"
    try:
        async with desk.database.transaction() as session:
            await _require_unchanged(session, callback_data.withdrawal, callback_data.seen)
            said = await withdrawals.approve(
                session,
                withdrawal_id=callback_data.withdrawal,
                member=member,
                sign=desk.key.sign,
                now=clock.utc_now(),
            )
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    told = "admin.withdrawal.seconded" if said.needs_second else "admin.withdrawal.approved"
    return Toast(words.plain(told))


async def retry(
    _tap: CallbackQuery,
    callback_data: Retry,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Let a dead payment go out again under the order it has."""
    subject = f"withdrawal:{callback_data.withdrawal}"
    try:
        async with desk.database.transaction() as session:
            await _require_unchanged(session, callback_data.withdrawal, callback_data.seen)
            await desk.require(session, member, Permission.WITHDRAWALS_DECIDE)
            await recovery.reassign(
                session,
                withdrawal_id=callback_data.withdrawal,
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
            await changed(session, subject=subject)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.withdrawal.retried"))


async def because(
    _tap: CallbackQuery,
    callback_data: Because,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """A reason from the list decides; own words are asked for."""
    asked = Asked(callback_data.task, callback_data.subject, callback_data.seen)
    if callback_data.reason == OWN:
        await ask_own(asked, words=words, talk=talk, state=state)
        return None
    found = await _found(desk, asked)
    async with desk.database.transaction() as session:
        player = await identity.get(session, player_id=found.player_id)
    reason = sentence(player.language, task=asked.task, reason=callback_data.reason)
    return await _decide(asked, reason, desk=desk, member=member, words=words, talk=talk)


async def because_own(
    message: Message,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """A reason in own words."""
    taken = await take_own(message, state)
    if taken is None:
        return Toast(words.plain("admin.forgotten"))
    return await _decide(*taken, desk=desk, member=member, words=words, talk=talk)


async def _decide(
    asked: Asked, reason: str, *, desk: Desk, member: Member, words: Words, talk: Talk
) -> Toast:
    """Reject, or give the money of a dead payment back."""
    found = await _found(desk, asked)
    try:
        async with desk.database.transaction() as session:
            await _require_unchanged(session, found.id, asked.seen)
            say_no = withdrawals.reject if asked.task == REJECT else recovery.refund
            await say_no(
                session,
                withdrawal_id=found.id,
                member=member,
                reason=reason,
                now=clock.utc_now(),
            )
    except Conflict:
        return await too_late(asked.subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(asked.subject, desk=desk, member=member, words=words, talk=talk)
    done = f"{asked.task}_done" if found.deposit_id is None else "held_again"
    return Toast(words.plain(f"admin.withdrawal.{done}"))


async def _found(desk: Desk, asked: Asked) -> Withdrawal:
    _, withdrawal_id = parse_subject(asked.subject)
    async with desk.database.transaction() as session:
        return await withdrawals.get(session, withdrawal_id=withdrawal_id)


async def _require_unchanged(session: AsyncSession, withdrawal_id: int, seen: str) -> None:
    """Lock the withdrawal; raises IllegalMove unless it is as the card showed it."""
    row = await lock(session, withdrawal_id=withdrawal_id)
    if await seen_now(session, withdrawal_id=withdrawal_id, now=clock.utc_now()) != seen:
        raise IllegalMove(thing="withdrawal", current=row.status, wanted="as shown")


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    decide = Permission.WITHDRAWALS_DECIDE
    router = Router(name="withdrawals")
    router.message.register(queue, Command("queue"), flags=VIEW)
    router.callback_query.register(queue, Go.filter(F.to == "withdrawals"), flags=VIEW)
    router.callback_query.register(
        approve, Approve.filter(), flags=allowed(decide, audits="withdrawal.")
    )
    router.callback_query.register(
        retry, Retry.filter(), flags=allowed(decide, audits="withdrawal.reassigned")
    )
    router.callback_query.register(offer, AskWhy.filter(F.task.in_(TASKS)), flags=allowed(decide))
    router.callback_query.register(
        because, Because.filter(F.task.in_(TASKS)), flags=allowed(decide, audits="withdrawal.")
    )
    router.message.register(
        because_own,
        StateFilter(Ask.reason_withdrawal),
        TYPED,
        flags=allowed(decide, audits="withdrawal."),
    )
    return router
