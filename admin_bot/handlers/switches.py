"""Kill switches: pick one, say why, confirm; the next bet or payment already obeys."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import AskWhy, Because, Go, Switch, SwitchSure
from admin_bot.desk import Desk
from admin_bot.handlers.why import Asked, ask_own, offer
from admin_bot.reasons import OWN, RUN, STOP, own, sentence
from admin_bot.words import switch_name
from casino import clock, flags, i18n
from casino.errors import NotFound
from casino.money import PLAYABLE
from casino.staff.people import Member
from casino.staff.roles import Permission
from casino.switches import BETS, DEPOSITS, WITHDRAWALS, asset_flag, game_flag
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

SET = Permission.FLAGS_SET
TASKS = {STOP, RUN}
PREFIX = "flag:"
REASON, NAME = "switch_reason", "switch_name"


def names(desk: Desk) -> tuple[str, ...]:
    """Every switch that there is, the widest first."""
    return (
        BETS,
        DEPOSITS,
        WITHDRAWALS,
        *(game_flag(slug) for slug in desk.games),
        *(asset_flag(asset) for asset in PLAYABLE),
    )


async def overview(
    _event: Message | CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """All switches and how they stand."""
    await state.clear()
    async with desk.database.transaction() as session:
        stopped = await flags.stopped(session)
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.switch.stopped" if name in stopped else "admin.switch.running",
                    switch=switch_name(name, words),
                ),
                Switch(name=name),
                style=buttons.DANGER if name in stopped else None,
            ),
        )
        for name in names(desk)
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.switch.title"),
                words.say("admin.switch.all_run" if not stopped else "admin.switch.some_stopped"),
            ),
            (*rows, buttons.back(words)),
        )
    )


async def one(
    _tap: CallbackQuery,
    callback_data: Switch,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """One switch, what it stops, and the way to throw it."""
    await state.clear()
    await talk.show(await _screen(callback_data.name, words=words, desk=desk))


async def keep(
    _tap: CallbackQuery,
    callback_data: AskWhy,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """No decision after all: the switch as it is."""
    await state.clear()
    name = callback_data.subject.removeprefix(PREFIX)
    await talk.show(await _screen(name, words=words, desk=desk))


async def because(
    _tap: CallbackQuery,
    callback_data: Because,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """A reason from the list; then the question whether one is sure."""
    asked = Asked(callback_data.task, callback_data.subject, callback_data.seen)
    if callback_data.reason == OWN:
        await ask_own(asked, words=words, talk=talk, state=state)
        return
    # Nobody but staff reads it: the log keeps it in one language.
    reason = sentence(i18n.DEFAULT_LANGUAGE, task=asked.task, reason=callback_data.reason)
    await _ask_sure(asked, reason, words=words, talk=talk, desk=desk, state=state)


async def because_own(
    message: Message, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> Toast | None:
    """A reason in own words; then the question whether one is sure."""
    asked = Asked.read(await state.get_data())
    if asked is None:
        return Toast(words.plain("admin.forgotten"))
    await _ask_sure(asked, own(message.text), words=words, talk=talk, desk=desk, state=state)
    return None


async def throw(
    _tap: CallbackQuery,
    callback_data: SwitchSure,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast:
    """Throw the switch."""
    form = await state.get_data()
    await state.clear()
    name = _known(callback_data.name, desk)
    reason = form.get(REASON)
    if form.get(NAME) != name or not isinstance(reason, str):
        return Toast(words.plain("admin.forgotten"), alert=True)
    async with desk.acting(member, SET) as session:
        await flags.set_flag(
            session,
            name=name,
            stop=callback_data.stop,
            reason=reason,
            actor=f"staff:{member.id}",
            now=clock.utc_now(),
        )
    await talk.show(await _screen(name, words=words, desk=desk))
    done = "admin.switch.stop_done" if callback_data.stop else "admin.switch.run_done"
    return Toast(words.plain(done, switch=switch_name(name, words)))


async def _screen(name: str, *, words: Words, desk: Desk) -> Screen:
    _known(name, desk)
    async with desk.database.transaction() as session:
        stopped = name in await flags.stopped(session)
    task = RUN if stopped else STOP
    throw_it = AskWhy(task=task, subject=f"{PREFIX}{name}", seen="-")
    style = buttons.SUCCESS if stopped else buttons.DANGER
    family = name.partition(":")[0]
    return Screen(
        paragraphs(
            words.say(
                "admin.switch.is_stopped" if stopped else "admin.switch.is_running",
                switch=switch_name(name, words),
            ),
            words.say(f"admin.switch.effect.{family}"),
        ),
        (
            (tap(words.plain(f"admin.button.switch_{task}"), throw_it, style=style),),
            buttons.back(words, "switches"),
        ),
    )


async def _ask_sure(
    asked: Asked, reason: str, *, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    name = _known(asked.subject.removeprefix(PREFIX), desk)
    stop = asked.task == STOP
    await state.set_state(None)
    await state.set_data({NAME: name, REASON: reason})
    style = buttons.DANGER if stop else buttons.SUCCESS
    await talk.show(
        Screen(
            paragraphs(
                words.say(
                    "admin.switch.sure_stop" if stop else "admin.switch.sure_run",
                    switch=switch_name(name, words),
                ),
                words.say("admin.card.reason", reason=reason),
            ),
            (
                (
                    tap(
                        words.plain(f"admin.button.switch_{asked.task}_sure"),
                        SwitchSure(name=name, stop=stop),
                        style=style,
                    ),
                ),
                buttons.back(words, "switches"),
            ),
        )
    )


def _known(name: str, desk: Desk) -> str:
    if name not in names(desk):
        raise NotFound(thing="switch", key=name[:40])
    return name


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="switches")
    router.message.register(overview, Command("switches"), flags=allowed(SET))
    router.callback_query.register(overview, Go.filter(F.to == "switches"), flags=allowed(SET))
    router.callback_query.register(one, Switch.filter(), flags=allowed(SET))
    router.callback_query.register(offer, AskWhy.filter(F.task.in_(TASKS)), flags=allowed(SET))
    router.callback_query.register(
        keep, AskWhy.filter((F.task == "") & F.subject.startswith(PREFIX)), flags=allowed(SET)
    )
    router.callback_query.register(because, Because.filter(F.task.in_(TASKS)), flags=allowed(SET))
    router.message.register(because_own, StateFilter(Ask.reason_switch), TYPED, flags=allowed(SET))
    router.callback_query.register(throw, SwitchSure.filter(), flags=allowed(SET, audits="flag."))
    return router
