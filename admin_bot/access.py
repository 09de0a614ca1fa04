"""Who may pass: members of staff only, each handler by its permission, every tap answered.

Every handler is registered with `allowed(...)`; one without it is closed to everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from aiogram import BaseMiddleware, Bot
from aiogram.dispatcher.flags import get_flag
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import CallbackQuery, Message, TelegramObject

from admin_bot import buttons
from admin_bot.desk import Desk
from admin_bot.words import explain
from casino.clock import utc_now
from casino.errors import CasinoError, InvariantViolation, NotPermitted
from casino.staff import chats, people
from casino.staff.roles import Permission, require
from casino.telemetry import updates_total
from messaging.screens import TOAST_MAX, Screen, Toast
from messaging.talk import Talk
from messaging.updates import STAFF_SOURCE
from messaging.words import Words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from casino.staff.people import Member

    Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

log = structlog.get_logger(__name__)

PERMISSION, AUDITS, ANY_MEMBER = "permission", "audits", "any_member"


def allowed(permission: Permission | None, *, audits: str | None = None) -> dict[str, Any]:
    """Flags of a handler: the permission that it needs (None: any member of staff), and for one
    that acts, how the action begins that it leaves in the audit log."""
    flags: dict[str, Any] = {PERMISSION: permission} if permission else {ANY_MEMBER: True}
    return flags | ({AUDITS: audits} if audits else {})


class Entrance(BaseMiddleware):
    """Lets members of staff in, in private chats; handlers get `member`, `words` and `talk`.
    Everybody else hears one polite line and is counted."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Message | CallbackQuery) or event.from_user is None:
            return None
        if event.from_user.is_bot or not _is_private(event):
            return None  # cards are nobody else's business: groups hear nothing
        desk: Desk = data["desk"]
        async with desk.database.transaction() as session:
            member = await people.find_member(session, telegram_id=event.from_user.id)
            if member is not None:
                member = await people.learn_name(
                    session, member=member, name=event.from_user.first_name, now=utc_now()
                )
                await chats.note(
                    session, member_id=member.id, language=event.from_user.language_code
                )
        words = Words(event.from_user.language_code)
        if member is None:
            await _turn_away(event, words)
            return None
        data.update(member=member, words=words, talk=Talk.about(data["bot"], event))
        with structlog.contextvars.bound_contextvars(member_id=member.id):
            return await handler(event, data)


class Spoken(BaseMiddleware):
    """Answers every tap, whatever happens, and turns errors into words."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        toast: Toast | None = None
        try:
            answer = await handler(event, data)
            toast = answer if isinstance(answer, Toast) else None
        except InvariantViolation:
            await _say_trouble(event, data)
            raise
        except CasinoError as error:
            log.info("staff.refused", code=error.code)
            toast = Toast(explain(error, data["words"]), alert=True)
        except (TelegramBadRequest, TelegramForbiddenError):
            raise
        except Exception:
            # The aiogram edge: the update goes back to the inbox, the person is not left waiting.
            await _say_trouble(event, data)
            raise
        if toast is not None and isinstance(event, Message):
            words: Words = data["words"]
            screen = Screen(words.say("admin.told", text=toast.text), (buttons.back(words),))
            await data["talk"].send(screen)
        if isinstance(event, CallbackQuery):
            await answer_tap(event, toast)
        return None


class Permitted(BaseMiddleware):
    """Raises NotPermitted unless the handler declares what it needs and the member has it."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        member: Member = data["member"]
        permission: Permission | None = get_flag(data, PERMISSION)
        if permission is not None:
            require(member, permission)
        elif not get_flag(data, ANY_MEMBER):
            raise NotPermitted(permission="undeclared")
        return await handler(event, data)


async def answer_tap(event: CallbackQuery, toast: Toast | None) -> None:
    """Answer a tap; one that is answered already or too old to be answered is not an error."""
    try:
        if toast is None:
            await event.answer()
        else:
            await event.answer(toast.text[:TOAST_MAX], show_alert=toast.alert)
    except TelegramBadRequest as error:
        log.info("tap.not_answered", reason=error.message)


async def _turn_away(event: Message | CallbackQuery, words: Words) -> None:
    updates_total.labels(bot=STAFF_SOURCE, result="stranger").inc()
    author = event.from_user.id if event.from_user else 0
    log.warning("stranger.turned_away", telegram_id=author)
    if isinstance(event, CallbackQuery):
        await answer_tap(event, Toast(words.plain("admin.stranger"), alert=True))
        return
    bot: Bot | None = event.bot
    if bot is None:
        return
    try:
        await bot.send_message(event.chat.id, words.say("admin.stranger"))
    except (TelegramBadRequest, TelegramForbiddenError) as error:
        log.info("stranger.not_answered", reason=error.message)


async def _say_trouble(event: TelegramObject, data: dict[str, Any]) -> None:
    words: Words = data["words"]
    first, last = data.get("attempt", 1) == 1, data.get("last_attempt", True)
    if isinstance(event, CallbackQuery) and first:
        await answer_tap(event, Toast(words.plain("admin.trouble.again")))
    if last:
        reference = str(data["event_update"].update_id)
        text = words.say("admin.trouble.last", reference=reference)
        await data["talk"].send(Screen(text, (buttons.back(words),)))


def _is_private(event: Message | CallbackQuery) -> bool:
    message = event if isinstance(event, Message) else event.message
    return message is None or message.chat.type == ChatType.PRIVATE
