"""What a card is, and the lines that all cards share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from admin_bot.callbacks import OpenPlayer
from casino import ids
from casino.staff import cards
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Markup, Words

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from aiogram.types import InlineKeyboardButton
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.players.identity import Player
    from casino.staff.people import Member

SEEN_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Card:
    """A screen about something to decide; a finished one has no buttons and stays as it is."""

    screen: Screen
    finished: bool = False


class Render(Protocol):
    """Draws the card of the subject with this id for one reader, as things stand."""

    async def __call__(
        self, session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
    ) -> Card: ...


def seen_mark(*facts: object) -> str:
    """A short mark of what a card shows, to be compared before a decision."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:SEEN_CHARACTERS]


def player_name(player: Player) -> str:
    """A player as staff call him."""
    return f"{player.first_name} @{player.username}" if player.username else player.first_name


def player_button(words: Words, player_id: int) -> InlineKeyboardButton:
    """Opens the player's file in a message of its own."""
    return tap(words.plain("admin.button.player"), OpenPlayer(player=player_id, apart=True))


def number(words: Words, key: int) -> Markup:
    """The public id of a thing, as its player sees it too."""
    return words.say("admin.card.number", id=ids.public(key))


def waited_line(words: Words, waited: timedelta) -> Markup | None:
    """For how many days something has waited; nothing on its first day."""
    return words.say("admin.card.waited", count=waited.days) if waited.days > 0 else None


async def decided_line(
    session: AsyncSession, words: Words, *, subject: str, action: str | None = None
) -> Markup | None:
    """Who did what to a subject last, and when, as a line of a card."""
    decided = await decided_text(session, words, subject=subject, action=action)
    return words.say("admin.card.decided", decided=decided) if decided else None


async def decided_text(
    session: AsyncSession, words: Words, *, subject: str, action: str | None = None
) -> str | None:
    """The same without markup."""
    decision = await cards.last_decision(session, subject=subject, action=action)
    if decision is None:
        return None
    key = f"admin.did.{decision.action}"
    did = words.plain(key) if words.knows(key) else decision.action
    who = decision.who or words.plain(
        "admin.did.player" if decision.actor.startswith("player:") else "admin.did.system"
    )
    return words.plain("admin.decided", who=who, did=did, moment=words.moment(decision.at))
