"""Money out, step by step: rail, amount, address, comment; then the check screen.

What was typed waits in chat state. An address is typed, or chosen among those that the player
saved or was paid to; nothing that came from a chain is ever offered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.asking import LIVING, TYPED, Ask
from bot.callbacks import Go, WithdrawFrom, WithdrawShare, WithdrawTo
from bot.drafts import Draft
from bot.handlers.withdraw_check import ask_confirmation, fee_lines, quote_of
from bot.house import House
from bot.wallet import Purse, listed, read_purse
from casino import clock
from casino.cashier import (
    destinations,
    fees,
    house_addresses,
    rails,
    saved_addresses,
    saved_only,
)
from casino.cashier.rails import Rail
from casino.errors import AddressInvalid
from casino.money import Money
from casino.players.identity import Player
from messaging.addresses import in_groups
from messaging.buttons import Row, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs
from payments.destinations import canonical_destination

SHARES = (25, 50, 100)
MEMO_MAX = 120
MARK_CHARACTERS = 12
ENDS = 2


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
        offered = [rail for rail in await rails.list_rails(session) if rail.takes_withdrawals]
        purse = await read_purse(session, player_id=player.id, now=clock.utc_now())
    assets = dict.fromkeys(rail.asset for rail in offered)
    if offered and not any(purse.withdrawable(asset).units for asset in assets):
        told = words.say("bot.withdraw.nothing")
        await talk.show(_nothing(told, purse, words, back=buttons.back(words)))
        return
    free = listed((purse.withdrawable(asset) for asset in assets), words)
    rows = [
        (tap(words.plain(f"rail.{rail.name}"), WithdrawFrom(rail=rail.name)),) for rail in offered
    ]
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.withdraw.title"),
                words.say("bot.withdraw.can", amounts=free) if offered else None,
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
    """Ask for the amount, if there is enough for any."""
    async with house.database.transaction() as session:
        rail = await rails.get_rail(session, callback_data.rail)
        purse = await read_purse(session, player_id=player.id, now=clock.utc_now())
        fee = await fees.withdrawal_fee(session, rail=rail, now=clock.utc_now())
    available = purse.withdrawable(rail.asset)
    minimum = Money(rail.withdrawal_min, rail.asset)
    if available.units < max(1, minimum.units):
        await state.clear()
        told = words.say(
            "bot.withdraw.too_little" if available.units else "bot.withdraw.nothing",
            minimum=words.amount(minimum),
            available=words.amount(available),
        )
        await talk.show(_nothing(told, purse, words, back=buttons.back(words, "withdraw")))
        return
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
                words.say("bot.withdraw.begin", rail=words.plain(f"rail.{rail.name}")),
                words.say("bot.withdraw.can", amounts=words.amount(available)),
                words.say(
                    "bot.withdraw.terms",
                    minimum=words.amount(minimum),
                    fee=words.amount(Money(fee, rail.asset)),
                ),
                words.say("bot.withdraw.ask_amount", asset=rail.asset.value),
            ),
            (shares, buttons.back(words, "withdraw")),
        )
    )
    await state.set_state(Ask.withdraw_amount)
    await state.set_data({**Draft(rail=rail.name).stored(), LIVING: shown})


def _nothing(told: Markup, purse: Purse, words: Words, *, back: Row) -> Screen:
    """Instead of questions that no answer would satisfy; nobody who may not play is asked in."""
    rows = (back,) if purse.closed else ((buttons.go(words, "deposit"),), back)
    return Screen(paragraphs(words.say("bot.withdraw.title"), told), rows)


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
        destination = canonical_destination(
            await rails.get_rail(session, draft.rail),
            message.text or "",
            house=await house_addresses.read(session),
            testnet=house.testnet,
        )
    await _go_to(
        draft.to(destination), player=player, words=words, talk=talk, house=house, state=state
    )


async def pick_address(
    _tap: CallbackQuery,
    callback_data: WithdrawTo,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> Toast | None:
    """An address that was saved, or paid to before."""
    draft = Draft.read(await state.get_data())
    if draft is None:
        return Toast(words.plain("bot.outdated"), alert=True)
    async with house.database.transaction() as session:
        known = [
            *(
                one.destination
                for one in await saved_addresses.list_saved(
                    session, player_id=player.id, rail=draft.rail
                )
            ),
            *await saved_addresses.list_paid(session, player_id=player.id, rail=draft.rail),
        ]
    destination = next((one for one in known if _mark(one) == callback_data.mark), None)
    if destination is None:
        return Toast(words.plain("bot.outdated"), alert=True)
    await _go_to(
        draft.to(destination), player=player, words=words, talk=talk, house=house, state=state
    )
    return None


async def ask_memo(
    _tap: CallbackQuery, words: Words, talk: Talk, state: FSMContext
) -> Toast | None:
    """Ask for the comment that an exchange wants with a transfer."""
    draft = Draft.read(await state.get_data())
    if draft is None or not draft.destination:
        return Toast(words.plain("bot.outdated"), alert=True)
    await _ask_memo(draft, words=words, talk=talk, state=state)
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
    await ask_confirmation(
        draft.with_memo(memo), player=player, words=words, talk=talk, house=house, state=state
    )


async def _ask_address(
    draft: Draft, *, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    rail, quote = await quote_of(draft, house=house, player=player)
    async with house.database.transaction() as session:
        saved = await saved_addresses.list_saved(session, player_id=player.id, rail=rail.name)
        mode = await saved_only.read(session, player_id=player.id, now=clock.utc_now())
        paid = (
            []
            if mode.on
            else await saved_addresses.list_paid(session, player_id=player.id, rail=rail.name)
        )
    known = _known_rows([(one.destination, one.label) for one in saved], paid)
    old = (await state.get_data()).get(LIVING)
    shown = await talk.show(
        Screen(
            paragraphs(
                words.say(
                    "bot.withdraw.amount", amount=words.amount(Money(draft.units, rail.asset))
                ),
                words.say("bot.rail", rail=words.plain(f"rail.{rail.name}")),
                fee_lines(quote, words),
                words.say("bot.withdraw.saved_only") if mode.on else None,
                words.say("bot.withdraw.ask_address"),
                words.say("bot.withdraw.pick") if known else None,
            ),
            (*known, (buttons.go(words, "addresses"),), buttons.back(words, "withdraw")),
        ),
        instead_of=old,
    )
    await state.set_state(Ask.withdraw_address)
    await state.set_data({**draft.stored(), LIVING: shown})


async def _go_to(
    draft: Draft, *, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """The check screen, or first the comment without which nothing arrives there. What else
    stands in the way of this address is said now."""
    try:
        async with house.database.transaction() as session:
            await destinations.require_allowed(
                session,
                player_id=player.id,
                rail=await rails.get_rail(session, draft.rail),
                destination=draft.destination,
                memo=draft.memo,
                now=clock.utc_now(),
            )
    except AddressInvalid as error:
        if error.data["reason"] != "memo_missing":
            raise
        why = words.say("refusal.address_invalid.memo_missing")
        await _ask_memo(draft, words=words, talk=talk, state=state, why=why)
        return
    await ask_confirmation(draft, player=player, words=words, talk=talk, house=house, state=state)


async def _ask_memo(
    draft: Draft, *, words: Words, talk: Talk, state: FSMContext, why: Markup | None = None
) -> None:
    old = (await state.get_data()).get(LIVING)
    shown = await talk.show(
        Screen(
            paragraphs(words.say("bot.withdraw.ask_memo"), why),
            (buttons.back(words, "withdraw"),),
        ),
        instead_of=old,
    )
    await state.set_state(Ask.withdraw_memo)
    await state.set_data({**draft.stored(), LIVING: shown})


def _known_rows(saved: Iterable[tuple[str, str]], paid: Iterable[str]) -> tuple[Row, ...]:
    """A button for each known address: its name, and enough of it to tell it from others."""
    return tuple(
        (tap(text, WithdrawTo(mark=_mark(destination))),)
        for destination, text in (
            *((one, f"{label} · {_ends(one)}") for one, label in saved),
            *((one, _ends(one)) for one in paid),
        )
    )


def _ends(address: str) -> str:
    groups = in_groups(address).split()
    return " ".join((*groups[:ENDS], "…", *groups[-ENDS:]))


def _mark(destination: str) -> str:
    """What a button carries in place of an address, which is too long for it."""
    return hashlib.sha256(destination.encode()).hexdigest()[:MARK_CHARACTERS]


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
    router.callback_query.register(pick_address, WithdrawTo.filter())
    return router
