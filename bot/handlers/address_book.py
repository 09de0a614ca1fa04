"""The address book: saved addresses by name, and being paid to them only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.asking import LIVING, TYPED, Ask
from bot.callbacks import BookAdd, BookOpen, BookRemove, BookRename, Go, SavedOnlySwitch
from bot.drafts import Draft
from bot.house import House
from bot.notices import ASKED_IN_CHAT
from casino import clock
from casino.cashier import house_addresses, rails, saved_addresses, saved_only, terms
from casino.cashier.saved_addresses import SavedAddress
from casino.cashier.saved_only import SavedOnly
from casino.players.identity import Player
from messaging.addresses import shown_address
from messaging.buttons import Row, copy, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs
from payments.destinations import canonical_destination

KEY = "book"


async def show(
    _event: Message | CallbackQuery,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """The book, and whether only it is paid to."""
    await state.clear()
    await talk.show(await _book(house, player, words))


async def open_entry(
    _tap: CallbackQuery,
    callback_data: BookOpen,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> None:
    """One saved address."""
    async with house.database.transaction() as session:
        entry = await saved_addresses.get(
            session, player_id=player.id, address_id=callback_data.address
        )
    await talk.show(_entry(entry, words))


async def ask_address(
    _tap: CallbackQuery, callback_data: BookAdd, words: Words, talk: Talk, state: FSMContext
) -> None:
    """Ask for an address to save."""
    shown = await talk.show(
        Screen(
            words.say("bot.book.ask_address", rail=words.plain(f"rail.{callback_data.rail}")),
            (buttons.back(words, "addresses"),),
        )
    )
    await state.set_state(Ask.book_address)
    await state.set_data({KEY: {"rail": callback_data.rail}, LIVING: shown})


async def take_address(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """A typed address, checked before it is given a name."""
    form = await state.get_data()
    rail_name = _kept(form).get("rail")
    if rail_name is None:
        await show(message, player, words, talk, house, state)
        return
    async with house.database.transaction() as session:
        destination = canonical_destination(
            await rails.get_rail(session, rail_name),
            message.text or "",
            house=await house_addresses.read(session),
            testnet=house.testnet,
        )
    await _ask_label(
        {"rail": rail_name, "destination": destination},
        words.say("bot.book.ask_label", address=shown_address(destination)),
        words=words,
        talk=talk,
        state=state,
    )


async def save_drafted(
    _tap: CallbackQuery, words: Words, talk: Talk, state: FSMContext
) -> Toast | None:
    """Save the address of the withdrawal that was just asked for."""
    draft = Draft.read(await state.get_data())
    if draft is None or not draft.destination:
        return Toast(words.plain("bot.outdated"), alert=True)
    await _ask_label(
        {"rail": draft.rail, "destination": draft.destination},
        words.say("bot.book.ask_label", address=shown_address(draft.destination)),
        words=words,
        talk=talk,
        state=state,
    )
    return None


async def ask_new_label(
    _tap: CallbackQuery,
    callback_data: BookRename,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """Ask for another name."""
    async with house.database.transaction() as session:
        entry = await saved_addresses.get(
            session, player_id=player.id, address_id=callback_data.address
        )
    await _ask_label(
        {"address": entry.id},
        words.say("bot.book.ask_new_label", label=entry.label),
        words=words,
        talk=talk,
        state=state,
    )


async def take_label(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """A name: for a new address, or for one that has another."""
    form = await state.get_data()
    kept, old = _kept(form), form.get(LIVING)
    label, now = message.text or "", clock.utc_now()
    if not kept:
        await show(message, player, words, talk, house, state)
        return
    async with house.database.transaction() as session:
        if "address" in kept:
            entry = await saved_addresses.rename(
                session,
                player_id=player.id,
                address_id=int(kept["address"]),
                label=label,
                now=now,
            )
        else:
            entry = await saved_addresses.save(
                session,
                player_id=player.id,
                rail=str(kept["rail"]),
                destination=str(kept["destination"]),
                label=label,
                asked_in=ASKED_IN_CHAT,
                now=now,
            )
    await state.clear()
    await talk.show(_entry(entry, words), instead_of=old)


async def remove(
    _tap: CallbackQuery,
    callback_data: BookRemove,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast | None:
    """Forget an address, when asked twice."""
    async with house.database.transaction() as session:
        entry = await saved_addresses.get(
            session, player_id=player.id, address_id=callback_data.address
        )
        if callback_data.sure:
            await saved_addresses.remove(
                session, player_id=player.id, address_id=entry.id, now=clock.utc_now()
            )
    if callback_data.sure:
        await talk.show(await _book(house, player, words))
        return Toast(words.plain("bot.book.removed"))
    sure = BookRemove(address=entry.id, sure=True)
    await talk.show(
        Screen(
            words.say("bot.book.sure_remove", label=entry.label),
            (
                (tap(words.plain("bot.button.remove_address_sure"), sure, style="danger"),),
                (tap(words.plain("bot.button.back"), BookOpen(address=entry.id)),),
            ),
        )
    )
    return None


async def switch_saved_only(
    _tap: CallbackQuery,
    callback_data: SavedOnlySwitch,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> None:
    """On at once, when asked twice; off after the cool-down."""
    now = clock.utc_now()
    async with house.database.transaction() as session:
        hours = (await terms.current(session)).address_cool_down_hours
        if callback_data.on and callback_data.sure:
            await saved_only.switch_on(
                session, player_id=player.id, asked_in=ASKED_IN_CHAT, now=now
            )
        elif not callback_data.on:
            await saved_only.switch_off(
                session, player_id=player.id, asked_in=ASKED_IN_CHAT, now=now
            )
    if callback_data.sure or not callback_data.on:
        await talk.show(await _book(house, player, words))
        return
    sure = SavedOnlySwitch(on=True, sure=True)
    await talk.show(
        Screen(
            words.say("bot.book.sure_on", count=hours),
            (
                (tap(words.plain("bot.button.saved_only_on"), sure, style="success"),),
                buttons.back(words, "addresses"),
            ),
        )
    )


async def _book(house: House, player: Player, words: Words) -> Screen:
    now = clock.utc_now()
    async with house.database.transaction() as session:
        saved = await saved_addresses.list_saved(session, player_id=player.id)
        mode = await saved_only.read(session, player_id=player.id, now=now)
        cool_down = (await terms.current(session)).address_cool_down
        paying = [rail for rail in await rails.list_rails(session) if rail.withdrawals_enabled]
    entries = [
        (
            tap(
                f"{one.label} · {words.plain(f'rail.{one.rail}')}",
                BookOpen(address=one.id),
            ),
        )
        for one in saved
    ]
    adding = [
        (
            tap(
                words.plain("bot.button.add_address", rail=words.plain(f"rail.{rail.name}")),
                BookAdd(rail=rail.name),
            ),
        )
        for rail in paying
    ]
    return Screen(
        paragraphs(
            words.say("bot.book.title"),
            None if saved else words.say("bot.book.empty"),
            _mode_line(mode, words, cool_down),
        ),
        (*entries, *adding, _mode_row(mode, words), buttons.back(words, "withdraw")),
    )


def _mode_line(mode: SavedOnly, words: Words, cool_down: timedelta) -> Markup:
    if mode.ends_at is not None:
        return words.say("bot.book.mode_ending", moment=words.moment(mode.ends_at))
    if mode.on:
        return words.say("bot.book.mode_on", count=cool_down // timedelta(hours=1))
    return words.say("bot.book.mode_off")


def _mode_row(mode: SavedOnly, words: Words) -> Row:
    if mode.ends_at is not None:
        keep = SavedOnlySwitch(on=True, sure=True)
        return (tap(words.plain("bot.button.saved_only_keep"), keep, style="success"),)
    if mode.on:
        return (
            tap(
                words.plain("bot.button.saved_only_off"),
                SavedOnlySwitch(on=False, sure=False),
            ),
        )
    return (tap(words.plain("bot.button.saved_only_on"), SavedOnlySwitch(on=True, sure=False)),)


def _entry(entry: SavedAddress, words: Words) -> Screen:
    is_new = entry.ready_at > clock.utc_now()
    return Screen(
        paragraphs(
            words.say(
                "bot.book.entry",
                label=entry.label,
                rail=words.plain(f"rail.{entry.rail}"),
                address=shown_address(entry.destination),
            ),
            words.say("bot.book.cooling", moment=words.moment(entry.ready_at))
            if is_new
            else words.say("bot.book.ready", moment=words.moment(entry.saved_at)),
        ),
        (
            (copy(words.plain("bot.button.copy_address"), entry.destination),),
            (
                tap(words.plain("bot.button.rename"), BookRename(address=entry.id)),
                tap(
                    words.plain("bot.button.remove_address"),
                    BookRemove(address=entry.id, sure=False),
                ),
            ),
            buttons.back(words, "addresses"),
        ),
    )


async def _ask_label(
    kept: dict[str, object], question: Markup, *, words: Words, talk: Talk, state: FSMContext
) -> None:
    old = (await state.get_data()).get(LIVING)
    shown = await talk.show(Screen(question, (buttons.back(words, "addresses"),)), instead_of=old)
    await state.set_state(Ask.book_label)
    await state.set_data({KEY: kept, LIVING: shown})


def _kept(form: dict[str, Any]) -> dict[str, Any]:
    kept = form.get(KEY)
    return kept if isinstance(kept, dict) else {}


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="address_book")
    router.message.register(show, Command("addresses"))
    router.callback_query.register(show, Go.filter(F.to == "addresses"))
    router.callback_query.register(save_drafted, Go.filter(F.to == "save_address"))
    router.callback_query.register(open_entry, BookOpen.filter())
    router.callback_query.register(ask_address, BookAdd.filter())
    router.message.register(take_address, Ask.book_address, TYPED)
    router.message.register(take_label, Ask.book_label, TYPED)
    router.callback_query.register(ask_new_label, BookRename.filter())
    router.callback_query.register(remove, BookRemove.filter())
    router.callback_query.register(switch_saved_only, SavedOnlySwitch.filter())
    return router
