"""Alerts of money on its way out in words: payouts, sweeps and what the hot wallets run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import MARK_LENGTH, ForeignSendCard, OpenCard
from admin_bot.cards.alert_payload import money, whole
from admin_bot.words import quote
from messaging.addresses import shown_address
from messaging.buttons import copy, tap
from messaging.screens import Screen
from messaging.words import Words, code, paragraphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin_bot.cards.alert_payload import Compose, Payload
    from messaging.buttons import Row


def _signing_refused(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.signing_refused", rail=str(payload["rail"])),
            words.say("admin.alert.signing_refused_body", reason=str(payload["reason"])),
        ),
        (_card(payload, words),),
    )


def _payout_stuck(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.payout_stuck", rail=str(payload["rail"])),
            words.say(
                "admin.alert.payout_stuck_body",
                fee=whole(payload, "fee"),
                vsize=whole(payload, "vsize"),
            ),
            code(str(payload["tx_hash"])),
        )
    )


def _foreign_send(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.foreign_send", rail=words.plain(f"rail.{payload['rail']}")),
            words.say("admin.alert.foreign_send_body"),
            code(str(payload["tx_hash"])),
        ),
        ((buttons.go(words, "foreign"),),),
    )


def _foreign_send_shown(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.foreign_send_shown", nonce=whole(payload, "nonce")),
            words.say("admin.alert.foreign_send_shown_body"),
            code(str(payload["tx_hash"])),
        ),
        (_open_send(str(payload["mark"]), words),),
    )


def _low_fuel(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.low_fuel", rail=words.plain(f"rail.{payload['rail']}")),
            words.say(
                "admin.alert.low_fuel_body",
                there=words.amount(money(payload, "there")),
                needed=words.amount(money(payload, "needed")),
            ),
            code(str(payload["account"])),
        )
    )


def _top_up(payload: Payload, words: Words) -> Screen:
    address = payload["address"]
    return Screen(
        paragraphs(
            words.say("admin.alert.top_up", rail=words.plain(f"rail.{payload['rail']}")),
            words.say(
                "admin.alert.top_up_body",
                there=words.amount(money(payload, "there")),
                owed=words.amount(money(payload, "owed")),
                missing=words.amount(money(payload, "missing")),
            ),
            shown_address(str(address)) if address else None,
        ),
        (
            (copy(words.plain("admin.button.copy_address"), str(address)),) if address else (),
            (buttons.go(words, "treasury"),),
        ),
    )


def _topped_up(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.topped_up", rail=words.plain(f"rail.{payload['rail']}")),
            words.say("admin.alert.topped_up_body", there=words.amount(money(payload, "there"))),
        )
    )


def _move_to_cold(payload: Payload, words: Words) -> Screen:
    reason = payload.get("reason")
    return Screen(
        paragraphs(
            words.say("admin.alert.move_to_cold", rail=words.plain(f"rail.{payload['rail']}")),
            words.say(
                "admin.alert.move_to_cold_body", amount=words.amount(money(payload, "amount"))
            ),
            shown_address(str(payload["address"])),
            quote(str(reason)) if reason else None,
        ),
        (
            (copy(words.plain("admin.button.copy_address"), str(payload["address"])),),
            (buttons.go(words, "treasury"),),
        ),
    )


def _came_from_cold(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.came_from_cold", rail=words.plain(f"rail.{payload['rail']}")),
            words.say(
                "admin.alert.came_from_cold_body", amount=words.amount(money(payload, "amount"))
            ),
            code(str(payload["tx_hash"])),
        ),
        ((buttons.go(words, "treasury"),),),
    )


def _foreign_payment_second(payload: Payload, words: Words) -> Screen:
    tx_hash = str(payload["tx_hash"])
    return Screen(
        paragraphs(
            words.say("admin.alert.foreign_payment_second"),
            words.say("admin.alert.foreign_payment_second_body"),
            code(tx_hash),
        ),
        (
            _open_send(tx_hash, words),
            _card(payload, words),
        ),
    )


def _open_send(key: str, words: Words) -> Row:
    return (tap(words.plain("admin.button.open_card"), ForeignSendCard(mark=key[:MARK_LENGTH])),)


def _about(key: str) -> Compose:
    """An alert of a payment on its way: a title, and a sentence with what is known."""

    def compose_it(payload: Payload, words: Words) -> Screen:
        facts = [payload.get(name) for name in ("tx_hash", "account", "address", "delegate")]
        reason = payload.get("reason")
        return Screen(
            paragraphs(
                words.say(f"admin.alert.{key}", rail=str(payload["rail"])),
                words.say(f"admin.alert.{key}_body"),
                *(code(str(fact)) for fact in facts if fact),
                quote(str(reason)) if reason else None,
            ),
            (_card(payload, words),),
        )

    return compose_it


def _card(payload: Payload, words: Words) -> Row:
    withdrawal_id = payload.get("withdrawal_id")
    if not isinstance(withdrawal_id, int):
        return ()
    card = OpenCard(subject=f"withdrawal:{withdrawal_id}")
    return (tap(words.plain("admin.button.open_card"), card),)


PAYOUT_ALERTS: Mapping[str, Compose] = {
    "alert.foreign_send": _foreign_send,
    "alert.foreign_send_shown": _foreign_send_shown,
    "alert.low_fuel": _low_fuel,
    "alert.signing_refused": _signing_refused,
    "alert.top_up": _top_up,
    "alert.topped_up": _topped_up,
    "alert.move_to_cold": _move_to_cold,
    "alert.payment_refused": _about("payment_refused"),
    "alert.payout_stuck": _payout_stuck,
    "alert.gas_capped": _about("gas_capped"),
    "alert.came_from_cold": _came_from_cold,
    "alert.foreign_payment_second": _foreign_payment_second,
    "alert.sweep_refused": _about("sweep_refused"),
    "alert.delegate_missing": _about("delegate_missing"),
}
