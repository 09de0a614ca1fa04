"""Buttons by what they do; texts come from the locale files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import InlineKeyboardButton

from admin_bot.callbacks import Go
from messaging.buttons import tap

if TYPE_CHECKING:
    from typing import Protocol

    from aiogram.filters.callback_data import CallbackData

    from messaging.buttons import Row
    from messaging.words import Words

    class Page(Protocol):
        """Makes the button's data of the page that begins before an id; 0 is the newest page."""

        def __call__(self, *, before: int) -> CallbackData: ...


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


def turning(words: Words, page: Page, *, before: int, older: int | None) -> Row:
    """The row that turns pages: to the newest one, unless this is it (`before` is 0), and to what
    is older than the last thing shown, if there is any."""
    return (
        *((tap(words.plain("admin.button.newest"), page(before=0)),) if before else ()),
        *((tap(words.plain("admin.button.older"), page(before=older)),) if older else ()),
    )
