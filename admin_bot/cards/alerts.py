"""Alerts in words: what happened and where to look; unknown ones are shown as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import Go, OpenCard, Unfreeze
from admin_bot.cards.alert_payload import money, player_row, whole
from admin_bot.cards.payout_alerts import PAYOUT_ALERTS
from admin_bot.words import quote
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Words, code, paragraphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin_bot.cards.alert_payload import Compose, Payload

# Who hears of what; everything else goes to those who receive alerts.
CONCERNS: Mapping[str, Permission] = {
    "deposit.unclaimed": Permission.DEPOSITS_RESOLVE,
    "alert.token_flood": Permission.DEPOSITS_RESOLVE,
    "alert.deposit_reversed": Permission.WITHDRAWALS_DECIDE,
    "alert.foreign_payment_second": Permission.WITHDRAWALS_DECIDE,
    "alert.foreign_send_shown": Permission.WITHDRAWALS_DECIDE,
}


def compose(kind: str, payload: Payload, words: Words) -> Screen:
    """The message for an effect that is no card."""
    known = ALERTS.get(kind)
    try:
        return known(payload, words) if known else _unknown(kind, payload, words)
    except (KeyError, TypeError, ValueError):
        # An alert in another shape than we know must be read all the same.
        return _unknown(kind, payload, words)


def _large_win(payload: Payload, words: Words) -> Screen:
    stake, payout = money(payload, "stake"), money(payload, "payout")
    game = str(payload["game"])
    return Screen(
        paragraphs(
            words.say("admin.alert.large_win", winnings=words.amount(payout - stake)),
            words.say(
                "admin.alert.large_win_body",
                game=words.plain(f"game.{game}") if words.knows(f"game.{game}") else game,
                stake=words.amount(stake),
                payout=words.amount(payout),
            ),
            code(str(payload["round"])),
        ),
        (player_row(payload, words),),
    )


def _reconcile(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say(
                "admin.alert.reconcile", difference=words.amount(money(payload, "difference"))
            ),
            words.say(
                "admin.alert.reconcile_body",
                rail=str(payload["rail"]),
                chain=words.amount(money(payload, "chain")),
                book=words.amount(money(payload, "book")),
                block=whole(payload, "block"),
            ),
            words.say("admin.alert.reconcile_next"),
        ),
        ((buttons.go(words, "switches"), buttons.go(words, "figures")),),
    )


def _unsound(payload: Payload, words: Words) -> Screen:
    sums = payload["sums"]
    off = ", ".join(f"{asset} {sums[asset]}" for asset in sums) if isinstance(sums, dict) else ""
    findings = payload.get("findings")
    by_proof = (
        words.say(
            "admin.alert.ledger_findings",
            findings=", ".join(f"{name} {faults}" for name, faults in findings.items()),
        )
        if isinstance(findings, dict) and findings
        else None
    )
    return Screen(
        paragraphs(
            words.say("admin.alert.ledger"),
            words.say(
                "admin.alert.ledger_body",
                differences=whole(payload, "differences"),
                strays=whole(payload, "transfers_without_key"),
                sums=off or "0",
            ),
            *([by_proof] if by_proof else []),
            words.say("admin.alert.ledger_next"),
        ),
        ((buttons.go(words, "switches"), buttons.go(words, "figures")),),
    )


def _sound_again(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.ledger_sound"),
            words.say("admin.alert.ledger_sound_body", proof=str(payload["proof"])),
        ),
        ((buttons.go(words, "switches"), buttons.go(words, "figures")),),
    )


def _reconciled(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.reconciled"),
            words.say(
                "admin.alert.reconciled_body",
                rail=str(payload["rail"]),
                book=words.amount(money(payload, "book")),
                block=whole(payload, "block"),
            ),
        )
    )


def _chain_lag(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.chain_lag", chain=str(payload["chain"])),
            words.say("admin.alert.chain_lag_body", count=whole(payload, "blocks")),
        )
    )


def _dead_letter(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.dead_letter", source=str(payload["source"])),
            words.say("admin.alert.dead_letter_body", number=str(payload["external_id"])),
            quote(str(payload["reason"])),
        )
    )


def _unclaimed(payload: Payload, words: Words) -> Screen:
    comment = payload.get("comment")
    subject = f"unclaimed:{whole(payload, 'unclaimed_id')}"
    url = payload.get("url")
    return Screen(
        paragraphs(
            words.say("admin.unclaimed.title", amount=words.amount(money(payload, "amount"))),
            words.say(f"admin.unclaimed.{payload['reason']}"),
            words.say("admin.unclaimed.comment", comment=str(comment)) if comment else None,
            words.say("admin.unclaimed.sender"),
            code(str(payload["sender"])),
        ),
        (
            (
                tap(
                    words.plain("admin.button.open_card"),
                    OpenCard(subject=subject),
                    style=buttons.PRIMARY,
                ),
            ),
            (buttons.link(words.plain("admin.button.explorer"), url),)
            if isinstance(url, str) and url
            else (),
        ),
    )


def _deposit_reversed(payload: Payload, words: Words) -> Screen:
    player_id = whole(payload, "player_id")
    frozen = payload["frozen"] is True
    url = payload.get("url")
    return Screen(
        paragraphs(
            words.say(
                "admin.alert.deposit_reversed", amount=words.amount(money(payload, "amount"))
            ),
            words.say(
                "admin.alert.deposit_reversed_body",
                block=whole(payload, "block"),
                deficit=words.amount(money(payload, "deficit")),
            ),
            words.say("admin.alert.deposit_reversed_frozen") if frozen else None,
        ),
        (
            (tap(words.plain("admin.button.unfreeze"), Unfreeze(player=player_id, sure=False)),)
            if frozen
            else (),
            (buttons.link(words.plain("admin.button.explorer"), url),)
            if isinstance(url, str) and url
            else (),
            player_row(payload, words),
        ),
    )


def _chain_halted(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.chain_halted", chain=str(payload["chain"])),
            words.say(
                "admin.alert.chain_halted_body",
                block=whole(payload, "block"),
                reason=str(payload["reason"]),
            ),
        ),
        ((buttons.go(words, "switches"),),),
    )


def _chain_followed(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.chain_followed", chain=str(payload["chain"])),
            words.say("admin.alert.chain_followed_body", block=whole(payload, "block")),
        )
    )


def _address_pool_low(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.address_pool_low", rail=str(payload["rail"])),
            words.say("admin.alert.address_pool_low_body", free=whole(payload, "free")),
        )
    )


def _accounts_frozen(payload: Payload, words: Words) -> Screen:
    return _accounts(payload, words, "frozen")


def _accounts_thawed(payload: Payload, words: Words) -> Screen:
    return _accounts(payload, words, "thawed")


def _accounts(payload: Payload, words: Words, what: str) -> Screen:
    accounts = payload["accounts"]
    if not isinstance(accounts, list):
        raise TypeError("accounts")
    return Screen(
        paragraphs(
            words.say(
                f"admin.alert.accounts_{what}",
                count=whole(payload, "count"),
                rail=words.plain(f"rail.{payload['rail']}"),
            ),
            words.say("admin.alert.accounts_frozen_body") if what == "frozen" else None,
            *(code(str(account)) for account in accounts),
        )
    )


def _token_flood(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say(
                "admin.alert.token_flood", chain=words.plain(f"admin.chain.{payload['chain']}")
            ),
            words.say("admin.alert.token_flood_body", count=whole(payload, "kept")),
        ),
        ((buttons.go(words, "tokens"),),),
    )


def _unknown(kind: str, payload: Payload, words: Words) -> Screen:
    content = json.dumps(payload, ensure_ascii=False, indent=1, sort_keys=True)
    return Screen(
        paragraphs(words.say("admin.alert.unknown", kind=kind), quote(content)),
        (player_row(payload, words), (tap(words.plain("admin.button.menu"), Go(to="menu")),)),
    )


ALERTS: Mapping[str, Compose] = {
    **PAYOUT_ALERTS,
    "alert.large_win": _large_win,
    "alert.reconcile": _reconcile,
    "alert.reconciled": _reconciled,
    "alert.ledger": _unsound,
    "alert.ledger_sound": _sound_again,
    "alert.chain_lag": _chain_lag,
    "alert.chain_halted": _chain_halted,
    "alert.chain_followed": _chain_followed,
    "alert.deposit_reversed": _deposit_reversed,
    "alert.address_pool_low": _address_pool_low,
    "alert.dead_letter": _dead_letter,
    "alert.accounts_frozen": _accounts_frozen,
    "alert.accounts_thawed": _accounts_thawed,
    "alert.token_flood": _token_flood,
    "deposit.unclaimed": _unclaimed,
}
