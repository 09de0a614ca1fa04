"""Cards in one member's chat: hung up as messages of their own, redrawn where they were tapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot.cards.shape import decided_text
from admin_bot.cards.table import draw
from casino import clock
from casino.staff import cards
from messaging.screens import Toast

if TYPE_CHECKING:
    from admin_bot.desk import Desk
    from casino.staff.people import Member
    from messaging.talk import Talk
    from messaging.words import Words


async def hang(subject: str, *, desk: Desk, member: Member, words: Words, talk: Talk) -> None:
    """Show a card as a new message and remember where it hangs."""
    now = clock.utc_now()
    async with desk.database.transaction() as session:
        card = await draw(session, subject=subject, member=member, words=words, now=now)
    message_id = await talk.send(card.screen)
    if card.finished:
        return
    async with desk.database.transaction() as session:
        await cards.remember(
            session,
            subject=subject,
            member_id=member.id,
            chat_id=talk.chat_id,
            message_id=message_id,
            now=now,
        )


async def redraw(subject: str, *, desk: Desk, member: Member, words: Words, talk: Talk) -> None:
    """Bring the tapped card up to date at once; the others follow by way of the outbox, and so
    does this one when the decision came as a written message."""
    if talk.tapped is None:
        return
    async with desk.database.transaction() as session:
        card = await draw(session, subject=subject, member=member, words=words, now=clock.utc_now())
    await talk.show(card.screen)


async def too_late(subject: str, *, desk: Desk, member: Member, words: Words, talk: Talk) -> Toast:
    """Answer a button about facts that have changed: who did what since, and the card of now."""
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    async with desk.database.transaction() as session:
        line = await decided_text(session, words, subject=subject)
    told = words.plain("admin.too_late")
    return Toast(f"{told} {line}" if line else told, alert=True)
