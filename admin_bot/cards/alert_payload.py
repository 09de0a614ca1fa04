"""What an alert's payload says, read strictly: amounts, numbers and the player whom it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from admin_bot.cards.shape import player_button
from casino.money import Asset, Money
from messaging.screens import Screen
from messaging.words import Words

if TYPE_CHECKING:
    from messaging.buttons import Row

Payload = Mapping[str, object]
Compose = Callable[[Payload, Words], Screen]


def player_row(payload: Payload, words: Words) -> Row:
    """The button that opens the player's file; an empty row when nobody is named."""
    player_id = payload.get("player_id")
    return (player_button(words, player_id),) if isinstance(player_id, int) else ()


def money(payload: Payload, name: str) -> Money:
    """The amount of that name. Raises KeyError, TypeError or ValueError when there is none."""
    amount = payload[name]
    if not isinstance(amount, dict):
        raise TypeError(name)
    return Money(int(amount["units"]), Asset(amount["asset"]))


def whole(payload: Payload, name: str) -> int:
    """The whole number of that name. Raises KeyError or TypeError when there is none."""
    found = payload[name]
    if not isinstance(found, int):
        raise TypeError(name)
    return found
