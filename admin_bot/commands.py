"""What Telegram itself shows about the bot: its command list, in every language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats

from casino import i18n
from messaging.words import Words

if TYPE_CHECKING:
    from aiogram import Bot

COMMANDS = ("menu", "queue", "verify", "player", "figures", "switches", "audit")


async def introduce(bot: Bot) -> None:
    """Set the commands; the same call twice changes nothing."""
    for language in i18n.LANGUAGES:
        words = Words(language)
        await bot.set_my_commands(
            [
                BotCommand(command=name, description=words.plain(f"admin.command.{name}"))
                for name in COMMANDS
            ],
            scope=BotCommandScopeAllPrivateChats(),
            # The default language has no code of its own: it serves everyone else.
            language_code=None if language == i18n.DEFAULT_LANGUAGE else language,
        )
