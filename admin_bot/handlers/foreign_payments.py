"""One payment of what left without us: a withdrawal of ours, cold storage, or a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import (
    ForeignSendCard,
    OpenCard,
    SentPaymentCard,
    WasCold,
    WasLost,
    WasWithdrawal,
)
from admin_bot.cards.shape import player_name
from admin_bot.desk import Desk
from admin_bot.reasons import own
from casino import clock, ids
from casino.cashier import foreign_payments, foreign_sends, rails, withdrawals
from casino.errors import NotFound
from casino.ledger.chart import has_cold_wallet
from casino.players import identity
from casino.staff.people import Member
from casino.staff.roles import Permission, allows
from messaging.addresses import shown_address
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.foreign_sends import ForeignSend, SentPayment
    from casino.cashier.withdrawals import Withdrawal
    from casino.players.identity import Player
    from messaging.buttons import Row

DECIDE, BOOK = Permission.WITHDRAWALS_DECIDE, Permission.TREASURY_SET
KEY = "foreign_loss"


async def show(
    _tap: CallbackQuery,
    callback_data: SentPaymentCard,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """What it may have been: withdrawals of the same address and amount, or cold storage."""
    await state.clear()
    mark, position = callback_data.mark, callback_data.position
    async with desk.database.transaction() as session:
        send, paid = await _find(session, mark, position)
        final = await foreign_payments.is_final(session, send)
        settled = await foreign_payments.settled(
            session, account=send.account, tx_hash=send.tx_hash
        )
        done = settled.get(position)
        fitting = await foreign_payments.candidates(session, paid=paid) if done is None else ()
        players = {
            one.player_id: await identity.get(session, player_id=one.player_id) for one in fitting
        }
        amount = await _amount(session, paid, words)
    payable = [one for one in fitting if one.status in foreign_payments.PAYABLE]
    busy = [one for one in fitting if one.status not in foreign_payments.PAYABLE]
    open_ = done is None and final
    to_cold = open_ and allows(member, BOOK) and has_cold_wallet(paid.rail or "")
    rows: tuple[Row, ...] = (
        *(
            (
                tap(
                    words.plain(
                        "admin.foreign.was", withdrawal=_label(one, players[one.player_id], words)
                    ),
                    WasWithdrawal(mark=mark, position=position, withdrawal=one.id, sure=False),
                ),
            )
            for one in payable
            if open_
        ),
        (
            tap(
                words.plain("admin.button.was_cold"),
                WasCold(mark=mark, position=position, sure=False),
            ),
        )
        if to_cold
        else (),
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.foreign.payment", amount=amount),
                shown_address(paid.to) if paid.to else None,
                words.say(f"admin.foreign.settled_{done.what}") if done is not None else None,
                None if final else words.say("admin.foreign.not_final"),
                words.say("admin.foreign.pick" if payable else "admin.foreign.nobodys")
                if open_
                else None,
                *(words.say("admin.foreign.under_way", id=ids.public(one.id)) for one in busy),
            ),
            (*rows, (tap(words.plain("admin.button.back"), ForeignSendCard(mark=mark)),)),
        )
    )


async def ask_withdrawal(
    _tap: CallbackQuery, callback_data: WasWithdrawal, words: Words, talk: Talk, desk: Desk
) -> None:
    """The last look before a withdrawal counts as paid."""
    async with desk.database.transaction() as session:
        found = await withdrawals.get(session, withdrawal_id=callback_data.withdrawal)
        player = await identity.get(session, player_id=found.player_id)
    sure = callback_data.model_copy(update={"sure": True})
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.foreign.sure", withdrawal=_label(found, player, words)),
                words.say("admin.withdrawal.memo", memo=found.memo) if found.memo else None,
                words.say("admin.foreign.sure_body"),
            ),
            (
                (tap(words.plain("admin.button.was_withdrawal"), sure, style=buttons.DANGER),),
                (
                    tap(
                        words.plain("admin.button.open_card"),
                        OpenCard(subject=f"withdrawal:{found.id}"),
                    ),
                ),
                _back(callback_data.mark, callback_data.position, words),
            ),
        )
    )


async def settle_withdrawal(
    _tap: CallbackQuery,
    callback_data: WasWithdrawal,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Book the withdrawal as paid, or wait for the second person."""
    mark, position = callback_data.mark, callback_data.position
    async with desk.database.transaction() as session:
        send = await foreign_sends.find(session, mark=mark)
        booked = await foreign_payments.book_withdrawal(
            session,
            account=send.account,
            tx_hash=send.tx_hash,
            position=position,
            withdrawal_id=callback_data.withdrawal,
            member=member,
            now=clock.utc_now(),
        )
    told = words.plain("admin.foreign.booked" if booked else "admin.foreign.one_more")
    await _after(talk, words, mark, told)
    return Toast(told, alert=not booked)


async def ask_cold(
    _tap: CallbackQuery, callback_data: WasCold, words: Words, talk: Talk, desk: Desk
) -> None:
    """The last look before an address counts as the house's own."""
    async with desk.database.transaction() as session:
        _send, paid = await _find(session, callback_data.mark, callback_data.position)
        amount = await _amount(session, paid, words)
    sure = callback_data.model_copy(update={"sure": True})
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.foreign.cold_sure", amount=amount),
                shown_address(paid.to),
                words.say("admin.foreign.cold_body"),
            ),
            (
                (tap(words.plain("admin.button.was_cold_sure"), sure, style=buttons.DANGER),),
                _back(callback_data.mark, callback_data.position, words),
            ),
        )
    )


async def settle_cold(
    _tap: CallbackQuery,
    callback_data: WasCold,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Book a move to cold storage that a person has made."""
    async with desk.acting(member, BOOK) as session:
        send = await foreign_sends.find(session, mark=callback_data.mark)
        await foreign_payments.book_cold(
            session,
            account=send.account,
            tx_hash=send.tx_hash,
            position=callback_data.position,
            member=member,
            now=clock.utc_now(),
        )
    told = words.plain("admin.foreign.cold_done")
    await _after(talk, words, callback_data.mark, told)
    return Toast(told)


async def ask_loss(
    _tap: CallbackQuery,
    callback_data: WasLost,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """Ask why it is lost; the next message is the answer and books it."""
    async with desk.database.transaction() as session:
        send = await foreign_sends.find(session, mark=callback_data.mark)
        settled = await foreign_payments.settled(
            session, account=send.account, tx_hash=send.tx_hash
        )
        left = [paid for place, paid in enumerate(send.payments) if place not in settled]
        amounts = [await _amount(session, paid, words) for paid in left if paid.rail]
    await state.set_state(Ask.foreign_loss)
    await state.set_data({KEY: callback_data.mark})
    await talk.send(
        Screen(
            words.say("admin.foreign.ask_loss", amounts=", ".join(amounts)),
            (buttons.back(words, "foreign"),),
        )
    )


async def loss_given(
    message: Message, member: Member, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """Book what is not settled against the house's capital."""
    mark = (await state.get_data()).get(KEY)
    reason = own(message.text)
    await state.clear()
    if not isinstance(mark, str):
        return Toast(words.plain("admin.forgotten"))
    async with desk.acting(member, BOOK) as session:
        send = await foreign_sends.find(session, mark=mark)
        await foreign_payments.book_loss(
            session,
            account=send.account,
            tx_hash=send.tx_hash,
            member=member,
            reason=reason,
            now=clock.utc_now(),
        )
    await talk.send(_done(words, mark, words.plain("admin.foreign.loss_done")))
    return None


async def _find(session: AsyncSession, mark: str, position: int) -> tuple[ForeignSend, SentPayment]:
    send = await foreign_sends.find(session, mark=mark)
    if not 0 <= position < len(send.payments):
        raise NotFound(thing="foreign_payment", key=position)
    return send, send.payments[position]


async def _amount(session: AsyncSession, paid: SentPayment, words: Words) -> str:
    if paid.rail is None:
        return str(paid.units)
    return words.units(paid.units, (await rails.get_rail(session, paid.rail)).asset)


async def _after(talk: Talk, words: Words, mark: str, told: str) -> None:
    await talk.show(_done(words, mark, told))


def _done(words: Words, mark: str, told: str) -> Screen:
    again = ForeignSendCard(mark=mark)
    return Screen(
        words.say("admin.told", text=told),
        (
            (tap(words.plain("admin.button.foreign_rest"), again, style=buttons.PRIMARY),),
            buttons.back(words),
        ),
    )


def _back(mark: str, position: int, words: Words) -> Row:
    return (tap(words.plain("admin.button.back"), SentPaymentCard(mark=mark, position=position)),)


def _label(found: Withdrawal, player: Player, words: Words) -> str:
    return f"{words.units(found.net_units, found.asset)} · {player_name(player)}"


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view, book = allowed(DECIDE), allowed(BOOK)
    router = Router(name="foreign_payments")
    taps = router.callback_query
    taps.register(show, SentPaymentCard.filter(), flags=view)
    taps.register(ask_withdrawal, WasWithdrawal.filter(~F.sure), flags=view)
    taps.register(
        settle_withdrawal,
        WasWithdrawal.filter(F.sure),
        flags=allowed(DECIDE, audits="foreign_send."),
    )
    taps.register(ask_cold, WasCold.filter(~F.sure), flags=book)
    taps.register(settle_cold, WasCold.filter(F.sure), flags=allowed(BOOK, audits="foreign_send."))
    taps.register(ask_loss, WasLost.filter(), flags=book)
    router.message.register(
        loss_given,
        StateFilter(Ask.foreign_loss),
        TYPED,
        flags=allowed(BOOK, audits="foreign_send."),
    )
    return router
