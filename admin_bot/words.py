"""Texts that only staff read: quoted words, switches by name, what stands in the way."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from casino.errors import CasinoError
from messaging.words import Markup

if TYPE_CHECKING:
    from messaging.words import Words

QUOTED_MAX = 600


def quote(text: str) -> Markup:
    """Words of somebody else, set apart and bounded."""
    shown = text if len(text) <= QUOTED_MAX else text[: QUOTED_MAX - 1] + "…"
    return Markup(f"<blockquote>{html.escape(shown, quote=False)}</blockquote>")


def folded(text: Markup) -> Markup:
    """A part that opens with a tap."""
    return Markup(f"<blockquote expandable>{text}</blockquote>") if text else Markup()


def switch_name(name: str, words: Words) -> str:
    """A kill switch by its name."""
    family, _, which = name.partition(":")
    if family == "game":
        game = words.plain(f"game.{which}") if words.knows(f"game.{which}") else which
        return words.plain("admin.switch.game", game=game)
    if family == "asset":
        return words.plain("admin.switch.asset", asset=which)
    return words.plain(f"admin.switch.{family}")


def explain(error: CasinoError, words: Words) -> str:
    """An error for a member of staff: what stands in the way, in one or two sentences.

    Texts of staff come first, since those for players speak of "your" limit; every code has at
    least the general text.
    """
    switch = error.data.get("switch")
    if isinstance(switch, str):
        named = switch.removeprefix("rail:")
        shown = named if named != switch else switch_name(switch, words)
        return words.plain("admin.refused.paused", switch=shown)
    data = error.data
    field, reason = data.get("field") or data.get("thing"), data.get("reason")
    kinds = {name: f"address_kind.{data.get(name)}" for name in ("network", "wanted")}
    spoken = {name: words.plain(kind) for name, kind in kinds.items() if words.knows(kind)}
    for key in (
        f"admin.{error.code}.{field}",
        f"admin.{error.code}",
        f"{error.code}.{reason}.{data.get('wanted')}",
        f"{error.code}.{reason}",
        error.code,
    ):
        if words.knows(key):
            return words.plain(key, **spoken)
    return words.plain(CasinoError.code)
