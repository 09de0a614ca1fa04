"""Texts in one member's language, safe to put into an HTML message."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from casino import i18n
from casino.errors import CasinoError
from casino.money import PLAYABLE, Asset, Money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

QUOTED_MAX = 600


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


class Words:
    """Speaks one language. `say` escapes what it fills in; `plain` is for buttons and toasts,
    which know no markup."""

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

    def switch(self, name: str) -> str:
        """A kill switch by its name."""
        family, _, which = name.partition(":")
        if family == "game":
            game = self.plain(f"game.{which}") if self.knows(f"game.{which}") else which
            return self.plain("admin.switch.game", game=game)
        if family == "asset":
            return self.plain("admin.switch.asset", asset=which)
        return self.plain(f"admin.switch.{family}")


def paragraphs(*parts: str | None) -> Markup:
    """Lines of a message, one below the other; None and empty parts leave no gap."""
    return Markup("\n".join(part for part in parts if part))


def code(text: str) -> Markup:
    """A text that one tap copies."""
    return Markup(f"<code>{html.escape(text, quote=False)}</code>")


def quote(text: str) -> Markup:
    """Words of somebody else, set apart and bounded."""
    shown = text if len(text) <= QUOTED_MAX else text[: QUOTED_MAX - 1] + "…"
    return Markup(f"<blockquote>{html.escape(shown, quote=False)}</blockquote>")


def folded(text: Markup) -> Markup:
    """A part that opens with a tap."""
    return Markup(f"<blockquote expandable>{text}</blockquote>") if text else Markup()


def explain(error: CasinoError, words: Words) -> str:
    """An error for a member of staff: what stands in the way, in one or two sentences.

    Texts of staff come first, since those for players speak of "your" limit; every code has at
    least the general text.
    """
    switch = error.data.get("switch")
    if isinstance(switch, str):
        named = switch.removeprefix("rail:")
        shown = named if named != switch else words.switch(switch)
        return words.plain("admin.refused.paused", switch=shown)
    field = error.data.get("field") or error.data.get("thing")
    for key in (f"admin.{error.code}.{field}", f"admin.{error.code}", error.code):
        if words.knows(key):
            return words.plain(key)
    return words.plain(CasinoError.code)


def _safe(part: object) -> object:
    if isinstance(part, Markup) or not isinstance(part, str):
        return part
    return html.escape(part, quote=False)
