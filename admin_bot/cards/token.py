"""The card of tokens that the house does not take: what came, from whom, and who vouches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import AskWhy
from admin_bot.cards.shape import Card, decided_line, number, player_button, waited_line
from admin_bot.reasons import TOKEN
from admin_bot.words import quote
from casino.cashier import rails, token_cases
from casino.cashier.token_cases import CaseStatus
from casino.staff.roles import Permission, allows
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import code, paragraphs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.token_cases import TokenCase
    from casino.staff.people import Member
    from messaging.buttons import Row
    from messaging.words import Words


async def render(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """A case with its evidence while it is open, afterwards what was decided. Raises NotFound."""
    case = await token_cases.get(session, case_id=key)
    closed = case.status is CaseStatus.RESOLVED
    subject = f"token_case:{key}"
    text = paragraphs(
        words.say("admin.tokens.title_done" if closed else "admin.tokens.title"),
        words.say(
            "admin.tokens.units" if case.units is not None else "admin.tokens.units_unknown",
            units=str(case.units),
        ),
        words.say("admin.tokens.token"),
        code(case.token),
        None if case.vouched else words.say("admin.tokens.unvouched"),
        words.say("admin.tokens.account"),
        code(case.account),
        words.say("admin.unclaimed.sender"),
        code(case.sender),
        words.say("admin.unclaimed.comment", comment=case.comment) if case.comment else None,
        words.say(
            "admin.tokens.sent",
            chain=words.plain(f"admin.chain.{case.chain}"),
            moment=words.moment(case.sent_at),
        ),
        None if closed else waited_line(words, now - case.sent_at),
        quote(case.note) if case.note else None,
        await decided_line(session, words, subject=subject, action="token_case.")
        if closed
        else None,
        number(words, key),
    )
    if closed:
        return Card(Screen(text), finished=True)
    rows: tuple[Row, ...] = (
        (
            tap(
                words.plain("admin.button.resolve"),
                AskWhy(task=TOKEN, subject=subject, seen="-"),
                style=buttons.PRIMARY,
            ),
        )
        if allows(member, Permission.DEPOSITS_RESOLVE)
        else (),
        await _explorer(session, case, words),
        (player_button(words, case.player_id),) if case.player_id is not None else (),
    )
    return Card(Screen(text, rows))


async def _explorer(session: AsyncSession, case: TokenCase, words: Words) -> Row:
    offered = await rails.list_rails(session)
    urls = (rail.tx_url(case.tx_hash) for rail in offered if rail.chain == case.chain)
    url = next((found for found in urls if found), None)
    return (buttons.link(words.plain("admin.button.explorer"), url),) if url else ()
