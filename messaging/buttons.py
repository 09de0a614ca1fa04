"""A button that calls us back, and rows of buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import InlineKeyboardButton

if TYPE_CHECKING:
    from aiogram.filters.callback_data import CallbackData

Row = tuple[InlineKeyboardButton, ...]


def tap(text: str, data: CallbackData, *, style: str | None = None) -> InlineKeyboardButton:
    """A button that calls us back; `style` is primary, success or danger."""
    return InlineKeyboardButton(text=text, callback_data=data.pack(), style=style)
