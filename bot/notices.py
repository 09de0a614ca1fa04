"""News for a player: every kind of effect that the player's bot delivers, as a message."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from bot import buttons
from bot.callbacks import WithdrawCancel
from bot.errors import explain_code
from casino import clock
from casino.money import Asset, Money
from casino.players import identity
from messaging.addresses import shown_address
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Markup, Words, paragraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiogram import Bot

    from bot.house import House
    from casino.outbox import Effect
    from messaging.buttons import Row

    Payload = Mapping[str, object]
    Compose = Callable[[Payload, Words], Screen]

ASKED_IN_CHAT = "chat"
"""Where a player asked for something whose answer he has seen in this chat: no news for him."""

log = structlog.get_logger(__name__)


class Notices:
    """Delivers effects of the outbox's player consumer to private chats."""

    def __init__(self, bot: Bot, house: House) -> None:
        self._bot = bot
        self._house = house

    async def deliver(self, effect: Effect) -> str:
        """Send one piece of news; returns the outcome to be stored with the effect."""
        compose = NEWS.get(effect.kind)
        if compose is None:
            log.warning("notice.unknown", kind=effect.kind, effect=effect.id)
            return f"unknown kind: {effect.kind}"
        if effect.payload.get("asked_in") == ASKED_IN_CHAT:
            return "shown in the chat already"
        async with self._house.database.transaction() as session:
            player = await identity.get(session, player_id=effect.key)
        if player.unreachable:
            return "unreachable"
        screen = compose(effect.payload, Words(player.language))
        sent = await self._bot.send_message(
            player.telegram_id, screen.text, reply_markup=screen.keyboard
        )
        return f"sent: {sent.message_id}"

    async def unreachable(self, effect: Effect) -> None:
        """The player blocked the bot: nothing more is sent until he comes back."""
        async with self._house.database.transaction() as session:
            player = await identity.get(session, player_id=effect.key)
            await identity.mark_unreachable(
                session, telegram_id=player.telegram_id, now=clock.utc_now()
            )


def _deposit(kind: str, *, on_top: str) -> Compose:
    def compose(payload: Payload, words: Words) -> Screen:
        early = kind == "credited" and payload.get("final") is False
        body = f"news.deposit.{kind}_early_body" if early else f"news.deposit.{kind}_body"
        return Screen(
            paragraphs(
                words.say(f"news.deposit.{kind}", amount=_amount(payload, words)),
                _rail(payload, words),
                words.say(body, reason=_reason(payload, words)),
            ),
            _ways_on(on_top, payload, words),
        )

    return compose


def _withdrawal(kind: str, *, on_top: str = "history", family: str = "withdrawal") -> Compose:
    def compose(payload: Payload, words: Words) -> Screen:
        return Screen(
            paragraphs(
                words.say(f"news.{family}.{kind}", amount=_amount(payload, words)),
                _rail(payload, words),
                words.say(
                    f"news.{family}.{kind}_body",
                    reason=_reason(payload, words),
                    net=_amount(payload, words, field="net"),
                    fee=_amount(payload, words, field="fee"),
                    address=shown_address(str(payload["destination"])),
                ),
            ),
            _ways_on(on_top, payload, words),
        )

    return compose


def _return(kind: str, *, on_top: str = "history") -> Compose:
    """News of a held deposit on its way back; nothing in it is the player's to stop."""
    return _withdrawal(kind, on_top=on_top, family="return")


def _approved(payload: Payload, words: Words) -> Screen:
    """It can be taken back until the sender has claimed it; afterwards the button says so."""
    screen = _withdrawal("approved")(payload, words)
    back = tap(
        words.plain("bot.button.take_back"),
        WithdrawCancel(withdrawal=int(str(payload["withdrawal_id"]))),
    )
    return Screen(screen.text, (*screen.rows, (back,)))


def _address_saved(payload: Payload, words: Words) -> Screen:
    address = shown_address(str(payload.get("destination", "")))
    return Screen(
        paragraphs(
            words.say("news.address.saved", label=str(payload.get("label", ""))),
            words.say("news.address.saved_body", address=address),
        ),
        _ways_on("addresses", payload, words),
    )


def _saved_only(kind: str) -> Compose:
    def compose(payload: Payload, words: Words) -> Screen:
        ends_at = payload.get("ends_at")
        moment = words.moment(datetime.fromisoformat(ends_at)) if isinstance(ends_at, str) else ""
        return Screen(
            paragraphs(
                words.say(f"news.saved_only.{kind}", moment=moment),
                words.say(f"news.saved_only.{kind}_body"),
            ),
            _ways_on("addresses", payload, words),
        )

    return compose


def _plain(kind: str, *, on_top: str) -> Compose:
    def compose(payload: Payload, words: Words) -> Screen:
        return Screen(
            paragraphs(
                words.say(f"news.{kind}"),
                words.say(f"news.{kind}_body", reason=_reason(payload, words)),
            ),
            _ways_on(on_top, payload, words),
        )

    return compose


def _closed(kind: str) -> Compose:
    def compose(payload: Payload, words: Words) -> Screen:
        until = payload.get("until")
        return Screen(
            paragraphs(
                words.say(f"news.{kind}", moment=words.moment(datetime.fromisoformat(until)))
                if isinstance(until, str)
                else words.say(f"news.{kind}_for_life"),
                words.say("bot.care.money"),
            ),
            _ways_on("withdraw", payload, words),
        )

    return compose


def _answered(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("news.support.answered"),
            words.say("news.support.answered_body", text=str(payload.get("text", ""))),
        ),
        _ways_on("support", payload, words),
    )


def _round_closed(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("news.round.closed", game=words.plain(f"game.{payload['game']}")),
            words.say("news.round.closed_body", amount=_amount(payload, words)),
        ),
        _ways_on("play", payload, words),
    )


def _rail(payload: Payload, words: Words) -> Markup:
    """The coin and the network that it went over."""
    return words.say("bot.rail", rail=words.plain(f"rail.{payload['rail']}"))


def _amount(payload: Payload, words: Words, *, field: str = "amount") -> str:
    """The amount of a payload as people read it; a payload without one is a bug of its writer."""
    amount = payload[field]
    if not isinstance(amount, dict):
        raise TypeError(field)
    return words.amount(Money(int(amount["units"]), Asset(amount["asset"])))


def _reason(payload: Payload, words: Words) -> Markup:
    """Why: a code of ours in words, or what staff wrote, escaped."""
    reason = payload.get("reason")
    if not isinstance(reason, str) or not reason:
        return words.say("news.no_reason")
    return words.say("news.reason", reason=explain_code(reason, words))


def _ways_on(likely: str, payload: Payload, words: Words) -> tuple[Row, ...]:
    """The likely next step, then the proof and the menu side by side: news stay small."""
    return (
        (buttons.go(words, likely),),
        (*_explorer(payload, words), buttons.go(words, "menu")),
    )


def _explorer(payload: Payload, words: Words) -> Row:
    url = payload.get("url")
    if not isinstance(url, str) or not url:
        return ()
    return (buttons.link(words.plain("bot.button.explorer"), url),)


NEWS: Mapping[str, Compose] = {
    "deposit.seen": _deposit("seen", on_top="history"),
    "deposit.credited": _deposit("credited", on_top="play"),
    "deposit.below_minimum": _deposit("below_minimum", on_top="deposit"),
    "deposit.held": _deposit("held", on_top="support"),
    "deposit.orphaned": _deposit("orphaned", on_top="history"),
    "deposit.replaced": _deposit("replaced", on_top="history"),
    "withdrawal.requested": _withdrawal("requested"),
    "withdrawal.approved": _approved,
    "withdrawal.rejected": _withdrawal("rejected", on_top="support"),
    "withdrawal.sent": _withdrawal("sent"),
    "withdrawal.confirmed": _withdrawal("confirmed"),
    "withdrawal.refunded": _withdrawal("refunded", on_top="support"),
    "withdrawal.cancelled": _withdrawal("cancelled"),
    "return.requested": _return("requested", on_top="support"),
    "return.approved": _return("approved"),
    "return.rejected": _return("rejected", on_top="support"),
    "return.sent": _return("sent"),
    "return.confirmed": _return("confirmed"),
    "return.refunded": _return("refunded", on_top="support"),
    "address.saved": _address_saved,
    "saved_only.on": _saved_only("on"),
    "saved_only.ending": _saved_only("ending"),
    "kyc.approved": _plain("kyc.approved", on_top="withdraw"),
    "kyc.rejected": _plain("kyc.rejected", on_top="kyc"),
    "player.blocked": _plain("player.blocked", on_top="support"),
    "player.unblocked": _plain("player.unblocked", on_top="play"),
    "time_out.started": _closed("time_out.started"),
    "self_exclusion.started": _closed("self_exclusion.started"),
    "round.closed": _round_closed,
    "support.answered": _answered,
}
