"""How a screen reaches the chat: one living message per task, edited in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardMarkup,
    Message,
)

if TYPE_CHECKING:
    from aiogram import Bot

    from bot.buttons import Row

log = structlog.get_logger(__name__)

TOAST_MAX = 200
UNCHANGED = "message is not modified"


@dataclass(frozen=True, slots=True)
class Screen:
    """What a message shows: text in HTML, rows of buttons, perhaps a picture above the text."""

    text: str
    rows: tuple[Row, ...] = ()
    picture: bytes | None = None

    @property
    def keyboard(self) -> InlineKeyboardMarkup:
        """The rows as Telegram wants them."""
        return InlineKeyboardMarkup(inline_keyboard=[list(row) for row in self.rows if row])


@dataclass(frozen=True, slots=True)
class Toast:
    """A short answer over the chat; `alert` asks the person to close it."""

    text: str
    alert: bool = False


class Talk:
    """One person's private chat during one update.

    `show` edits the message whose button was tapped, or sends a new one when there is none, when
    it is too old to edit, or when text has to become a picture or the other way round.
    """

    def __init__(self, bot: Bot, *, chat_id: int, living: Message | None) -> None:
        self._bot = bot
        self.chat_id = chat_id
        self._living = living

    @classmethod
    def about(cls, bot: Bot, event: Message | CallbackQuery) -> Talk:
        """The talk with the author of `event`, in private wherever he wrote."""
        if isinstance(event, CallbackQuery):
            tapped = event.message if isinstance(event.message, Message) else None
            return cls(bot, chat_id=event.from_user.id, living=tapped)
        author = event.from_user.id if event.from_user else event.chat.id
        return cls(bot, chat_id=author, living=None)

    async def show(self, screen: Screen, *, instead_of: int | None = None) -> int:
        """Show a screen and return its message id. `instead_of` is an older message of the same
        task, which goes when a new one was sent."""
        old = self._living
        if old is not None and screen.picture is None and not old.photo:
            edited = await self._edit(old, screen)
            if edited:
                return old.message_id
        sent = await self._send(screen)
        self._living = sent
        for gone in {old.message_id if old else None, instead_of} - {None, sent.message_id}:
            if gone is not None:
                await self._remove(gone)
        return sent.message_id

    async def _edit(self, message: Message, screen: Screen) -> bool:
        try:
            await self._bot.edit_message_text(
                screen.text,
                chat_id=message.chat.id,
                message_id=message.message_id,
                reply_markup=screen.keyboard,
            )
        except TelegramBadRequest as error:
            if UNCHANGED in error.message:
                return True
            log.info("message.not_edited", reason=error.message)
            return False
        return True

    async def _send(self, screen: Screen) -> Message:
        if screen.picture is None:
            return await self._bot.send_message(
                self.chat_id, screen.text, reply_markup=screen.keyboard
            )
        return await self._bot.send_photo(
            self.chat_id,
            BufferedInputFile(screen.picture, filename="picture.png"),
            caption=screen.text,
            reply_markup=screen.keyboard,
        )

    async def _remove(self, message_id: int) -> None:
        try:
            await self._bot.delete_message(self.chat_id, message_id)
        except TelegramBadRequest as error:
            # Gone already, or older than Telegram lets us delete: then it stays as history.
            log.info("message.not_deleted", reason=error.message)
