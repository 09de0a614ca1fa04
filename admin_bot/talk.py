"""How a screen reaches a chat, and how a message there is changed or taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardMarkup,
    InputMediaDocument,
    Message,
)

if TYPE_CHECKING:
    from aiogram import Bot

    from admin_bot.buttons import Row

log = structlog.get_logger(__name__)

TOAST_MAX = 200
TEXT_MAX = 4096
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
    """One member's private chat during one update.

    `show` edits the message whose button was tapped, or sends a new one; `send` always sends a new
    one: cards are messages of their own, since they are brought up to date when others decide.
    """

    def __init__(self, bot: Bot, *, chat_id: int, tapped: Message | None) -> None:
        self.bot = bot
        self.chat_id = chat_id
        self.tapped = tapped

    @classmethod
    def about(cls, bot: Bot, event: Message | CallbackQuery) -> Talk:
        """The talk with the author of `event`."""
        if isinstance(event, CallbackQuery):
            tapped = event.message if isinstance(event.message, Message) else None
            return cls(bot, chat_id=event.from_user.id, tapped=tapped)
        return cls(bot, chat_id=event.chat.id, tapped=None)

    async def show(self, screen: Screen) -> int:
        """Show a screen where the button was tapped and return its message id."""
        old = self.tapped
        textual = old is not None and screen.picture is None and not old.photo
        if (
            old is not None
            and textual
            and await edit(self.bot, self.chat_id, old.message_id, screen)
        ):
            return old.message_id
        message_id = await self.send(screen)
        if old is not None:
            await remove(self.bot, self.chat_id, old.message_id)
        return message_id

    async def send(self, screen: Screen) -> int:
        """Send a screen as a new message and return its id."""
        return await send(self.bot, self.chat_id, screen)


async def send(bot: Bot, chat_id: int, screen: Screen) -> int:
    """Send a screen to a chat; returns the id of the message."""
    if screen.picture is None:
        sent = await bot.send_message(chat_id, screen.text, reply_markup=screen.keyboard)
    else:
        sent = await bot.send_photo(
            chat_id,
            BufferedInputFile(screen.picture, filename="figures.png"),
            caption=screen.text,
            reply_markup=screen.keyboard,
        )
    return sent.message_id


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
    """Take a message away; False when Telegram does not let us (any more)."""
    try:
        await bot.delete_message(chat_id, message_id)
    except TelegramBadRequest as error:
        log.info("message.not_deleted", reason=error.message)
        return "not found" in error.message
    return True


async def wipe(bot: Bot, chat_id: int, message_id: int, *, note: str) -> None:
    """Take a picture away; one that is too old to be deleted is replaced by a text file."""
    if await remove(bot, chat_id, message_id):
        return
    blank = BufferedInputFile(note.encode(), filename="removed.txt")
    try:
        await bot.edit_message_media(
            InputMediaDocument(media=blank), chat_id=chat_id, message_id=message_id
        )
    except TelegramBadRequest as error:
        log.warning("picture.not_wiped", reason=error.message, message_id=message_id)
