"""Hot and cold: what each rail's wallets hold and owe, and the thresholds that owners set."""

from __future__ import annotations

import base64
import binascii
import contextlib

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncSession

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import (
    AskMove,
    AskThresholds,
    Go,
    HotWalletCard,
    ReturnSure,
    ThresholdsSure,
)
from admin_bot.desk import Desk
from admin_bot.handlers.foreign_sends import send_screen
from casino import clock
from casino.cashier import (
    cold_returns,
    cold_storage,
    foreign_sends,
    house_addresses,
    rails,
    thresholds,
    treasury,
)
from casino.cashier.foreign_sends import ForeignSend
from casino.cashier.rails import Rail
from casino.cashier.thresholds import Level, Thresholds
from casino.cashier.treasury import HotWallet
from casino.errors import BadChoice, NotFound
from casino.ledger.chart import has_cold_wallet
from casino.money import Asset, Money
from casino.staff.people import Member
from casino.staff.roles import Permission, allows
from messaging.addresses import shown_address
from messaging.buttons import Row, copy, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs
from payments.destinations import canonical_destination

VIEW, SET = Permission.FIGURES_VIEW, Permission.TREASURY_SET
KEY, DRAFT, RETURN = "hot_wallet", "thresholds", "came_back"
HASH_BYTES, BASE64_HASH = 32, 44
WORDS = 4
"""A line of thresholds: three amounts and an address."""


async def overview(
    _tap: CallbackQuery, member: Member, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Every rail that has cold storage, in one line each."""
    await state.clear()
    async with desk.database.transaction() as session:
        names = [one.name for one in await rails.list_rails(session) if has_cold_wallet(one.name)]
        wallets = [await treasury.hot_wallet_view(session, rail=name) for name in names]
        levels = [await thresholds.level(session, rail=name) for name in names]
    rows = tuple(
        (
            tap(
                words.plain(
                    f"admin.treasury.line_{_state(level)}",
                    rail=words.plain(f"rail.{wallet.rail}"),
                    book=words.units(wallet.book_units, wallet.asset),
                ),
                HotWalletCard(rail=wallet.rail),
            ),
        )
        for wallet, level in zip(wallets, levels, strict=True)
    )
    await talk.show(
        Screen(
            paragraphs(words.say("admin.treasury.title"), words.say("admin.treasury.body")),
            (
                *rows,
                (buttons.go(words, "cold_addresses"),) if allows(member, SET) else (),
                buttons.back(words),
            ),
        )
    )


async def one(
    _tap: CallbackQuery,
    callback_data: HotWalletCard,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """One rail: chain, book, drift, what is owed, cold storage, thresholds."""
    await state.clear()
    await talk.show(await _card(callback_data.rail, member=member, words=words, desk=desk))


async def ask(
    _tap: CallbackQuery,
    callback_data: AskThresholds,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """Ask for the numbers and the address; the next message names them."""
    async with desk.database.transaction() as session:
        offered = await rails.get_rail(session, callback_data.rail)
    await state.set_state(Ask.thresholds)
    await state.set_data({KEY: offered.name})
    await talk.send(
        Screen(
            words.say("admin.treasury.ask", asset=offered.asset.value),
            (buttons.back(words, "treasury"),),
        )
    )


async def given(
    message: Message, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """Show what was understood, and ask whether one is sure."""
    rail = (await state.get_data()).get(KEY)
    if not isinstance(rail, str):
        return Toast(words.plain("admin.forgotten"))
    async with desk.database.transaction() as session:
        offered = await rails.get_rail(session, rail)
        wanted = await _read(message.text or "", offered, session, testnet=desk.testnet)
    await state.set_state(None)
    draft = [wanted.low_units, wanted.keep_units, wanted.high_units, wanted.cold_address]
    await state.set_data({KEY: rail, DRAFT: draft})
    sure = ThresholdsSure(rail=rail, off=False)
    await talk.send(
        Screen(
            paragraphs(
                words.say("admin.treasury.sure", rail=words.plain(f"rail.{rail}")),
                *_numbers(wanted, offered.asset, words),
                words.say("admin.treasury.sure_signer"),
            ),
            (
                (tap(words.plain("admin.button.treasury_set"), sure, style=buttons.DANGER),),
                buttons.back(words, "treasury"),
            ),
        )
    )
    return None


async def settle(
    _tap: CallbackQuery,
    callback_data: ThresholdsSure,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast:
    """Set what was shown, or switch the thresholds off."""
    form, rail = await state.get_data(), callback_data.rail
    await state.clear()
    wanted = None if callback_data.off else _draft(form, rail)
    if wanted is None and not callback_data.off:
        return Toast(words.plain("admin.forgotten"), alert=True)
    async with desk.acting(member, SET) as session:
        await thresholds.change(
            session,
            rail=rail,
            thresholds=wanted,
            actor=f"staff:{member.id}",
            now=clock.utc_now(),
        )
    await talk.show(await _card(rail, member=member, words=words, desk=desk))
    return Toast(words.plain("admin.treasury.off_done" if wanted is None else "admin.treasury.set"))


async def ask_move(
    _tap: CallbackQuery, callback_data: AskMove, words: Words, talk: Talk, state: FSMContext
) -> None:
    """Ask for the hash of a transaction that a person has made between hot and cold."""
    await state.set_state(Ask.cold_move)
    await state.set_data({KEY: callback_data.rail})
    await talk.send(
        Screen(words.say("admin.treasury.ask_move"), (buttons.back(words, "treasury"),))
    )


async def move_given(
    message: Message, member: Member, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """Show what was read of the transaction: it left our account, or it came."""
    rail = (await state.get_data()).get(KEY)
    tx_hash = plain_hash(message.text or "")
    await state.clear()
    if not isinstance(rail, str):
        return Toast(words.plain("admin.forgotten"))
    async with desk.database.transaction() as session:
        offered = await rails.get_rail(session, rail)
        came = await cold_returns.find(session, rail=rail, tx_hash=tx_hash)
        left = None if came else await _left(session, tx_hash)
        if left is not None:
            shown = await send_screen(session, left, member=member, words=words)
    if left is not None:
        await talk.send(shown)
        return None
    if not came:
        return Toast(words.plain("admin.treasury.move_unknown"))
    await state.set_data({KEY: rail, RETURN: tx_hash})
    units = sum(one.units for one in came)
    sure = ReturnSure(rail=rail)
    await talk.send(
        Screen(
            words.say("admin.treasury.back_sure", amount=words.units(units, offered.asset)),
            (
                (tap(words.plain("admin.button.from_cold_sure"), sure, style=buttons.DANGER),),
                buttons.back(words, "treasury"),
            ),
        )
    )
    return None


async def settle_return(
    _tap: CallbackQuery,
    callback_data: ReturnSure,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast:
    """Book what came back from cold storage."""
    form, rail = await state.get_data(), callback_data.rail
    await state.clear()
    tx_hash = form.get(RETURN)
    if form.get(KEY) != rail or not isinstance(tx_hash, str):
        return Toast(words.plain("admin.forgotten"), alert=True)
    async with desk.acting(member, SET) as session:
        await cold_returns.book(
            session, rail=rail, tx_hash=tx_hash, member=member, now=clock.utc_now()
        )
    await talk.show(await _card(rail, member=member, words=words, desk=desk))
    return Toast(words.plain("admin.treasury.back_done"))


def plain_hash(text: str) -> str:
    """A transaction's hash out of what people paste: the hash itself, in hex or as TON's programs
    write it in base64, or the address of its page."""
    whole = text.strip()
    last = whole.rstrip("/").rpartition("/")[2]
    for one in (whole, last):
        with contextlib.suppress(binascii.Error, ValueError):
            packed = base64.b64decode(one.replace("-", "+").replace("_", "/"), validate=True)
            if len(one) == BASE64_HASH and len(packed) == HASH_BYTES:
                return packed.hex()
    return last


async def _left(session: AsyncSession, tx_hash: str) -> ForeignSend | None:
    """The foreign send with just this hash."""
    try:
        found = await foreign_sends.find(session, mark=tx_hash)
    except NotFound:
        return None
    names = {found.tx_hash.lower(), found.chain_hash.lower()}
    return found if tx_hash.lower() in names else None


async def _card(rail: str, *, member: Member, words: Words, desk: Desk) -> Screen:
    async with desk.database.transaction() as session:
        wallet = await treasury.hot_wallet_view(session, rail=rail)
        wanted = await thresholds.read(session, rail=rail)
        level = await thresholds.level(session, rail=rail)
        cold = await cold_storage.held_units(session, rail=rail)
        latest = await cold_storage.latest(session, rail=rail)
    rows: tuple[Row, ...] = ()
    if allows(member, SET):
        off = ThresholdsSure(rail=rail, off=True)
        rows = (
            (tap(words.plain("admin.button.treasury_ask"), AskThresholds(rail=rail)),),
            (tap(words.plain("admin.button.treasury_off"), off),) if wanted else (),
            (tap(words.plain("admin.button.book_move"), AskMove(rail=rail)),),
        )
    return Screen(
        paragraphs(
            *_balances(wallet, level, cold, words),
            *(
                _numbers(wanted, wallet.asset, words)
                if wanted
                else (words.say("admin.treasury.none"),)
            ),
            *(
                words.say(
                    f"admin.treasury.{one.way}",
                    amount=words.units(one.units, wallet.asset),
                    moment=words.moment(one.booked_at),
                )
                for one in latest
            ),
        ),
        (
            (copy(words.plain("admin.button.copy_address"), wallet.address),)
            if wallet.address
            else (),
            *rows,
            buttons.back(words, "treasury"),
        ),
    )


def _balances(
    wallet: HotWallet, level: Level | None, cold: int, words: Words
) -> tuple[Markup | None, ...]:
    def amount(units: int) -> str:
        return words.units(units, wallet.asset)

    return (
        words.say("admin.treasury.rail", rail=words.plain(f"rail.{wallet.rail}")),
        words.say("admin.treasury.wallet") if wallet.address else None,
        shown_address(wallet.address) if wallet.address else None,
        words.say("admin.treasury.book", book=amount(wallet.book_units)),
        words.say(
            "admin.treasury.chain",
            chain=amount(wallet.chain_units),
            drift=amount(wallet.drift_units or 0),
            block=wallet.block or 0,
        )
        if wallet.chain_units is not None
        else words.say("admin.treasury.never_read"),
        words.say("admin.treasury.hot", hot=amount(level.units), block=level.block)
        if level is not None
        else None,
        words.say("admin.treasury.owed", owed=amount(wallet.to_pay_units)),
        words.say("admin.treasury.cold", cold=amount(cold)),
        words.say(f"admin.treasury.state_{_state(level)}"),
    )


def _numbers(wanted: Thresholds, asset: Asset, words: Words) -> tuple[Markup, ...]:
    return (
        words.say("admin.treasury.low", units=words.units(wanted.low_units, asset)),
        words.say("admin.treasury.keep", units=words.units(wanted.keep_units, asset)),
        words.say("admin.treasury.high", units=words.units(wanted.high_units, asset)),
        words.say("admin.treasury.address"),
        shown_address(wanted.cold_address),
    )


def _state(level: Level | None) -> str:
    """A word for how it stands: low, high or well."""
    if level is None or level.low == level.high:
        return "well" if level is None or not level.low else "low"
    return "low" if level.low else "high"


async def _read(text: str, offered: Rail, session: AsyncSession, *, testnet: bool) -> Thresholds:
    """Three amounts and an address. Raises BadChoice, BadAmount, AddressInvalid."""
    parts = text.split()
    if len(parts) != WORDS:
        raise BadChoice(field="thresholds")
    low, keep, high = (Money.parse(part, offered.asset).units for part in parts[:-1])
    house = await house_addresses.read(session, with_cold=False)
    cold = canonical_destination(offered, parts[-1], house=house, testnet=testnet)
    await house_addresses.require_foreign(session, destination=cold, with_cold=False)
    return Thresholds(low, keep, high, cold)


def _draft(form: dict[str, object], rail: str) -> Thresholds | None:
    draft = form.get(DRAFT)
    if form.get(KEY) != rail or not isinstance(draft, list) or len(draft) != WORDS:
        return None
    low, keep, high, cold = draft
    return Thresholds(int(low), int(keep), int(high), str(cold))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="treasury")
    taps = router.callback_query
    taps.register(overview, Go.filter(F.to == "treasury"), flags=allowed(VIEW))
    taps.register(one, HotWalletCard.filter(), flags=allowed(VIEW))
    taps.register(ask, AskThresholds.filter(), flags=allowed(SET))
    router.message.register(given, StateFilter(Ask.thresholds), TYPED, flags=allowed(SET))
    taps.register(ask_move, AskMove.filter(), flags=allowed(SET))
    router.message.register(move_given, StateFilter(Ask.cold_move), TYPED, flags=allowed(SET))
    taps.register(settle_return, ReturnSure.filter(), flags=allowed(SET, audits="treasury."))
    taps.register(settle, ThresholdsSure.filter(), flags=allowed(SET, audits="hot_thresholds."))
    return router
