"""Brings the outbox's news for staff into the chats of everyone concerned, each in his language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError

from admin_bot.cards import alerts
from admin_bot.cards.table import KINDS, draw, parse_subject
from admin_bot.pictures import wipe
from casino import clock
from casino.staff import cards, chats
from casino.staff.cards import CardKind, Sent
from casino.staff.roles import Permission
from messaging.screens import Screen, edit, remove, send
from messaging.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiogram import Bot

    from admin_bot.cards.shape import Card
    from admin_bot.desk import Desk
    from casino.outbox import Effect
    from casino.staff.chats import Chat

log = structlog.get_logger(__name__)


class Manner(Enum):
    """How a card is brought to people."""

    AGAIN = auto()  # a new message below everything; an older card of the subject goes
    ONCE = auto()  # a new message to whoever has none; others find theirs up to date
    UPDATE = auto()  # only what hangs already is brought up to date


@dataclass(frozen=True, slots=True)
class Route:
    """Which card an effect is about: the subject's kind and the payload's field with its id."""

    kind: str
    field: str
    manner: Manner


ROUTES: Mapping[str, Route] = {
    "withdrawal.review": Route("withdrawal", "withdrawal_id", Manner.AGAIN),
    "withdrawal.second_needed": Route("withdrawal", "withdrawal_id", Manner.AGAIN),
    "withdrawal.dead": Route("withdrawal", "withdrawal_id", Manner.AGAIN),
    "withdrawal.decided": Route("withdrawal", "withdrawal_id", Manner.UPDATE),
    "alert.payout_unclear": Route("unclear_payment", "payout_id", Manner.ONCE),
    "kyc.submitted": Route("kyc_case", "case_id", Manner.ONCE),
    "deposit.held": Route("deposit", "deposit_id", Manner.ONCE),
    "token_case.opened": Route("token_case", "case_id", Manner.ONCE),
    "support.question": Route("support", "player_id", Manner.AGAIN),
}


class StaffNews:
    """Delivers effects of the outbox's staff consumer. A repeated delivery skips whoever has the
    message already, so a fault half-way through brings nobody the same card twice."""

    def __init__(self, bot: Bot, desk: Desk) -> None:
        self._bot = bot
        self._desk = desk

    async def deliver(self, effect: Effect) -> str:
        """Send or update what the effect is about; returns the outcome to be stored with it."""
        if effect.kind == cards.CHANGED:
            return await self._cards(effect, str(effect.payload["subject"]), Manner.UPDATE)
        route = ROUTES.get(effect.kind)
        number = effect.payload.get(route.field) if route else None
        if route is None or not isinstance(number, int):
            return await self._alert(effect)
        return await self._cards(effect, f"{route.kind}:{number}", route.manner)

    async def _cards(self, effect: Effect, subject: str, manner: Manner) -> str:
        kind, _ = parse_subject(subject)
        async with self._desk.database.transaction() as session:
            readers = await chats.list_open(session, permission=KINDS[kind].permission)
            hanging = await cards.hanging(session, subject=subject)
        reached = 0
        for chat in readers:
            mine = [sent for sent in hanging if sent.member_id == chat.member.id]
            # Whoever just agreed has the card before him; the ping is for the others.
            his_own = effect.payload.get("approved_by") == chat.member.id
            his = Manner.UPDATE if his_own else manner
            reached += await self._to(chat, effect, subject, his, mine)
        known = {chat.member.id for chat in readers}
        for sent in hanging:
            if sent.member_id not in known:
                await self._withdraw(sent)
        return f"cards: {reached}"

    async def _to(
        self, chat: Chat, effect: Effect, subject: str, manner: Manner, mine: Sequence[Sent]
    ) -> int:
        words = Words(chat.language)
        async with self._desk.database.transaction() as session:
            card = await draw(
                session,
                subject=subject,
                member=chat.member,
                words=words,
                now=clock.utc_now(),
            )
        shown = [sent for sent in mine if sent.kind is CardKind.CARD]
        delivered = any((sent.effect_id or 0) >= effect.id for sent in shown)
        fresh = manner is Manner.AGAIN and not delivered
        if card.finished or not fresh:
            await self._update(card, shown)
        if card.finished:
            await self._clear(words, mine)
            return len(shown)
        if manner is Manner.UPDATE or (shown and not fresh):
            return len(shown)
        message_id = await self._send(chat, card.screen)
        if message_id is None:
            return 0
        async with self._desk.database.transaction() as session:
            await cards.remember(
                session,
                subject=subject,
                member_id=chat.member.id,
                chat_id=chat.member.telegram_id,
                message_id=message_id,
                effect_id=effect.id,
                now=clock.utc_now(),
            )
        for sent in shown:
            await self._withdraw(sent)
        return 1

    async def _update(self, card: Card, shown: Sequence[Sent]) -> None:
        for sent in shown:
            await edit(self._bot, sent.chat_id, sent.message_id, card.screen)

    async def _clear(self, words: Words, mine: Sequence[Sent]) -> None:
        """After a decision: pictures of documents go, and the cards stay as they are."""
        for sent in mine:
            if sent.kind is CardKind.PICTURE:
                await self._wipe(sent, words)
        async with self._desk.database.transaction() as session:
            await cards.forget(session, ids=[sent.id for sent in mine])

    async def _withdraw(self, sent: Sent) -> None:
        """Take a message away: a newer one says the same, or its reader may no longer see it."""
        if sent.kind is CardKind.PICTURE:
            await self._wipe(sent, Words(None))
        elif not await remove(self._bot, sent.chat_id, sent.message_id):
            await edit(
                self._bot, sent.chat_id, sent.message_id, Screen(Words(None).say("admin.card.old"))
            )
        async with self._desk.database.transaction() as session:
            await cards.forget(session, ids=[sent.id])

    async def _wipe(self, sent: Sent, words: Words) -> None:
        note = words.plain("admin.kyc.removed")
        await wipe(self._bot, sent.chat_id, sent.message_id, note=note)

    async def _alert(self, effect: Effect) -> str:
        permission = alerts.CONCERNS.get(effect.kind, Permission.ALERTS_RECEIVE)
        subject = f"effect:{effect.id}"
        async with self._desk.database.transaction() as session:
            readers = await chats.list_open(session, permission=permission)
            told = {sent.member_id for sent in await cards.hanging(session, subject=subject)}
        for chat in readers:
            if chat.member.id in told:
                continue
            screen = alerts.compose(effect.kind, effect.payload, Words(chat.language))
            message_id = await self._send(chat, screen)
            if message_id is None:
                continue
            async with self._desk.database.transaction() as session:
                await cards.remember(
                    session,
                    subject=subject,
                    member_id=chat.member.id,
                    chat_id=chat.member.telegram_id,
                    message_id=message_id,
                    effect_id=effect.id,
                    now=clock.utc_now(),
                )
            told.add(chat.member.id)
        async with self._desk.database.transaction() as session:
            ids = [sent.id for sent in await cards.hanging(session, subject=subject)]
            await cards.forget(session, ids=ids)
        return f"told: {len(told)}"

    async def _send(self, chat: Chat, screen: Screen) -> int | None:
        """Send to one member; None when his chat is closed to us, which is then remembered."""
        try:
            sent = await send(self._bot, chat.member.telegram_id, screen)
        except TelegramForbiddenError as error:
            reason = error.message
        except TelegramBadRequest as error:
            if "chat not found" not in error.message.lower():
                raise
            reason = error.message
        else:
            return sent.message_id
        log.info("staff.unreachable", member_id=chat.member.id, reason=reason)
        async with self._desk.database.transaction() as session:
            await chats.close(session, member_id=chat.member.id, now=clock.utc_now())
        return None
