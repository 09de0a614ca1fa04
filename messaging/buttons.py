"""Buttons that call us back or copy a text, and rows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiogram.types import CopyTextButton, InlineKeyboardButton

if TYPE_CHECKING:
    from aiogram.filters.callback_data import CallbackData

Row = tuple[InlineKeyboardButton, ...]
COPY_MAX = 256


def tap(text: str, data: CallbackData, *, style: str | None = None) -> InlineKeyboardButton:
    """A button that calls us back; `style` is primary, success or danger."""
    return InlineKeyboardButton(text=text, callback_data=data.pack(), style=style)


def copy(text: str, what: str) -> InlineKeyboardButton:
    """A button that puts `what` on the clipboard."""
    return InlineKeyboardButton(text=text, copy_text=CopyTextButton(text=what[:COPY_MAX]))
