"""What happens around every handler: who speaks, may he go on, and what does he hear if not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from aiogram import BaseMiddleware, Bot
from aiogram.dispatcher.flags import get_flag
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import CallbackQuery, Message, TelegramObject, User

from bot import buttons
from bot.errors import explain
from bot.handlers.start import consent_screen
from bot.house import House
from casino import clock
from casino.errors import CasinoError, InvariantViolation
from casino.players import identity
from messaging.screens import TOAST_MAX, Screen, Toast
from messaging.talk import Talk
from messaging.words import Words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from casino.players.identity import Player

    Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

log = structlog.get_logger(__name__)

START = "/start"


class Person(BaseMiddleware):
    """Finds the player behind a private message or a tap, or creates him; handlers get `player`,
    `words` and `talk`. Strangers in a group are shown the way to the private chat."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Message | CallbackQuery) or event.from_user is None:
            return None
        author = event.from_user
        if author.is_bot:
            return None
        bot: Bot = data["bot"]
        house: House = data["house"]
        private = _is_private(event)
        player = await _meet(house, author, event, create=private)
        words = Words(player.language if player else author.language_code)
        data.update(words=words, talk=Talk.about(bot, event))
        with structlog.contextvars.bound_contextvars(player_id=player.id if player else None):
            if player is None:
                return await _point_to_private(bot, event, house, words)
            data["player"] = player
            return await _in_private(handler, event, data, private=private)


class Spoken(BaseMiddleware):
    """Answers every tap, whatever happens, and turns errors into words.

    A refusal is said at once. A bug or a lost machine leaves the update to another attempt; the
    person hears of it on the first and on the last one.
    """

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        words: Words = data["words"]
        toast: Toast | None = None
        try:
            answer = await handler(event, data)
            toast = answer if isinstance(answer, Toast) else None
        except InvariantViolation:
            await _say_trouble(event, data)
            raise
        except CasinoError as error:
            log.info("player.refused", code=error.code)
            toast = Toast(explain(error, words), alert=True)
            if isinstance(event, Message):
                await data["talk"].show(refusal_screen(toast.text, words))
        except (TelegramBadRequest, TelegramForbiddenError):
            raise
        except Exception:
            # The aiogram edge: the update goes back to the inbox, the person is not left waiting.
            await _say_trouble(event, data)
            raise
        if isinstance(event, CallbackQuery):
            await answer_tap(event, toast)
        return None


class Consented(BaseMiddleware):
    """Shows the terms before anything else, to whoever has not accepted the current ones.
    Handlers flagged `before_consent` are open to all."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        player: Player = data["player"]
        if player.consented or get_flag(data, "before_consent"):
            return await handler(event, data)
        await data["talk"].show(consent_screen(data["words"], first_name=player.first_name))
        return None


def refusal_screen(text: str, words: Words) -> Screen:
    """What was refused, with a way on."""
    return Screen(words.say("bot.refused", text=text), (buttons.back(words),))


async def answer_tap(event: CallbackQuery, toast: Toast | None) -> None:
    """Answer a tap; one that is answered already or too old to be answered is not an error."""
    try:
        if toast is None:
            await event.answer()
        else:
            await event.answer(toast.text[:TOAST_MAX], show_alert=toast.alert)
    except TelegramBadRequest as error:
        log.info("tap.not_answered", reason=error.message)


async def _meet(
    house: House, author: User, event: TelegramObject, *, create: bool
) -> Player | None:
    async with house.database.transaction() as session:
        if not create:
            return await identity.find_by_telegram(session, telegram_id=author.id)
        player = await identity.find_or_create(
            session,
            telegram_id=author.id,
            first_name=author.first_name,
            username=author.username,
            language_code=author.language_code,
            start_payload=_start_payload(event),
            now=clock.utc_now(),
        )
        if player.unreachable:
            await identity.mark_reachable(session, telegram_id=author.id, now=clock.utc_now())
        return player


async def _in_private(
    handler: Handler, event: TelegramObject, data: dict[str, Any], *, private: bool
) -> Any:
    house: House = data["house"]
    try:
        return await handler(event, data)
    except TelegramForbiddenError:
        # The private chat is closed to us. What was done is done; only the answer is missing.
        async with house.database.transaction() as session:
            await identity.mark_unreachable(
                session, telegram_id=data["player"].telegram_id, now=clock.utc_now()
            )
    if not private:
        await _point_to_private(data["bot"], event, house, data["words"])
    return None


async def _point_to_private(bot: Bot, event: TelegramObject, house: House, words: Words) -> None:
    if isinstance(event, CallbackQuery):
        await answer_tap(event, Toast(words.plain("bot.group.private"), alert=True))
        return
    if isinstance(event, Message) and event.text and event.text.startswith("/"):
        screen = Screen(
            words.say("bot.group.private"),
            ((buttons.link(words.plain("bot.button.open_chat"), house.chat_url),),),
        )
        await bot.send_message(
            event.chat.id,
            screen.text,
            reply_markup=screen.keyboard,
            reply_to_message_id=event.message_id,
        )


async def _say_trouble(event: TelegramObject, data: dict[str, Any]) -> None:
    words: Words = data["words"]
    update_id = data["event_update"].update_id
    first, last = data.get("attempt", 1) == 1, data.get("last_attempt", True)
    if isinstance(event, CallbackQuery) and first:
        await answer_tap(event, Toast(words.plain("bot.trouble.again")))
    if last:
        await data["talk"].show(
            Screen(words.say("bot.trouble.last", reference=str(update_id)), (buttons.back(words),))
        )


def _is_private(event: Message | CallbackQuery) -> bool:
    message = event if isinstance(event, Message) else event.message
    return message is None or message.chat.type == ChatType.PRIVATE


def _start_payload(event: TelegramObject) -> str | None:
    text = event.text if isinstance(event, Message) else None
    command, _, payload = (text or "").partition(" ")
    return payload.strip() or None if command == START else None
