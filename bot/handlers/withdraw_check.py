"""The last look before a withdrawal: what it costs until when, where it goes; yes, and never mind.

The confirm button carries the token of a reference made when the check screen was shown; however
often it is tapped, that reference leads to one withdrawal, at the fee of the quote on the screen.
When the quote has run out, the tap brings the same screen with a new one.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from aiogram import Router
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery

from bot import buttons
from bot.asking import LIVING
from bot.callbacks import WithdrawCancel, WithdrawConfirm
from bot.drafts import Draft
from bot.house import House
from bot.notices import ASKED_IN_CHAT
from bot.wallet import read_purse
from casino import clock, ids
from casino.cashier import quotes, rails, saved_addresses, withdrawals
from casino.cashier.quotes import Quote
from casino.cashier.rails import Rail
from casino.cashier.withdrawals import Withdrawal
from casino.errors import BadAmount, BelowMinimum, InsufficientFunds, QuoteExpired
from casino.money import Money
from casino.players.identity import Player
from messaging.addresses import shown_address
from messaging.buttons import copy, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, code, paragraphs


async def quote_of(draft: Draft, *, house: House, player: Player) -> tuple[Rail, Quote]:
    """The rail and what the draft would cost; raises what stands in its way already now."""
    now = clock.utc_now()
    async with house.database.transaction() as session:
        rail = await rails.get_rail(session, draft.rail)
        purse = await read_purse(session, player_id=player.id, now=now)
        available = purse.withdrawable(rail.asset).units
        if draft.units <= 0:
            raise BadAmount(units=draft.units)
        if draft.units < rail.withdrawal_min:
            raise BelowMinimum(minimum=rail.withdrawal_min, asset=rail.asset)
        if draft.units > available:
            raise InsufficientFunds(available=available, asset=rail.asset)
        quote = await quotes.make(
            session, player_id=player.id, rail=draft.rail, units=draft.units, now=now
        )
    return rail, quote


def fee_lines(quote: Quote, words: Words) -> Markup:
    """What arrives, what it costs, and how long that is promised."""
    return paragraphs(
        words.say(
            "bot.withdraw.net",
            net=words.amount(Money(quote.net, quote.asset)),
            fee=words.amount(Money(quote.fee, quote.asset)),
        ),
        words.say(
            "bot.withdraw.quote",
            count=(quote.expires_at - quote.made_at) // timedelta(minutes=1),
            moment=words.clock(quote.expires_at),
        ),
    )


async def ask_confirmation(
    draft: Draft,
    *,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
    is_requoted: bool = False,
) -> None:
    """The check screen of a draft, with a new quote, under a new reference."""
    rail, quote = await quote_of(draft, house=house, player=player)
    async with house.database.transaction() as session:
        saved = await saved_addresses.find(
            session, player_id=player.id, rail=draft.rail, destination=draft.destination
        )
    draft = draft.under(ids.new_reference(), quote=quote.id)
    old = (await state.get_data()).get(LIVING)
    # The draft is stored before its button exists: a tap can never find another draft.
    await state.set_state(None)
    await state.set_data({**draft.stored(), LIVING: old})
    address = shown_address(draft.destination)
    await talk.show(
        Screen(
            paragraphs(
                words.say(
                    "bot.withdraw.check", amount=words.amount(Money(draft.units, rail.asset))
                ),
                words.say("bot.rail", rail=words.plain(f"rail.{rail.name}")),
                words.say("bot.withdraw.requoted") if is_requoted else None,
                fee_lines(quote, words),
                words.say("bot.withdraw.to_saved", label=saved.label, address=address)
                if saved
                else words.say("bot.withdraw.to", address=address),
                words.say("bot.withdraw.memo", memo=code(draft.memo)) if draft.memo else None,
                words.say("bot.withdraw.final"),
            ),
            (
                (
                    tap(
                        words.plain("bot.button.confirm"),
                        WithdrawConfirm(token=token_of(draft.reference)),
                        style="success",
                    ),
                ),
                (copy(words.plain("bot.button.copy_address"), draft.destination),),
                *(((buttons.go(words, "withdraw_memo"),),) if rail.takes_memo else ()),
                buttons.back(words, "withdraw"),
            ),
        ),
        instead_of=old,
    )


async def confirm(
    _tap: CallbackQuery,
    callback_data: WithdrawConfirm,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> Toast | None:
    """Request the withdrawal under the button's reference, once however often it is tapped.

    The draft is kept: a repeated tap finds it, asks for the same thing under the same reference
    and is shown the same withdrawal.
    """
    draft = Draft.read(await state.get_data())
    if draft is None or not draft.reference or token_of(draft.reference) != callback_data.token:
        return Toast(words.plain("bot.withdraw.outdated"), alert=True)
    try:
        async with house.database.transaction() as session:
            rail = await rails.get_rail(session, draft.rail)
            withdrawal = await withdrawals.request(
                session,
                player_id=player.id,
                rail=draft.rail,
                units=draft.units,
                destination=draft.destination,
                memo=draft.memo,
                quote_id=draft.quote,
                reference=draft.reference,
                asked_in=ASKED_IN_CHAT,
                now=clock.utc_now(),
            )
            saved = await saved_addresses.find(
                session, player_id=player.id, rail=draft.rail, destination=draft.destination
            )
    except QuoteExpired:
        await ask_confirmation(
            draft,
            player=player,
            words=words,
            talk=talk,
            house=house,
            state=state,
            is_requoted=True,
        )
        return Toast(words.plain("refusal.quote_expired"), alert=True)
    await state.set_state(None)
    await talk.show(requested_screen(withdrawal, rail, words, is_saved=saved is not None))
    return Toast(words.plain("bot.withdraw.requested_toast"))


async def cancel(
    _tap: CallbackQuery,
    callback_data: WithdrawCancel,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast:
    """Take a withdrawal back that the sender has not claimed yet."""
    async with house.database.transaction() as session:
        withdrawal = await withdrawals.cancel(
            session,
            withdrawal_id=callback_data.withdrawal,
            player_id=player.id,
            asked_in=ASKED_IN_CHAT,
            now=clock.utc_now(),
        )
    amount = words.amount(Money(withdrawal.units, withdrawal.asset))
    await talk.show(
        Screen(
            words.say("bot.withdraw.cancelled", amount=amount),
            ((buttons.go(words, "withdraw"), buttons.go(words, "history")), buttons.back(words)),
        )
    )
    return Toast(words.plain("bot.withdraw.cancelled_toast"))


def token_of(reference: str) -> str:
    """A reference as a button carries it."""
    return UUID(reference).hex


def requested_screen(withdrawal: Withdrawal, rail: Rail, words: Words, *, is_saved: bool) -> Screen:
    """A withdrawal that waits for the desk."""
    return Screen(
        paragraphs(
            words.say(
                "bot.withdraw.requested",
                amount=words.amount(Money(withdrawal.units, rail.asset)),
            ),
            words.say("bot.rail", rail=words.plain(f"rail.{rail.name}")),
            words.say(
                "bot.withdraw.net",
                net=words.amount(Money(withdrawal.net_units, rail.asset)),
                fee=words.amount(Money(withdrawal.fee_units, rail.asset)),
            ),
            words.say("bot.withdraw.to", address=shown_address(withdrawal.destination)),
            words.say("bot.withdraw.next"),
        ),
        (
            (buttons.go(words, "history", style="primary"),),
            *(() if is_saved else ((buttons.go(words, "save_address"),),)),
            (tap(words.plain("bot.button.take_back"), WithdrawCancel(withdrawal=withdrawal.id)),),
            buttons.back(words),
        ),
    )


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="withdraw_check")
    router.callback_query.register(confirm, WithdrawConfirm.filter())
    router.callback_query.register(cancel, WithdrawCancel.filter())
    return router
