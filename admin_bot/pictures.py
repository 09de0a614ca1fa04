"""How a picture of a document leaves a chat for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile, InputMediaDocument

from messaging.screens import remove

if TYPE_CHECKING:
    from aiogram import Bot

log = structlog.get_logger(__name__)


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
