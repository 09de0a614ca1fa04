"""Every kind of card, as a table: who may see it, and who draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from admin_bot.cards import (
    conversation,
    money_in,
    token,
    unclear_payment,
    verification,
    withdrawal,
)
from casino.errors import NotFound
from casino.staff.roles import Permission, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from admin_bot.cards.shape import Card, Render
    from casino.staff.people import Member
    from messaging.words import Words


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of card."""

    permission: Permission
    render: Render


KINDS: Mapping[str, Kind] = {
    "withdrawal": Kind(Permission.WITHDRAWALS_VIEW, withdrawal.render),
    "kyc_case": Kind(Permission.KYC_VIEW, verification.render),
    "unclaimed": Kind(Permission.DEPOSITS_RESOLVE, money_in.render_unclaimed),
    "token_case": Kind(Permission.DEPOSITS_RESOLVE, token.render),
    "deposit": Kind(Permission.DEPOSITS_RESOLVE, money_in.render_held),
    "unclear_payment": Kind(Permission.WITHDRAWALS_DECIDE, unclear_payment.render),
    "support": Kind(Permission.SUPPORT_ANSWER, conversation.render),
}


def parse_subject(subject: str) -> tuple[str, int]:
    """The kind and the id of a subject like `withdrawal:5`; raises NotFound for any other text."""
    kind, _, number = subject.partition(":")
    if kind not in KINDS or not (number.isascii() and number.isdigit()):
        raise NotFound(thing="card", key=subject[:64])
    return kind, int(number)


async def draw(
    session: AsyncSession, *, subject: str, member: Member, words: Words, now: datetime
) -> Card:
    """The card of a subject for one reader; raises NotPermitted, NotFound."""
    name, key = parse_subject(subject)
    kind = KINDS[name]
    require(member, kind.permission)
    return await kind.render(session, key=key, member=member, words=words, now=now)
