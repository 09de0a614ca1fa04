"""The card of a payout that was mined with another amount: what was meant, what the chain shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import AnswerUnclear, OpenCard
from admin_bot.cards.shape import Card, decided_line, number
from casino.cashier import rails, unclear_payments
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Words, code, paragraphs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.staff.people import Member
    from messaging.buttons import Row


async def render(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """The card of such a payout; raises NotFound."""
    del member, now
    found = await unclear_payments.get(session, payout_id=key)
    rail = await rails.get_rail(session, found.rail)
    landed = found.landed
    decided = await decided_line(session, words, subject=f"unclear_payment:{key}")
    text = paragraphs(
        words.say("admin.unclear.title", rail=words.plain(f"rail.{found.rail}")),
        words.say("admin.unclear.wanted", units=words.units(found.wanted_units, rail.asset)),
        words.say("admin.unclear.arrived", units=words.units(landed.arrived_units, rail.asset)),
        words.say(
            "admin.unclear.left",
            units=words.units(landed.left_units, rail.asset),
            block=landed.block,
        ),
        code(landed.tx_hash),
        words.say("admin.unclear.body") if found.answer is None else None,
        decided,
        number(words, key),
    )
    if found.answer is not None:
        return Card(Screen(text), finished=True)
    url = rail.tx_url(landed.tx_hash)
    looking: Row = (
        *((buttons.link(words.plain("admin.button.explorer"), url),) if url else ()),
        *(
            (
                tap(
                    words.plain("admin.button.open_card"),
                    OpenCard(subject=f"withdrawal:{found.withdrawal_id}"),
                ),
            )
            if found.withdrawal_id is not None
            else ()
        ),
    )
    answers = tuple(
        (
            tap(
                words.plain(f"admin.button.unclear_{answer}"),
                AnswerUnclear(payout=key, answer=answer, sure=False),
            ),
        )
        for answer in found.answers
    )
    return Card(Screen(text, (looking, *answers)))
