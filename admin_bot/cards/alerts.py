"""Alerts in words: what happened and where to look; unknown ones are shown as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import Go, OpenCard, Unfreeze
from admin_bot.cards.shape import player_button
from admin_bot.words import quote
from casino.money import Asset, Money
from casino.staff.roles import Permission
from messaging.buttons import tap
from messaging.screens import Screen
from messaging.words import Words, code, paragraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from messaging.buttons import Row

    Payload = Mapping[str, object]
    Compose = Callable[[Payload, Words], Screen]

# Who hears of what; everything else goes to those who receive alerts.
CONCERNS: Mapping[str, Permission] = {
    "deposit.unclaimed": Permission.DEPOSITS_RESOLVE,
    "alert.token_flood": Permission.DEPOSITS_RESOLVE,
    "alert.deposit_reversed": Permission.WITHDRAWALS_DECIDE,
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
    stake, payout = _money(payload, "stake"), _money(payload, "payout")
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
        (_player(payload, words),),
    )


def _reconcile(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say(
                "admin.alert.reconcile", difference=words.amount(_money(payload, "difference"))
            ),
            words.say(
                "admin.alert.reconcile_body",
                rail=str(payload["rail"]),
                chain=words.amount(_money(payload, "chain")),
                book=words.amount(_money(payload, "book")),
                block=_whole(payload, "block"),
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
                differences=_whole(payload, "differences"),
                strays=_whole(payload, "transfers_without_key"),
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
                book=words.amount(_money(payload, "book")),
                block=_whole(payload, "block"),
            ),
        )
    )


def _chain_lag(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.chain_lag", chain=str(payload["chain"])),
            words.say("admin.alert.chain_lag_body", count=_whole(payload, "blocks")),
        )
    )


def _signing_refused(payload: Payload, words: Words) -> Screen:
    withdrawal_id = payload.get("withdrawal_id")
    card: Row = (
        (
            tap(
                words.plain("admin.button.open_card"),
                OpenCard(subject=f"withdrawal:{withdrawal_id}"),
            ),
        )
        if isinstance(withdrawal_id, int)
        else ()
    )
    return Screen(
        paragraphs(
            words.say("admin.alert.signing_refused", rail=str(payload["rail"])),
            words.say("admin.alert.signing_refused_body", reason=str(payload["reason"])),
        ),
        (card,),
    )


def _payout_stuck(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.payout_stuck", rail=str(payload["rail"])),
            words.say(
                "admin.alert.payout_stuck_body",
                fee=_whole(payload, "fee"),
                vsize=_whole(payload, "vsize"),
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


def _low_fuel(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.low_fuel", rail=words.plain(f"rail.{payload['rail']}")),
            words.say(
                "admin.alert.low_fuel_body",
                there=words.amount(_money(payload, "there")),
                needed=words.amount(_money(payload, "needed")),
            ),
            code(str(payload["account"])),
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
    subject = f"unclaimed:{_whole(payload, 'unclaimed_id')}"
    url = payload.get("url")
    return Screen(
        paragraphs(
            words.say("admin.unclaimed.title", amount=words.amount(_money(payload, "amount"))),
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
    player_id = _whole(payload, "player_id")
    frozen = payload["frozen"] is True
    url = payload.get("url")
    return Screen(
        paragraphs(
            words.say(
                "admin.alert.deposit_reversed", amount=words.amount(_money(payload, "amount"))
            ),
            words.say(
                "admin.alert.deposit_reversed_body",
                block=_whole(payload, "block"),
                deficit=words.amount(_money(payload, "deficit")),
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
            _player(payload, words),
        ),
    )


def _chain_halted(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.chain_halted", chain=str(payload["chain"])),
            words.say(
                "admin.alert.chain_halted_body",
                block=_whole(payload, "block"),
                reason=str(payload["reason"]),
            ),
        ),
        ((buttons.go(words, "switches"),),),
    )


def _chain_followed(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.chain_followed", chain=str(payload["chain"])),
            words.say("admin.alert.chain_followed_body", block=_whole(payload, "block")),
        )
    )


def _address_pool_low(payload: Payload, words: Words) -> Screen:
    return Screen(
        paragraphs(
            words.say("admin.alert.address_pool_low", rail=str(payload["rail"])),
            words.say("admin.alert.address_pool_low_body", free=_whole(payload, "free")),
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
                count=_whole(payload, "count"),
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
            words.say("admin.alert.token_flood_body", count=_whole(payload, "kept")),
        ),
        ((buttons.go(words, "tokens"),),),
    )


def _about(key: str) -> Compose:
    """An alert of a payment on its way: a title, and a sentence with what is known."""

    def compose_it(payload: Payload, words: Words) -> Screen:
        withdrawal_id = payload.get("withdrawal_id")
        card: Row = (
            (
                tap(
                    words.plain("admin.button.open_card"),
                    OpenCard(subject=f"withdrawal:{withdrawal_id}"),
                ),
            )
            if isinstance(withdrawal_id, int)
            else ()
        )
        facts = [payload.get(name) for name in ("tx_hash", "account", "address", "delegate")]
        reason = payload.get("reason")
        return Screen(
            paragraphs(
                words.say(f"admin.alert.{key}", rail=str(payload["rail"])),
                words.say(f"admin.alert.{key}_body"),
                *(code(str(fact)) for fact in facts if fact),
                quote(str(reason)) if reason else None,
            ),
            (card,),
        )

    return compose_it


def _unknown(kind: str, payload: Payload, words: Words) -> Screen:
    content = json.dumps(payload, ensure_ascii=False, indent=1, sort_keys=True)
    return Screen(
        paragraphs(words.say("admin.alert.unknown", kind=kind), quote(content)),
        (_player(payload, words), (tap(words.plain("admin.button.menu"), Go(to="menu")),)),
    )


def _player(payload: Payload, words: Words) -> Row:
    player_id = payload.get("player_id")
    return (player_button(words, player_id),) if isinstance(player_id, int) else ()


def _money(payload: Payload, name: str) -> Money:
    amount = payload[name]
    if not isinstance(amount, dict):
        raise TypeError(name)
    return Money(int(amount["units"]), Asset(amount["asset"]))


def _whole(payload: Payload, name: str) -> int:
    found = payload[name]
    if not isinstance(found, int):
        raise TypeError(name)
    return found


ALERTS: Mapping[str, Compose] = {
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
    "alert.foreign_send": _foreign_send,
    "alert.low_fuel": _low_fuel,
    "alert.signing_refused": _signing_refused,
    "alert.payment_refused": _about("payment_refused"),
    "alert.payout_stuck": _payout_stuck,
    "alert.gas_capped": _about("gas_capped"),
    "alert.payout_unclear": _about("payout_unclear"),
    "alert.sweep_refused": _about("sweep_refused"),
    "alert.delegate_missing": _about("delegate_missing"),
    "alert.dead_letter": _dead_letter,
    "alert.accounts_frozen": _accounts_frozen,
    "alert.accounts_thawed": _accounts_thawed,
    "alert.token_flood": _token_flood,
    "deposit.unclaimed": _unclaimed,
}
