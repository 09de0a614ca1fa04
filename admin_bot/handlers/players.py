"""Players: found by id, name or Telegram id; their file; blocked and unblocked with a reason."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import AskWhy, Because, Go, OpenPlayer, PlayerPage
from admin_bot.cards.shape import player_name
from admin_bot.desk import Desk
from admin_bot.handlers.why import Asked, ask_own, offer, take_own
from admin_bot.player_file import file_screen, page_screen
from admin_bot.reasons import BLOCK, OWN, UNBLOCK, sentence
from casino import audit, clock
from casino.errors import IllegalMove, NotFound
from casino.players import identity
from casino.players.identity import Player
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

VIEW = Permission.PLAYERS_VIEW
TASKS = {BLOCK, UNBLOCK}


async def ask(_event: Message | CallbackQuery, words: Words, talk: Talk, state: FSMContext) -> None:
    """Who is looked for?"""
    await state.set_state(Ask.player)
    await talk.show(
        Screen(
            paragraphs(words.say("admin.players.title"), words.say("admin.players.ask")),
            (buttons.back(words),),
        )
    )


async def command(
    message: Message,
    command: CommandObject,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """/player with what to look for, or the question."""
    if command.args:
        await _look_up(command.args, words=words, talk=talk, desk=desk)
    else:
        await ask(message, words, talk, state)


async def found(message: Message, words: Words, talk: Talk, desk: Desk) -> None:
    """Those who match; the question stays open for another look."""
    await _look_up(message.text or "", words=words, talk=talk, desk=desk)


async def open_file(
    _tap: CallbackQuery,
    callback_data: OpenPlayer,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> None:
    """A player's file; who looked at whom is on record."""
    now = clock.utc_now()
    async with desk.acting(member, VIEW) as session:
        screen = await file_screen(
            session, player_id=callback_data.player, member=member, words=words, now=now
        )
        await audit.append(
            session,
            actor=f"staff:{member.id}",
            action="player.viewed",
            subject=f"player:{callback_data.player}",
            now=now,
        )
    if callback_data.apart:
        await talk.send(screen)
    else:
        await talk.show(screen)


async def page(
    _tap: CallbackQuery, callback_data: PlayerPage, words: Words, talk: Talk, desk: Desk
) -> None:
    """A page of the file: money, rounds or limits."""
    async with desk.database.transaction() as session:
        screen = await page_screen(
            session,
            player_id=callback_data.player,
            shelf=callback_data.shelf,
            before=callback_data.before,
            words=words,
            now=clock.utc_now(),
        )
    await talk.show(screen)


async def keep(
    _tap: CallbackQuery,
    callback_data: AskWhy,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> None:
    """No decision after all: the file as it is."""
    await state.clear()
    player_id = _player_id(callback_data.subject)
    await _show_file(player_id, member=member, words=words, talk=talk, desk=desk)


async def because(
    _tap: CallbackQuery,
    callback_data: Because,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """Block or unblock for a reason from the list; own words are asked for."""
    asked = Asked(callback_data.task, callback_data.subject, callback_data.seen)
    if callback_data.reason == OWN:
        await ask_own(asked, words=words, talk=talk, state=state)
        return None
    async with desk.database.transaction() as session:
        player = await identity.get(session, player_id=_player_id(asked.subject))
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
    """Block or unblock for a reason in own words."""
    taken = await take_own(message, state)
    if taken is None:
        return Toast(words.plain("admin.forgotten"))
    return await _decide(*taken, desk=desk, member=member, words=words, talk=talk)


async def _decide(
    asked: Asked, reason: str, *, desk: Desk, member: Member, words: Words, talk: Talk
) -> Toast:
    player_id = _player_id(asked.subject)
    change = identity.block if asked.task == BLOCK else identity.unblock
    told = Toast(words.plain(f"admin.players.{asked.task}_done"))
    try:
        async with desk.acting(member, Permission.PLAYERS_BLOCK) as session:
            await change(
                session,
                player_id=player_id,
                reason=reason,
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
    except IllegalMove:
        told = Toast(words.plain("admin.players.already"), alert=True)
    await _show_file(player_id, member=member, words=words, talk=talk, desk=desk)
    return told


async def _show_file(
    player_id: int, *, member: Member, words: Words, talk: Talk, desk: Desk
) -> None:
    async with desk.database.transaction() as session:
        screen = await file_screen(
            session, player_id=player_id, member=member, words=words, now=clock.utc_now()
        )
    await talk.show(screen)


async def _look_up(text: str, *, words: Words, talk: Talk, desk: Desk) -> None:
    async with desk.database.transaction() as session:
        players = await identity.search(session, text=text)
    rows = tuple(
        (tap(_line(player), OpenPlayer(player=player.id, apart=False)),) for player in players
    )
    await talk.send(
        Screen(
            paragraphs(
                words.say("admin.players.title"),
                words.say("admin.players.found", count=len(players))
                if players
                else words.say("admin.players.nobody"),
            ),
            (*rows, buttons.back(words)),
        )
    )


def _line(player: Player) -> str:
    return f"{player_name(player)} · {player.telegram_id}"


def _player_id(subject: str) -> int:
    kind, _, number = subject.partition(":")
    if kind != "player" or not (number.isascii() and number.isdigit()):
        raise NotFound(thing="player", key=subject[:64])
    return int(number)


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    block = Permission.PLAYERS_BLOCK
    router = Router(name="players")
    router.message.register(command, Command("player", "players"), flags=allowed(VIEW))
    router.callback_query.register(ask, Go.filter(F.to == "players"), flags=allowed(VIEW))
    router.message.register(found, StateFilter(Ask.player), TYPED, flags=allowed(VIEW))
    router.callback_query.register(
        open_file, OpenPlayer.filter(), flags=allowed(VIEW, audits="player.viewed")
    )
    router.callback_query.register(page, PlayerPage.filter(), flags=allowed(VIEW))
    router.callback_query.register(offer, AskWhy.filter(F.task.in_(TASKS)), flags=allowed(block))
    router.callback_query.register(
        keep,
        AskWhy.filter((F.task == "") & F.subject.startswith("player:")),
        flags=allowed(VIEW),
    )
    router.callback_query.register(
        because, Because.filter(F.task.in_(TASKS)), flags=allowed(block, audits="player.")
    )
    router.message.register(
        because_own,
        StateFilter(Ask.reason_player),
        TYPED,
        flags=allowed(block, audits="player."),
    )
    return router
