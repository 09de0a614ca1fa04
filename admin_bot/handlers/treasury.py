"""Hot and cold: what each rail's wallets hold and owe, and the thresholds that owners set."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncSession

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import AskThresholds, Go, HotWalletCard, ThresholdsSure
from admin_bot.desk import Desk
from casino import clock
from casino.cashier import cold_storage, house_addresses, rails, thresholds, treasury
from casino.cashier.rails import Rail
from casino.cashier.thresholds import Level, Thresholds
from casino.cashier.treasury import HotWallet
from casino.errors import BadChoice
from casino.ledger.chart import has_cold_wallet
from casino.money import Asset, Money
from casino.staff.people import Member
from casino.staff.roles import Permission, allows
from messaging.addresses import shown_address
from messaging.buttons import Row, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs
from payments.destinations import canonical_destination

VIEW, SET = Permission.FIGURES_VIEW, Permission.TREASURY_SET
KEY, DRAFT = "hot_wallet", "thresholds"
WORDS = 4
"""A line of thresholds: three amounts and an address."""


async def overview(
    _tap: CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
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
            (*rows, buttons.back(words)),
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


async def _card(rail: str, *, member: Member, words: Words, desk: Desk) -> Screen:
    async with desk.database.transaction() as session:
        wallet = await treasury.hot_wallet_view(session, rail=rail)
        wanted = await thresholds.read(session, rail=rail)
        level = await thresholds.level(session, rail=rail)
        cold = await cold_storage.held_units(session, rail=rail)
    rows: tuple[Row, ...] = ()
    if allows(member, SET):
        off = ThresholdsSure(rail=rail, off=True)
        rows = (
            (tap(words.plain("admin.button.treasury_ask"), AskThresholds(rail=rail)),),
            (tap(words.plain("admin.button.treasury_off"), off),) if wanted else (),
        )
    return Screen(
        paragraphs(
            *_balances(wallet, level, cold, words),
            *(
                _numbers(wanted, wallet.asset, words)
                if wanted
                else (words.say("admin.treasury.none"),)
            ),
        ),
        (*rows, buttons.back(words, "treasury")),
    )


def _balances(
    wallet: HotWallet, level: Level | None, cold: int, words: Words
) -> tuple[Markup | None, ...]:
    def amount(units: int) -> str:
        return words.units(units, wallet.asset)

    return (
        words.say("admin.treasury.rail", rail=words.plain(f"rail.{wallet.rail}")),
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
    house = await house_addresses.read(session)
    cold = canonical_destination(offered, parts[-1], house=house, testnet=testnet)
    await house_addresses.require_foreign(session, destination=cold)
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
    taps.register(settle, ThresholdsSure.filter(), flags=allowed(SET, audits="hot_thresholds."))
    return router
