"""Buttons by what they do; texts come from the locale files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import InlineKeyboardButton, WebAppInfo

from bot.callbacks import Go
from messaging.buttons import tap

if TYPE_CHECKING:
    from messaging.buttons import Row
    from messaging.words import Words


def go(words: Words, to: str, *, style: str | None = None) -> InlineKeyboardButton:
    """A button to another screen, named by that screen."""
    return tap(words.plain(f"bot.button.{to}"), Go(to=to), style=style)


def back(words: Words, to: str = "menu") -> Row:
    """The last row of a screen."""
    return (tap(words.plain("bot.button.back"), Go(to=to)),)


def app(text: str, url: str, *, style: str | None = None) -> InlineKeyboardButton:
    """A button that opens the Mini App."""
    return InlineKeyboardButton(text=text, web_app=WebAppInfo(url=url), style=style)


def link(text: str, url: str) -> InlineKeyboardButton:
    """A button that opens a page."""
    return InlineKeyboardButton(text=text, url=url)
