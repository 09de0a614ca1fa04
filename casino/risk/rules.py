"""What staff should know before they pay: facts about a withdrawal, each with its weight; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

YOUNG = timedelta(days=7)
VERY_YOUNG = timedelta(days=1)
PROTECTION_RECENT = timedelta(days=7)
FULL_BP = 10_000


class Severity(StrEnum):
    """How much a fact should slow a decision down."""

    OK = "ok"
    NOTICE = "notice"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact by its code; `params` fill the text, reference amounts in micro-units."""

    code: str
    severity: Severity
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WithdrawalFacts:
    """What is known when a withdrawal waits for a decision; `*_ref` in reference micro-units."""

    asked_ref: int
    account_age: timedelta
    deposits_ref: int
    withdrawn_ref: int
    turnover_ref: int
    kyc_level: int
    address_first_use: bool
    address_other_players: int
    protection_changed_at: datetime | None
    excluded: bool


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    """What is known when a held deposit waits to be sent back; `owes_ref` is what the player owes
    the house, in reference micro-units."""

    address_other_players: int
    kyc_level: int
    closed: bool
    excluded: bool
    frozen: bool
    owes_ref: int


def return_facts(known: ReturnFacts) -> list[Fact]:
    """All facts for the card of a return but the first of them, whether it goes back to the sender:
    that takes a reading of addresses."""
    facts = [_kyc(known)]
    if known.address_other_players:
        facts.append(
            Fact("address_shared", Severity.WARNING, {"players": known.address_other_players})
        )
    if known.frozen:
        facts.append(Fact("frozen", Severity.WARNING, {}))
    if known.owes_ref:
        facts.append(Fact("owes", Severity.WARNING, {"reference": known.owes_ref}))
    if known.closed:
        facts.append(Fact("closed", Severity.NOTICE, {}))
    if known.excluded:
        facts.append(Fact("excluded", Severity.NOTICE, {}))
    return facts


def withdrawal_facts(known: WithdrawalFacts, *, now: datetime) -> list[Fact]:
    """All facts for the card, in the order in which staff read them; always the same codes
    first, further ones only when they apply."""
    facts = [_age(known), _deposits(known), _turnover(known), _kyc(known), _address(known)]
    if known.address_other_players:
        facts.append(
            Fact("address_shared", Severity.WARNING, {"players": known.address_other_players})
        )
    if known.withdrawn_ref + known.asked_ref > known.deposits_ref > 0:
        ahead = known.withdrawn_ref + known.asked_ref - known.deposits_ref
        facts.append(Fact("takes_out_more", Severity.NOTICE, {"reference": ahead}))
    changed = known.protection_changed_at
    if changed is not None and now - changed < PROTECTION_RECENT:
        facts.append(Fact("protection_changed", Severity.NOTICE, {"at": changed.isoformat()}))
    if known.excluded:
        # Excluded players are paid like anyone else; staff should not be surprised.
        facts.append(Fact("excluded", Severity.NOTICE, {}))
    return facts


def worst(facts: list[Fact]) -> Severity:
    """The heaviest weight among facts."""
    for severity in (Severity.WARNING, Severity.NOTICE):
        if any(fact.severity is severity for fact in facts):
            return severity
    return Severity.OK


def _age(known: WithdrawalFacts) -> Fact:
    if known.account_age < VERY_YOUNG:
        severity = Severity.WARNING
    elif known.account_age < YOUNG:
        severity = Severity.NOTICE
    else:
        severity = Severity.OK
    hours = known.account_age // timedelta(hours=1)
    return Fact("account_age", severity, {"days": known.account_age.days, "hours": hours})


def _deposits(known: WithdrawalFacts) -> Fact:
    # Money that never came in must have been won or given: look where it came from.
    severity = Severity.OK if known.deposits_ref else Severity.NOTICE
    return Fact("deposits", severity, {"reference": known.deposits_ref})


def _turnover(known: WithdrawalFacts) -> Fact:
    """Coins in, coins out and hardly a bet between: a wallet used to launder."""
    params: dict[str, object] = {"reference": known.turnover_ref}
    if not known.deposits_ref:
        return Fact("turnover", Severity.OK, params)
    params["of_deposits_bp"] = known.turnover_ref * FULL_BP // known.deposits_ref
    short = known.turnover_ref < known.deposits_ref
    return Fact("turnover", Severity.WARNING if short else Severity.OK, params)


def _kyc(known: WithdrawalFacts | ReturnFacts) -> Fact:
    severity = Severity.OK if known.kyc_level else Severity.NOTICE
    return Fact("kyc_level", severity, {"level": known.kyc_level})


def _address(known: WithdrawalFacts) -> Fact:
    if known.address_first_use:
        return Fact("address_first_use", Severity.NOTICE, {})
    return Fact("address_known", Severity.OK, {})
