"""Limits that players set themselves: tighter at once, looser after a day."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, InlineKeyboardButton, Message

from bot import buttons
from bot.asking import LIVING, TYPED, Ask
from bot.callbacks import Go, LimitPick, LimitSet
from bot.house import House
from casino import clock
from casino.clock import Window
from casino.errors import BadAmount
from casino.money import REFERENCE_CURRENCY, REFERENCE_DECIMALS, parse_units, require_units
from casino.players import limits
from casino.players.identity import Player
from casino.players.limits import LimitView
from casino.players.rules import LimitKind
from messaging.buttons import Row, tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Markup, Words, paragraphs

WHOLE = 10**REFERENCE_DECIMALS
OFFERED = {
    LimitKind.DEPOSIT: (20, 50, 100, 250, 500, 1000),
    LimitKind.LOSS: (20, 50, 100, 250, 500, 1000),
    LimitKind.WAGER: (100, 250, 500, 1000, 2500, 5000),
    LimitKind.STAKE: (1, 2, 5, 10, 25, 50),
}


async def overview(
    _event: Message | CallbackQuery,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """All limits with what is used of them, and the ways to stop."""
    await state.clear()
    views = await _views(house, player)
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.limits.title"),
                *(_line(view, words) for view in views if _is_set(view)),
                words.say("bot.limits.body"),
            ),
            (
                *_pairs(
                    [
                        tap(
                            words.plain(f"limit.{kind.value}"),
                            LimitPick(kind=kind, window=Window.DAY),
                        )
                        for kind in LimitKind
                    ]
                ),
                (buttons.go(words, "timeout"),),
                (buttons.go(words, "exclusion"),),
                buttons.back(words),
            ),
        )
    )


async def pick(
    _tap: CallbackQuery,
    callback_data: LimitPick,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
    state: FSMContext,
) -> None:
    """One limit: what it is now, and amounts to choose from or to type."""
    kind, window = callback_data.kind, _window(callback_data.kind, callback_data.window)
    shown = await talk.show(_limit_screen(kind, window, await _views(house, player), words))
    await state.set_state(Ask.limit_amount)
    await state.set_data({"kind": kind.value, "window": window.value, LIVING: shown})


async def choose(
    _tap: CallbackQuery,
    callback_data: LimitSet,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast:
    """Set or remove a limit by a button."""
    units = require_units(callback_data.whole * WHOLE) if callback_data.whole else None
    window = _window(callback_data.kind, callback_data.window)
    view = await _set(house, player, callback_data.kind, window, units)
    await talk.show(_limit_screen(callback_data.kind, window, await _views(house, player), words))
    return Toast(_outcome(view, words), alert=True)


async def type_amount(
    message: Message, player: Player, words: Words, talk: Talk, house: House, state: FSMContext
) -> None:
    """Set a limit to a typed amount of the reference currency."""
    form = await state.get_data()
    try:
        kind, window = LimitKind(form["kind"]), Window(form["window"])
    except (KeyError, ValueError):
        await overview(message, player, words, talk, house, state)
        return
    typed = (message.text or "").upper().removesuffix(REFERENCE_CURRENCY).strip(" €")
    units = parse_units(typed, 2) * 10 ** (REFERENCE_DECIMALS - 2)
    if units > 10**9 * WHOLE:
        raise BadAmount(text=typed[:40])
    view = await _set(house, player, kind, window, units)
    screen = _limit_screen(kind, window, await _views(house, player), words)
    text = paragraphs(words.say("bot.limits.outcome", text=_outcome(view, words)), screen.text)
    shown = await talk.show(Screen(text, screen.rows), instead_of=form.get(LIVING))
    await state.update_data({LIVING: shown})


def _limit_screen(kind: LimitKind, window: Window, views: list[LimitView], words: Words) -> Screen:
    current = next((view for view in views if view.kind is kind and view.window is window), None)
    is_set = current is not None and _is_set(current)
    windows = tuple(
        tap(
            words.plain(f"window.{other.value}.short"),
            LimitPick(kind=kind, window=other),
            style="primary" if other is window else None,
        )
        for other in Window
    )
    amounts = [
        tap(words.reference(whole * WHOLE), LimitSet(kind=kind, window=window, whole=whole))
        for whole in OFFERED[kind]
    ]
    remove = tap(
        words.plain("bot.button.remove_limit"), LimitSet(kind=kind, window=window, whole=0)
    )
    return Screen(
        paragraphs(
            words.say(f"limit.{kind.value}.title"),
            words.say(f"limit.{kind.value}.what"),
            _line(current, words)
            if current is not None and is_set
            else words.say("bot.limits.not_set"),
            words.say("bot.limits.choose", currency=REFERENCE_CURRENCY),
        ),
        (
            () if kind is LimitKind.STAKE else windows,
            *(tuple(amounts[at : at + 3]) for at in range(0, len(amounts), 3)),
            (remove,) if is_set else (),
            buttons.back(words, "limits"),
        ),
    )


def _line(view: LimitView, words: Words) -> Markup:
    name = words.plain(f"limit.{view.kind.value}")
    window = words.plain(f"window.{view.window.value}")
    if view.units is None:
        line = words.say("bot.limits.line_none", name=name, window=window)
    elif view.kind is LimitKind.STAKE:
        line = words.say("bot.limits.line_stake", name=name, limit=words.reference(view.units))
    else:
        line = words.say(
            "bot.limits.line",
            name=name,
            window=window,
            used=words.reference(max(0, view.used)),
            limit=words.reference(view.units),
        )
    if view.pending_at is None:
        return line
    later = (
        words.say("bot.limits.removed_at", moment=words.moment(view.pending_at))
        if view.pending_units is None
        else words.say(
            "bot.limits.raised_at",
            limit=words.reference(view.pending_units),
            moment=words.moment(view.pending_at),
        )
    )
    return paragraphs(line, later)


def _outcome(view: LimitView, words: Words) -> str:
    if view.pending_at is not None:
        return words.plain("bot.limits.later", moment=words.moment(view.pending_at))
    if view.units is None:
        return words.plain("bot.limits.removed")
    return words.plain("bot.limits.now", limit=words.reference(view.units))


async def _views(house: House, player: Player) -> list[LimitView]:
    async with house.database.transaction() as session:
        return list(await limits.show(session, player_id=player.id, now=clock.utc_now()))


async def _set(
    house: House, player: Player, kind: LimitKind, window: Window, units: int | None
) -> LimitView:
    async with house.database.transaction() as session:
        return await limits.set_limit(
            session,
            player_id=player.id,
            kind=kind,
            window=window,
            units=units,
            now=clock.utc_now(),
        )


def _is_set(view: LimitView) -> bool:
    return view.units is not None or view.pending_at is not None


def _window(kind: LimitKind, window: Window) -> Window:
    return Window.DAY if kind is LimitKind.STAKE else window


def _pairs(row: list[InlineKeyboardButton]) -> list[Row]:
    return [tuple(row[at : at + 2]) for at in range(0, len(row), 2)]


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="limits")
    router.message.register(overview, Command("limits"))
    router.callback_query.register(overview, Go.filter(F.to == "limits"))
    router.callback_query.register(pick, LimitPick.filter())
    router.callback_query.register(choose, LimitSet.filter())
    router.message.register(type_amount, Ask.limit_amount, TYPED)
    return router
