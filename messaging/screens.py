"""What a message or a toast shows, and how a message is sent, changed and taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile, InlineKeyboardMarkup

if TYPE_CHECKING:
    from aiogram import Bot
    from aiogram.types import Message

    from messaging.buttons import Row

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


async def send(bot: Bot, chat_id: int, screen: Screen) -> Message:
    """Send a screen to a chat as a new message."""
    if screen.picture is None:
        return await bot.send_message(chat_id, screen.text, reply_markup=screen.keyboard)
    return await bot.send_photo(
        chat_id,
        BufferedInputFile(screen.picture, filename="picture.png"),
        caption=screen.text,
        reply_markup=screen.keyboard,
    )


async def edit(bot: Bot, chat_id: int, message_id: int, screen: Screen) -> bool:
    """Change a text message; False when it is gone or can no longer be changed."""
    try:
        await bot.edit_message_text(
            screen.text, chat_id=chat_id, message_id=message_id, reply_markup=screen.keyboard
        )
    except TelegramBadRequest as error:
        if UNCHANGED in error.message:
            return True
        log.info("message.not_edited", reason=error.message)
        return False
    return True


async def remove(bot: Bot, chat_id: int, message_id: int) -> bool:
    """Take a message away; False when it stays, since Telegram lets us delete young ones only."""
    try:
        await bot.delete_message(chat_id, message_id)
    except TelegramBadRequest as error:
        log.info("message.not_deleted", reason=error.message)
        return "not found" in error.message
    return True
