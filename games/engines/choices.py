"""Reading a player's choice: exactly the expected fields, of exactly the expected types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.errors import BadChoice

if TYPE_CHECKING:
    from collections.abc import Mapping


def only(choice: Mapping[str, object], *fields: str) -> None:
    """Raise BadChoice for a missing or an unknown field."""
    for field in set(choice) ^ set(fields):
        raise BadChoice(field=str(field)[:40])


def whole(choice: Mapping[str, object], field: str, *, low: int, high: int) -> int:
    """A whole number of low .. high, or BadChoice."""
    found = choice.get(field)
    if type(found) is not int or not low <= found <= high:
        raise BadChoice(field=field, low=low, high=high)
    return found


def yes_or_no(choice: Mapping[str, object], field: str) -> bool:
    """True or false, or BadChoice."""
    found = choice.get(field)
    if type(found) is not bool:
        raise BadChoice(field=field)
    return found
