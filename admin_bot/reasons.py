"""Reasons of decisions: a list for each task, or the member's own words.

What is stored, and what the player reads, is a sentence in the player's language; staff read it in
their own where it came from the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot.callbacks import AskWhy, Because
from casino import i18n
from casino.errors import BadChoice
from messaging.buttons import tap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from messaging.buttons import Row
    from messaging.words import Words

OWN = "own"
REASON_MAX = 300

REJECT, REFUND, KYC, BLOCK, UNBLOCK, STOP, RUN, TOKEN = (
    "reject",
    "refund",
    "kyc",
    "block",
    "unblock",
    "stop",
    "run",
    "token",
)
REASONS: Mapping[str, tuple[str, ...]] = {
    REJECT: ("address", "documents", "turnover", "asked"),
    REFUND: ("address", "network", "asked"),
    KYC: ("unreadable", "expired", "mismatch", "incomplete"),
    BLOCK: ("duplicate", "fraud", "underage", "asked"),
    UNBLOCK: ("checked", "mistake"),
    STOP: ("maintenance", "incident", "provider"),
    RUN: ("done", "mistake"),
    TOKEN: ("spam", "returned", "kept"),
}


def reason_rows(words: Words, *, task: str, subject: str, seen: str = "-") -> tuple[Row, ...]:
    """A button for each reason of a task, one for own words, one to leave things as they are."""
    listed = tuple(
        (
            tap(
                words.plain(f"admin.reason.{task}.{reason}.short"),
                Because(task=task, subject=subject, seen=seen, reason=reason),
            ),
        )
        for reason in REASONS[task]
    )
    own = tap(
        words.plain("admin.button.own_words"),
        Because(task=task, subject=subject, seen=seen, reason=OWN),
    )
    keep = tap(words.plain("admin.button.keep"), AskWhy(task="", subject=subject, seen=seen))
    return (*listed, (own,), (keep,))


def sentence(language: str, *, task: str, reason: str) -> str:
    """A reason from the list as a sentence; raises BadChoice for one that is not on it."""
    if reason not in REASONS.get(task, ()):
        raise BadChoice(field="reason")
    return i18n.text(language, f"admin.reason.{task}.{reason}")


def own(text: str | None) -> str:
    """A reason in own words, bounded; raises BadChoice for an empty one."""
    # PostgreSQL stores any character but this one.
    written = (text or "").replace("\0", "").strip()[:REASON_MAX]
    if not written:
        raise BadChoice(field="reason")
    return written


def in_words(stored: str, words: Words) -> str:
    """A stored reason for this reader: translated when it came from the list."""
    # Texts for players speak of "your" account and limits.
    for key in (f"admin.{stored}", stored):
        if words.knows(key):
            return words.plain(key)
    for task, listed in REASONS.items():
        for reason in listed:
            if any(sentence(code, task=task, reason=reason) == stored for code in i18n.LANGUAGES):
                return sentence(words.language, task=task, reason=reason)
    return stored
