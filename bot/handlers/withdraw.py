"""Money out, step by step: rail, amount, address, check, confirm.

What was typed waits in chat state. The confirm button carries the token of a reference made when
the check screen was shown; however often it is tapped, that reference leads to one withdrawal.
"""

from __future__ import annotations

from uuid import UUID

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.asking import LIVING, TYPED, Ask
from bot.callbacks import Go, WithdrawCancel, WithdrawConfirm, WithdrawFrom, WithdrawShare
from bot.drafts import Draft, own_addresses
from bot.house import House
from bot.notices import ASKED_IN_CHAT
from bot.wallet import read_purse
from casino import clock, ids
from casino.cashier import rails, withdrawals
from casino.cashier.rails import Rail
from casino.cashier.withdrawals import Quote, Withdrawal
from casino.errors import BadAmount, BelowMinimum, InsufficientFunds
from casino.money import Money
from casino.players.identity import Player
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, code, paragraphs
from payments.addresses import in_chunks, require_payable

SHARES = (25, 50, 100)
MEMO_MAX = 120


async def choose(
    _event: Message | CallbackQuery,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """Which asset to withdraw, with what can be withdrawn of each."""
    await state.clear()
    async with house.database.transaction() as session:
        offered = [rail for rail in await rails.list_rails(session) if rail.withdrawals_enabled]
        purse = await read_purse(session, player_id=player.id, now=clock.utc_now())
    lines = [
        words.say("bot.withdraw.can", amount=words.amount(purse.withdrawable(rail.asset)))
        for rail in offered
    ]
    rows = [
        (tap(words.plain(f"rail.{rail.name}"), WithdrawFrom(rail=rail.name)),) for rail in offered
    ]
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.withdraw.title"),
                *lines,
                words.say("bot.withdraw.choose" if offered else "bot.withdraw.none"),
            ),
            (*rows, buttons.back(words)),
        )
    )


async def begin(
    _tap: CallbackQuery,
    callback_data: WithdrawFrom,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """Ask for the amount."""
    async with house.database.transaction() as session:
        rail = await rails.get_rail(session, callback_data.rail)
        purse = await read_purse(session, player_id=player.id, now=clock.utc_now())
    available = purse.withdrawable(rail.asset)
    shares = tuple(
        tap(
            words.plain("bot.withdraw.share", percent=percent),
            WithdrawShare(rail=rail.name, percent=percent),
        )
        for percent in SHARES
        if available.units * percent // 100 >= rail.withdrawal_min
    )
    shown = await talk.show(
        Screen(
            paragraphs(
                words.say("bot.withdraw.can", amount=words.amount(available)),
                words.say(
                    "bot.withdraw.terms",
                    minimum=words.amount(Money(rail.withdrawal_min, rail.asset)),
                    fee=words.amount(Money(rail.withdrawal_fee, rail.asset)),
                ),
                words.say("bot.withdraw.ask_amount", asset=rail.asset.value),
            ),
            (shares, buttons.back(words, "withdraw")),
        )
    )
    await state.set_state(Ask.withdraw_amount)
    await state.set_data({**Draft(rail=rail.name).stored(), LIVING: shown})


async def take_share(
    _tap: CallbackQuery,
    callback_data: WithdrawShare,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """A part of what can be withdrawn now, rounded down to two decimals unless it is all."""
    async with house.database.transaction() as session:
        rail = await rails.get_rail(session, callback_data.rail)
        purse = await read_purse(session, player_id=player.id, now=clock.utc_now())
    available = purse.withdrawable(rail.asset).units
    percent = min(max(callback_data.percent, 1), 100)
    cent = 10 ** (rail.asset.decimals - 2)
    units = available if percent == 100 else available * percent // 100 // cent * cent
    draft = Draft(rail=rail.name, units=units)
    await _ask_address(draft, player=player, words=words, talk=talk, house=house, state=state)


async def take_amount(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """A typed amount; anything but plain digits is refused and asked again."""
    draft = Draft.read(await state.get_data())
    if draft is None:
        await choose(message, player, words, talk, house, state)
        return
    async with house.database.transaction() as session:
        rail = await rails.get_rail(session, draft.rail)
    money = Money.parse(_amount_text(message.text or "", rail), rail.asset)
    draft = Draft(rail=rail.name, units=money.units)
    await _ask_address(draft, player=player, words=words, talk=talk, house=house, state=state)


async def take_address(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """A typed or pasted address, checked before anything else happens."""
    draft = Draft.read(await state.get_data())
    if draft is None:
        await choose(message, player, words, talk, house, state)
        return
    async with house.database.transaction() as session:
        ours = own_addresses(await rails.list_rails(session))
    destination = require_payable(message.text or "", own=ours, testnet=house.testnet)
    await _ask_confirmation(
        draft.to(destination), player=player, words=words, talk=talk, house=house, state=state
    )


async def ask_memo(
    _tap: CallbackQuery, words: Words, talk: Talk, state: FSMContext
) -> Toast | None:
    """Ask for the comment that an exchange wants with a transfer."""
    form = await state.get_data()
    draft = Draft.read(form)
    if draft is None or not draft.destination:
        return Toast(words.plain("bot.outdated"), alert=True)
    shown = await talk.show(
        Screen(words.say("bot.withdraw.ask_memo"), (buttons.back(words, "withdraw"),))
    )
    await state.set_state(Ask.withdraw_memo)
    await state.set_data({**form, LIVING: shown})
    return None


async def take_memo(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """The comment, then the check screen again, under a new reference."""
    draft = Draft.read(await state.get_data())
    if draft is None or not draft.destination:
        await choose(message, player, words, talk, house, state)
        return
    memo = " ".join((message.text or "").split())
    if len(memo.encode()) > MEMO_MAX:
        await talk.show(
            Screen(
                words.say("bot.withdraw.memo_long", count=MEMO_MAX),
                (buttons.back(words, "withdraw"),),
            )
        )
        return
    await _ask_confirmation(
        draft.with_memo(memo), player=player, words=words, talk=talk, house=house, state=state
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
    async with house.database.transaction() as session:
        rail = await rails.get_rail(session, draft.rail)
        withdrawal = await withdrawals.request(
            session,
            player_id=player.id,
            rail=draft.rail,
            units=draft.units,
            destination=draft.destination,
            memo=draft.memo,
            reference=draft.reference,
            quoted_fee=draft.fee,
            asked_in=ASKED_IN_CHAT,
            now=clock.utc_now(),
        )
    await state.set_state(None)
    await talk.show(requested_screen(withdrawal, rail, words))
    return Toast(words.plain("bot.withdraw.requested_toast"))


async def cancel(
    _tap: CallbackQuery,
    callback_data: WithdrawCancel,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast:
    """Take a withdrawal back while nobody has approved it."""
    async with house.database.transaction() as session:
        withdrawal = await withdrawals.cancel(
            session,
            withdrawal_id=callback_data.withdrawal,
            player_id=player.id,
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


def requested_screen(withdrawal: Withdrawal, rail: Rail, words: Words) -> Screen:
    """A withdrawal that waits for the desk."""
    return Screen(
        paragraphs(
            words.say(
                "bot.withdraw.requested",
                amount=words.amount(Money(withdrawal.units, rail.asset)),
            ),
            words.say(
                "bot.withdraw.net",
                net=words.amount(Money(withdrawal.net_units, rail.asset)),
                fee=words.amount(Money(withdrawal.fee_units, rail.asset)),
            ),
            words.say("bot.withdraw.to", address=code(in_chunks(withdrawal.destination))),
            words.say("bot.withdraw.next"),
        ),
        (
            (buttons.go(words, "history", style="primary"),),
            (tap(words.plain("bot.button.take_back"), WithdrawCancel(withdrawal=withdrawal.id)),),
            buttons.back(words),
        ),
    )


async def _quote(house: House, player: Player, draft: Draft) -> tuple[Rail, Quote]:
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
        quote = await withdrawals.quote(
            session, player_id=player.id, rail=draft.rail, units=draft.units, now=now
        )
    return rail, quote


async def _ask_address(
    draft: Draft, *, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    rail, quote = await _quote(house, player, draft)
    old = (await state.get_data()).get(LIVING)
    shown = await talk.show(
        Screen(
            paragraphs(
                words.say(
                    "bot.withdraw.amount", amount=words.amount(Money(draft.units, rail.asset))
                ),
                words.say(
                    "bot.withdraw.net",
                    net=words.amount(Money(quote.net, rail.asset)),
                    fee=words.amount(Money(quote.fee, rail.asset)),
                ),
                words.say("bot.withdraw.ask_address", rail=words.plain(f"rail.{rail.name}")),
            ),
            (buttons.back(words, "withdraw"),),
        ),
        instead_of=old,
    )
    await state.set_state(Ask.withdraw_address)
    await state.set_data({**draft.stored(), LIVING: shown})


async def _ask_confirmation(
    draft: Draft, *, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    rail, quote = await _quote(house, player, draft)
    draft = draft.under(ids.new_reference(), fee=quote.fee)
    old = (await state.get_data()).get(LIVING)
    # The draft is stored before its button exists: a tap can never find another draft.
    await state.set_state(None)
    await state.set_data({**draft.stored(), LIVING: old})
    await talk.show(
        Screen(
            paragraphs(
                words.say(
                    "bot.withdraw.check", amount=words.amount(Money(draft.units, rail.asset))
                ),
                words.say(
                    "bot.withdraw.net",
                    net=words.amount(Money(quote.net, rail.asset)),
                    fee=words.amount(Money(quote.fee, rail.asset)),
                ),
                words.say("bot.withdraw.to", address=code(in_chunks(draft.destination))),
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
                (buttons.go(words, "withdraw_memo"),),
                buttons.back(words, "withdraw"),
            ),
        ),
        instead_of=old,
    )


def _amount_text(text: str, rail: Rail) -> str:
    """What was typed without the unit behind it."""
    return text.strip().upper().removesuffix(rail.asset).strip()


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="withdraw")
    router.message.register(choose, Command("withdraw"))
    router.callback_query.register(choose, Go.filter(F.to == "withdraw"))
    router.callback_query.register(begin, WithdrawFrom.filter())
    router.callback_query.register(take_share, WithdrawShare.filter())
    router.message.register(take_amount, Ask.withdraw_amount, TYPED)
    router.message.register(take_address, Ask.withdraw_address, TYPED)
    router.callback_query.register(ask_memo, Go.filter(F.to == "withdraw_memo"))
    router.message.register(take_memo, Ask.withdraw_memo, TYPED)
    router.callback_query.register(confirm, WithdrawConfirm.filter())
    router.callback_query.register(cancel, WithdrawCancel.filter())
    return router
