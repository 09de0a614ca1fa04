"""Texts by key and language; plurals and numbers by the language's own rules."""

from __future__ import annotations

import json
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import get_decimal_symbol, get_group_symbol

from casino.money import REFERENCE_CURRENCY, REFERENCE_DECIMALS, trim_units

if TYPE_CHECKING:
    from datetime import datetime

    from casino.money import Money

LANGUAGES = ("en", "ru")
DEFAULT_LANGUAGE = "en"
_FOLDER = Path(__file__).parent / "locales"


def pick_language(asked: str | None) -> str:
    """The language we speak to someone whose client says `asked` (an IETF tag or nothing)."""
    code = (asked or "").lower().partition("-")[0]
    return code if code in LANGUAGES else DEFAULT_LANGUAGE


@cache
def catalogue(language: str) -> dict[str, str | dict[str, str]]:
    """All texts of a language: one flat table from the files of its folder.

    A text with plural forms is a table by CLDR category and is chosen by its `count`.
    """
    texts: dict[str, str | dict[str, str]] = {}
    for path in sorted((_FOLDER / language).glob("*.json")):
        texts.update(json.loads(path.read_text("utf-8")))
    return texts


def text(language: str, key: str, /, **params: object) -> str:
    """The text of `key` with its placeholders filled; raises KeyError for an unknown key."""
    found = catalogue(pick_language(language))[key]
    if isinstance(found, dict):
        count = params["count"]
        if not isinstance(count, int):
            raise TypeError(key)
        category = Locale.parse(pick_language(language)).plural_form(count)
        found = found.get(category) or found["other"]
    return found.format(**params) if params else found


def amount(language: str, money: Money, *, at_least: int = 2) -> str:
    """An amount as people of this language read it: trimmed, with its unit."""
    digits = trim_units(money.units, money.asset.decimals, at_least=at_least)
    return f"{_localised(language, digits)} {money.asset}"


def reference_amount(language: str, units: int) -> str:
    """Micro-units of the reference currency, to the cent, rounded up."""
    cents = -(-units // 10 ** (REFERENCE_DECIMALS - 2))
    return f"{_localised(language, trim_units(cents, 2))} {REFERENCE_CURRENCY}"


def moment(language: str, when: datetime) -> str:
    """A moment in UTC as people of this language write it."""
    shown = format_datetime(when, "d MMM y, HH:mm", locale=pick_language(language))
    return f"{shown} UTC"


def clock(when: datetime) -> str:
    """The time of day of a moment in UTC; the same in every language that we speak."""
    return f"{when.astimezone(UTC):%H:%M} UTC"


def _localised(language: str, digits: str) -> str:
    """Plain digits with the language's signs between thousands and before decimals."""
    locale = pick_language(language)
    whole, _, part = digits.partition(".")
    grouped = f"{int(whole):,}".replace(",", get_group_symbol(locale))
    # Minus zero is not a number that int() keeps.
    sign = "-" if whole == "-0" else ""
    return f"{sign}{grouped}{get_decimal_symbol(locale) + part if part else ''}"
