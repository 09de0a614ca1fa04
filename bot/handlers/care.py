"""Ways to stop: a time-out for days or weeks, a self-exclusion for months, years or for good."""

from __future__ import annotations

from datetime import timedelta

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import buttons
from bot.callbacks import Exclude, Go, TimeOut
from bot.house import House
from casino import clock
from casino.players import exclusion
from casino.players.identity import Player
from messaging.buttons import tap
from messaging.screens import Screen, Toast
from messaging.talk import Talk
from messaging.words import Words, paragraphs

TIME_OUT_HOURS = (24, 72, 168, 336, 1008)
EXCLUSION_MONTHS = (6, 12, 36, 60, 0)  # 0 is for life


async def choose_time_out(_event: Message | CallbackQuery, words: Words, talk: Talk) -> None:
    """How long to pause."""
    await talk.show(
        Screen(
            paragraphs(words.say("bot.timeout.title"), words.say("bot.timeout.body")),
            (
                *(
                    (tap(words.plain(f"timeout.{hours}"), TimeOut(hours=hours, sure=False)),)
                    for hours in TIME_OUT_HOURS
                ),
                buttons.back(words, "limits"),
            ),
        )
    )


async def take_time_out(
    _tap: CallbackQuery,
    callback_data: TimeOut,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast | None:
    """Ask once, then pause; it cannot be taken back."""
    length = words.plain(f"timeout.{callback_data.hours}")
    if not callback_data.sure:
        await talk.show(
            Screen(
                paragraphs(
                    words.say("bot.timeout.sure", length=length),
                    words.say("bot.timeout.final"),
                ),
                (
                    (
                        tap(
                            words.plain("bot.timeout.confirm", length=length),
                            TimeOut(hours=callback_data.hours, sure=True),
                            style="danger",
                        ),
                    ),
                    buttons.back(words, "timeout"),
                ),
            )
        )
        return None
    async with house.database.transaction() as session:
        until = await exclusion.take_time_out(
            session,
            player_id=player.id,
            duration=timedelta(hours=callback_data.hours),
            now=clock.utc_now(),
        )
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.timeout.done", moment=words.moment(until)),
                words.say("bot.care.money"),
            ),
            ((buttons.go(words, "withdraw"), buttons.go(words, "support")), buttons.back(words)),
        )
    )
    return Toast(words.plain("bot.timeout.toast"))


async def choose_exclusion(_event: Message | CallbackQuery, words: Words, talk: Talk) -> None:
    """For how long to close play."""
    await talk.show(
        Screen(
            paragraphs(words.say("bot.exclusion.title"), words.say("bot.exclusion.body")),
            (
                *(
                    (
                        tap(
                            words.plain(f"exclusion.{months}"),
                            Exclude(months=months, sure=False),
                        ),
                    )
                    for months in EXCLUSION_MONTHS
                ),
                buttons.back(words, "limits"),
            ),
        )
    )


async def exclude(
    _tap: CallbackQuery,
    callback_data: Exclude,
    player: Player,
    words: Words,
    talk: Talk,
    house: House,
) -> Toast | None:
    """Ask once, then close play; nobody can open it before the end, staff included."""
    length = words.plain(f"exclusion.{callback_data.months}")
    if not callback_data.sure:
        await talk.show(
            Screen(
                paragraphs(
                    words.say("bot.exclusion.sure", length=length),
                    words.say("bot.exclusion.final"),
                ),
                (
                    (
                        tap(
                            words.plain("bot.exclusion.confirm", length=length),
                            Exclude(months=callback_data.months, sure=True),
                            style="danger",
                        ),
                    ),
                    buttons.back(words, "exclusion"),
                ),
            )
        )
        return None
    async with house.database.transaction() as session:
        until = await exclusion.self_exclude(
            session,
            player_id=player.id,
            months=callback_data.months or None,
            now=clock.utc_now(),
        )
    await talk.show(
        Screen(
            paragraphs(
                words.say("bot.exclusion.done", moment=words.moment(until))
                if until
                else words.say("bot.exclusion.done_for_life"),
                words.say("bot.care.money"),
                words.say("bot.care.help"),
            ),
            ((buttons.go(words, "withdraw"), buttons.go(words, "support")), buttons.back(words)),
        )
    )
    return Toast(words.plain("bot.exclusion.toast"))


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    router = Router(name="care")
    router.message.register(choose_time_out, Command("timeout"))
    router.callback_query.register(choose_time_out, Go.filter(F.to == "timeout"))
    router.callback_query.register(take_time_out, TimeOut.filter(F.hours.in_(TIME_OUT_HOURS)))
    router.message.register(choose_exclusion, Command("exclude"))
    router.callback_query.register(choose_exclusion, Go.filter(F.to == "exclusion"))
    router.callback_query.register(exclude, Exclude.filter(F.months.in_(EXCLUSION_MONTHS)))
    return router
