"""What Telegram itself shows about the bot: the command list and the button beside the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    MenuButtonWebApp,
    WebAppInfo,
)

from casino import i18n
from messaging.words import Words

if TYPE_CHECKING:
    from aiogram import Bot

COMMANDS = (
    "menu",
    "play",
    "balance",
    "deposit",
    "withdraw",
    "addresses",
    "history",
    "limits",
    "fairness",
    "verify",
    "support",
    "language",
    "terms",
    "privacy",
    "paysupport",
)


async def introduce(bot: Bot, *, mini_app_url: str) -> None:
    """Set commands in every language and the menu button; the same call twice changes nothing."""
    for language in i18n.LANGUAGES:
        words = Words(language)
        await bot.set_my_commands(
            [
                BotCommand(command=name, description=words.plain(f"bot.command.{name}"))
                for name in COMMANDS
            ],
            scope=BotCommandScopeAllPrivateChats(),
            # The default language has no code of its own: it serves everyone else.
            language_code=None if language == i18n.DEFAULT_LANGUAGE else language,
        )
    await bot.set_chat_menu_button(
        menu_button=MenuButtonWebApp(
            text=Words(i18n.DEFAULT_LANGUAGE).plain("bot.button.play"),
            web_app=WebAppInfo(url=mini_app_url),
        )
    )
