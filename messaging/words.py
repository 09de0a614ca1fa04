"""Texts in one person's language, safe to put into an HTML message."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from casino import i18n
from casino.money import PLAYABLE, Asset, Money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


class Words:
    """Speaks one language. `say` is for messages and escapes what it fills in; `plain` is for
    buttons and toasts, which know no markup."""

    def __init__(self, language: str | None) -> None:
        self.language = i18n.pick_language(language)

    def say(self, key: str, **params: object) -> Markup:
        """An HTML text; texts among the params are escaped unless they are Markup."""
        safe = {name: _safe(part) for name, part in params.items()}
        return Markup(i18n.text(self.language, key, **safe))

    def plain(self, key: str, **params: object) -> str:
        """A text without markup."""
        return i18n.text(self.language, key, **params)

    def knows(self, key: str) -> bool:
        """Whether there is a text for `key`."""
        return key in i18n.catalogue(self.language)

    def amount(self, money: Money) -> str:
        """An amount with its unit."""
        return i18n.amount(self.language, money)

    def units(self, units: int, asset: Asset) -> str:
        """Units of an asset as an amount."""
        return self.amount(Money(units, asset))

    def sums(self, by_asset: Mapping[Asset, int]) -> str:
        """Sums by asset, those that are nothing left out; zero of the first asset if all are."""
        shown = [(asset, units) for asset, units in by_asset.items() if units]
        return " · ".join(self.units(units, asset) for asset, units in shown or [(PLAYABLE[0], 0)])

    def reference(self, units: int) -> str:
        """Micro-units of the reference currency."""
        return i18n.reference_amount(self.language, units)

    def moment(self, when: datetime) -> str:
        """A moment in UTC."""
        return i18n.moment(self.language, when)

    def clock(self, when: datetime) -> str:
        """The time of day of a moment in UTC."""
        return i18n.clock(when)


def paragraphs(*parts: str | None) -> Markup:
    """Lines of a message, one below the other; None and empty parts leave no gap."""
    return Markup("\n".join(part for part in parts if part))


def code(text: str) -> Markup:
    """A text that one tap copies."""
    return Markup(f"<code>{html.escape(text, quote=False)}</code>")


def _safe(part: object) -> object:
    if isinstance(part, Markup) or not isinstance(part, str):
        return part
    return html.escape(part, quote=False)
