"""Buttons by what they do; texts come from the locale files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import InlineKeyboardButton

from admin_bot.callbacks import Go
from messaging.buttons import tap

if TYPE_CHECKING:
    from aiogram.filters.callback_data import CallbackData

    from messaging.buttons import Row
    from messaging.words import Words

DANGER, SUCCESS, PRIMARY = "danger", "success", "primary"


def go(words: Words, to: str) -> InlineKeyboardButton:
    """A button to another screen, named by that screen."""
    return tap(words.plain(f"admin.button.{to}"), Go(to=to))


def back(words: Words, to: str = "menu") -> Row:
    """The last row of a screen."""
    return (tap(words.plain("admin.button.back"), Go(to=to)),)


def link(text: str, url: str) -> InlineKeyboardButton:
    """A button that opens a page."""
    return InlineKeyboardButton(text=text, url=url)


def turning(
    words: Words, *, newest: CallbackData | None, older: CallbackData | None
) -> tuple[InlineKeyboardButton, ...]:
    """The row that turns pages: to the newest one and to the one before."""
    return (
        *((tap(words.plain("admin.button.newest"), newest),) if newest else ()),
        *((tap(words.plain("admin.button.older"), older),) if older else ()),
    )
