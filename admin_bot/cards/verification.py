"""The card of a verification case: grant a level or send it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import AskWhy, Grant, ShowDocuments
from admin_bot.cards.shape import Card, decided_line, number, player_button, player_name
from admin_bot.reasons import KYC, in_words
from casino.players import identity, kyc
from casino.players.kyc import CaseStatus
from casino.staff.roles import Permission, allows
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Words, paragraphs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.players.kyc import Case
    from casino.staff.people import Member
    from messaging.buttons import Row


async def render(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """The card of a case; raises NotFound."""
    case = await kyc.get_case(session, case_id=key)
    player = await identity.get(session, player_id=case.player_id)
    pending = case.status is CaseStatus.PENDING
    text = paragraphs(
        words.say(
            f"admin.kyc.title.{case.status}",
            player=player_name(player),
            level=case.requested_level,
        ),
        words.say("admin.kyc.level_now", level=player.kyc_level),
        *(
            words.say(
                "admin.kyc.document",
                document=words.plain(f"document.{document.kind}"),
                moment=words.moment(document.received_at),
            )
            for document in case.documents
        ),
        words.say("admin.card.reason", reason=in_words(case.reason, words))
        if case.reason
        else None,
        None
        if pending
        else await decided_line(session, words, subject=f"kyc_case:{key}", action="kyc."),
        words.say("admin.kyc.opened", moment=words.moment(case.opened_at))
        if pending and now >= case.opened_at
        else None,
        number(words, key),
    )
    if not pending:
        return Card(Screen(text), finished=True)
    return Card(Screen(text, _rows(case, words, member=member)))


def _rows(case: Case, words: Words, *, member: Member) -> tuple[Row, ...]:
    looking: tuple[Row, ...] = (
        (
            tap(
                words.plain("admin.button.documents", count=len(case.documents)),
                ShowDocuments(case=case.id),
                style=buttons.PRIMARY,
            ),
        ),
    )
    if not allows(member, Permission.KYC_DECIDE):
        return (*looking, (player_button(words, case.player_id),))
    levels = tuple(
        tap(
            words.plain("admin.button.level", level=level),
            Grant(case=case.id, level=level, documents=len(case.documents)),
            style=buttons.SUCCESS,
        )
        for level in range(case.requested_level, kyc.LEVEL_MAX + 1)
    )
    reject = AskWhy(task=KYC, subject=f"kyc_case:{case.id}", seen=str(len(case.documents)))
    return (
        *looking,
        levels,
        (player_button(words, case.player_id),),
        (tap(words.plain("admin.button.send_back"), reject, style=buttons.DANGER),),
    )
