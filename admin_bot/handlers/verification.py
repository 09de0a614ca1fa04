"""The verification queue: documents opened on record, a level granted or a reason given."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import BufferedInputFile, CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncSession

from admin_bot import buttons
from admin_bot.access import allowed
from admin_bot.asking import TYPED, Ask
from admin_bot.callbacks import AskWhy, Because, Go, Grant, OpenCard, ShowDocuments
from admin_bot.cards.hanging import hang, redraw, too_late
from admin_bot.cards.shape import player_name
from admin_bot.cards.table import parse_subject
from admin_bot.desk import Desk
from admin_bot.handlers.why import Asked, ask_own, offer, take_own
from admin_bot.reasons import KYC, OWN, sentence
from casino import clock
from casino.errors import Conflict, IllegalMove
from casino.ledger.journal import lock_players
from casino.players import identity, kyc
from casino.players.kyc import CaseStatus, Document
from casino.staff import cards
from casino.staff.cards import CardKind
from casino.staff.people import Member
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen, Toast, remove
from messaging.talk import Talk
from messaging.words import Words, paragraphs

SHOWN = 8
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


async def queue(
    _event: Message | CallbackQuery, words: Words, talk: Talk, desk: Desk, state: FSMContext
) -> None:
    """Cases that wait, the oldest first."""
    await state.clear()
    async with desk.database.transaction() as session:
        waiting = await kyc.pending(session, limit=SHOWN + 1)
        players = [await identity.get(session, player_id=case.player_id) for case in waiting]
    rows = tuple(
        (
            tap(
                words.plain(
                    "admin.kyc.line", player=player_name(player), count=len(case.documents)
                ),
                OpenCard(subject=f"kyc_case:{case.id}"),
            ),
        )
        for case, player in zip(waiting[:SHOWN], players, strict=False)
    )
    await talk.show(
        Screen(
            paragraphs(
                words.say("admin.kyc.queue"),
                words.say("admin.kyc.none" if not waiting else "admin.kyc.pick"),
            ),
            (*rows, buttons.back(words)),
        )
    )


async def show_documents(
    _tap: CallbackQuery,
    callback_data: ShowDocuments,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    bot: Bot,
) -> Toast | None:
    """Send the documents to whoever asks, protected from forwarding; each opening is on record,
    and the pictures go when the case is decided."""
    subject = f"kyc_case:{callback_data.case}"
    async with desk.database.transaction() as session:
        case = await kyc.get_case(session, case_id=callback_data.case)
    if case.status is not CaseStatus.PENDING:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    for shown in case.documents:
        async with desk.acting(member, Permission.KYC_VIEW) as session:
            document = await kyc.read_document(
                session,
                vault=desk.vault,
                document_id=shown.document_id,
                actor=f"staff:{member.id}",
                now=clock.utc_now(),
            )
        message_id = await _send_document(bot, talk.chat_id, document, words)
        async with desk.database.transaction() as session:
            await cards.remember(
                session,
                subject=subject,
                member_id=member.id,
                chat_id=talk.chat_id,
                message_id=message_id,
                kind=CardKind.PICTURE,
                now=clock.utc_now(),
            )
    # The decision follows what was looked at.
    await _hang_again(subject, member=member, words=words, talk=talk, desk=desk)
    return None


async def grant(
    _tap: CallbackQuery,
    callback_data: Grant,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
) -> Toast:
    """Grant a level on the documents that the card showed."""
    subject = f"kyc_case:{callback_data.case}"
    try:
        async with desk.acting(member, Permission.KYC_DECIDE) as session:
            await _require_unchanged(session, callback_data.case, callback_data.documents)
            await kyc.approve(
                session,
                case_id=callback_data.case,
                actor=f"staff:{member.id}",
                level=callback_data.level,
                now=clock.utc_now(),
            )
            await cards.changed(session, subject=subject)
    except Conflict:
        return await too_late(subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.kyc.granted", level=callback_data.level))


async def because(
    _tap: CallbackQuery,
    callback_data: Because,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """Send a case back for a reason from the list; own words are asked for."""
    asked = Asked(callback_data.task, callback_data.subject, callback_data.seen)
    if callback_data.reason == OWN:
        await ask_own(asked, words=words, talk=talk, state=state)
        return None
    _, case_id = parse_subject(asked.subject)
    async with desk.database.transaction() as session:
        case = await kyc.get_case(session, case_id=case_id)
        player = await identity.get(session, player_id=case.player_id)
    reason = sentence(player.language, task=KYC, reason=callback_data.reason)
    return await _send_back(asked, reason, desk=desk, member=member, words=words, talk=talk)


async def because_own(
    message: Message,
    member: Member,
    words: Words,
    talk: Talk,
    desk: Desk,
    state: FSMContext,
) -> Toast | None:
    """Send a case back for a reason in own words."""
    taken = await take_own(message, state)
    if taken is None:
        return Toast(words.plain("admin.forgotten"))
    return await _send_back(*taken, desk=desk, member=member, words=words, talk=talk)


async def _send_back(
    asked: Asked, reason: str, *, desk: Desk, member: Member, words: Words, talk: Talk
) -> Toast:
    _, case_id = parse_subject(asked.subject)
    try:
        async with desk.acting(member, Permission.KYC_DECIDE) as session:
            await _require_unchanged(session, case_id, int(asked.seen))
            await kyc.reject(
                session,
                case_id=case_id,
                actor=f"staff:{member.id}",
                reason=reason,
                now=clock.utc_now(),
            )
            await cards.changed(session, subject=asked.subject)
    except Conflict:
        return await too_late(asked.subject, desk=desk, member=member, words=words, talk=talk)
    await redraw(asked.subject, desk=desk, member=member, words=words, talk=talk)
    return Toast(words.plain("admin.kyc.sent_back"))


async def _require_unchanged(session: AsyncSession, case_id: int, documents: int) -> None:
    """Lock the player; raises IllegalMove when documents came that the card did not show."""
    case = await kyc.get_case(session, case_id=case_id)
    await lock_players(session, [case.player_id])
    case = await kyc.get_case(session, case_id=case_id)
    if len(case.documents) != documents:
        raise IllegalMove(thing="kyc case", current=case.status.value, wanted="as shown")


async def _hang_again(
    subject: str, *, member: Member, words: Words, talk: Talk, desk: Desk
) -> None:
    """Move the card below the pictures, so that the decision stands under what it is about."""
    tapped = talk.tapped
    below = Talk(talk.bot, chat_id=talk.chat_id, tapped=None)
    await hang(subject, desk=desk, member=member, words=words, talk=below)
    if tapped is None:
        return
    async with desk.database.transaction() as session:
        hanging = await cards.hanging(session, subject=subject)
        here = (talk.chat_id, tapped.message_id)
        mine = [sent.id for sent in hanging if (sent.chat_id, sent.message_id) == here]
        await cards.forget(session, ids=mine)
    await remove(talk.bot, talk.chat_id, tapped.message_id)


async def _send_document(bot: Bot, chat_id: int, document: Document, words: Words) -> int:
    caption = words.say(f"document.{document.kind}")
    name = f"{document.kind}.{EXTENSIONS[document.mime]}"
    file = BufferedInputFile(document.content, filename=name)
    if document.mime != "application/pdf":
        try:
            sent = await bot.send_photo(chat_id, file, caption=caption, protect_content=True)
        except TelegramBadRequest:
            # A picture of odd proportions is refused as a photo and taken as a file.
            file = BufferedInputFile(document.content, filename=name)
        else:
            return sent.message_id
    sent = await bot.send_document(chat_id, file, caption=caption, protect_content=True)
    return sent.message_id


def build_router() -> Router:
    """The screens of this file and what leads to them."""
    view = allowed(Permission.KYC_VIEW)
    decide = Permission.KYC_DECIDE
    router = Router(name="verification")
    router.message.register(queue, Command("verify"), flags=view)
    router.callback_query.register(queue, Go.filter(F.to == "kyc"), flags=view)
    router.callback_query.register(
        show_documents,
        ShowDocuments.filter(),
        flags=allowed(Permission.KYC_VIEW, audits="kyc.document_read"),
    )
    router.callback_query.register(
        grant, Grant.filter(), flags=allowed(decide, audits="kyc.approved")
    )
    router.callback_query.register(offer, AskWhy.filter(F.task == KYC), flags=allowed(decide))
    router.callback_query.register(
        because, Because.filter(F.task == KYC), flags=allowed(decide, audits="kyc.rejected")
    )
    router.message.register(
        because_own,
        StateFilter(Ask.reason_kyc),
        TYPED,
        flags=allowed(decide, audits="kyc.rejected"),
    )
    return router
