"""Every error as words: what happened, whether anything was lost, what to do next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from casino.errors import CasinoError
from casino.money import Asset, Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from messaging.words import Words

MONEY_FIELDS = ("available", "minimum", "maximum", "remaining")
REFERENCE_FIELDS = ("limit", "used", "ceiling")
NAMED_FIELDS = {"window": "window", "network": "address_kind", "wanted": "address_kind"}
_ASSETS = frozenset(asset.value for asset in Asset)
UNSPOKEN = ("key", "language")  # names that looking up a text has already taken
MOMENT_FIELDS = ("until", "resets_at")


def explain(error: CasinoError, words: Words) -> str:
    """A sentence or two without markup. The detailed text of a code is used when the error
    carries all that it names; otherwise the general text, which every code has."""
    # Never empty, so that a text is always filled in and tells what it misses.
    params = {"code": error.code, **_spoken(error.data, words)}
    for key in _keys(error):
        if not words.knows(key):
            continue
        try:
            return words.plain(key, **params)
        except KeyError:
            continue  # the detailed text names something this error does not carry
    return words.plain(CasinoError.code)


def explain_code(code: str, words: Words) -> str:
    """A reason as it was stored: one of our codes in words, or what a person wrote, as it is."""
    return words.plain(code) if words.knows(code) else code


def _keys(error: CasinoError) -> list[str]:
    """Texts to try, the most telling first: by reason (and chain), with detail, general."""
    reason = error.data.get("reason")
    wanted = error.data.get("wanted")
    by_reason = [f"{error.code}.{reason}"] if isinstance(reason, str) else []
    if by_reason and isinstance(wanted, str):
        by_reason.insert(0, f"{by_reason[0]}.{wanted}")
    named = (error.data.get("kind"), error.data.get("field"))
    by_name = [f"{error.code}.{name}" for name in named if isinstance(name, str)]
    open_end = [f"{error.code}.for_life"] if error.data.get("until", 0) is None else []
    return [*open_end, *by_reason, *by_name, f"{error.code}.detail", error.code]


def _spoken(data: Mapping[str, object], words: Words) -> dict[str, object]:
    asset = data.get("asset")
    spoken: dict[str, object] = {}
    for name, part in data.items():
        if name not in UNSPOKEN:
            spoken |= _in_words(name, part, asset, words)
    for name, family in NAMED_FIELDS.items():
        key = f"{family}.{data.get(name)}"
        if words.knows(key):
            spoken[name] = words.plain(key)
    return spoken


def _in_words(name: str, part: object, asset: object, words: Words) -> dict[str, object]:
    """One fact as it is said; nothing if it is not for people."""
    if isinstance(part, Money):
        return {name: words.amount(part)}
    if isinstance(part, datetime):
        return {name: words.moment(part)} if name in MOMENT_FIELDS else {}
    if isinstance(part, int) and name in MONEY_FIELDS and asset in _ASSETS:
        return {name: words.amount(Money(part, Asset(str(asset))))}
    if isinstance(part, int) and name in REFERENCE_FIELDS:
        return {name: words.reference(part)}
    return {name: part} if isinstance(part, int | str) else {}
