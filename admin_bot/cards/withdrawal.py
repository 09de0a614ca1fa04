"""The card of a withdrawal: pay or not, with the facts that matter, most unusual first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from admin_bot import buttons
from admin_bot.callbacks import Approve, AskWhy, OpenCard, Retry
from admin_bot.cards.shape import (
    Card,
    decided_line,
    number,
    player_button,
    player_name,
    seen_mark,
)
from admin_bot.reasons import REFUND, REJECT, in_words
from admin_bot.words import folded
from casino.cashier import rails, review, withdrawals
from casino.cashier.house_addresses import HouseAddresses
from casino.cashier.withdrawals import WithdrawalStatus
from casino.risk.rules import Fact, Severity
from casino.staff import cards
from casino.staff.roles import Permission, allows
from messaging.addresses import shown_address
from messaging.buttons import Row, copy, tap
from messaging.screens import Screen
from messaging.words import Markup, Words, paragraphs
from payments.destinations import sender_destination

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.deposits import Deposit
    from casino.cashier.rails import Rail
    from casino.staff.people import Member

WEIGHT = {Severity.WARNING: 0, Severity.NOTICE: 1, Severity.OK: 2}
SIGNS = {Severity.WARNING: "⚠️", Severity.NOTICE: "•", Severity.OK: "✓"}
UNDECIDED = (WithdrawalStatus.REQUESTED, WithdrawalStatus.IN_REVIEW)


async def render(
    session: AsyncSession, *, key: int, member: Member, words: Words, now: datetime
) -> Card:
    """The card of a withdrawal; raises NotFound."""
    shown = await withdrawals.card(session, withdrawal_id=key, now=now)
    withdrawal = shown.withdrawal
    names = await cards.names(session)
    rail = await rails.get_rail(session, withdrawal.rail)
    open_ = withdrawal.status in (*UNDECIDED, WithdrawalStatus.DEAD)
    title = withdrawal.status if withdrawal.status not in UNDECIDED else "open"
    if shown.deposit is not None and withdrawal.status in UNDECIDED:
        title = "return"
    decided = await decided_line(session, words, subject=f"withdrawal:{key}", action="withdrawal.")
    text = paragraphs(
        words.say(
            f"admin.withdrawal.title.{title}",
            amount=words.units(withdrawal.units, withdrawal.asset),
            player=player_name(shown.player),
        ),
        _returns(shown.deposit, words) if shown.deposit is not None else None,
        words.say(
            "admin.withdrawal.net" if shown.deposit is None else "admin.withdrawal.net_return",
            net=words.units(withdrawal.net_units, withdrawal.asset),
            fee=words.units(withdrawal.fee_units, withdrawal.asset),
            worth=words.reference(withdrawal.reference_units),
        ),
        words.say("admin.withdrawal.to", rail=words.plain(f"rail.{withdrawal.rail}")),
        shown_address(withdrawal.destination),
        words.say("admin.withdrawal.memo", memo=withdrawal.memo) if withdrawal.memo else None,
        _facts([*_whose(shown, rail), *shown.facts], words) if open_ else None,
        words.say("admin.card.reason", reason=in_words(withdrawal.reason, words))
        if withdrawal.reason
        else None,
        _agreed(shown, words, names=names) if withdrawal.status in UNDECIDED else None,
        decided,
        words.say("admin.withdrawal.asked", moment=words.moment(withdrawal.requested_at)),
        number(words, key),
    )
    url = rail.tx_url(withdrawal.tx_hash)
    looking: Row = (
        player_button(words, withdrawal.player_id),
        *((buttons.link(words.plain("admin.button.explorer"), url),) if url else ()),
        copy(words.plain("admin.button.copy_address"), withdrawal.destination),
        *(
            (tap(words.plain("admin.button.deposit"), OpenCard(subject=f"deposit:{deposit.id}")),)
            if (deposit := shown.deposit) is not None
            else ()
        ),
    )
    if not open_:
        return Card(Screen(text), finished=True)
    return Card(Screen(text, _rows(shown, words, member=member, looking=looking)))


async def seen_now(session: AsyncSession, *, withdrawal_id: int, now: datetime) -> str:
    """The mark that a card of this withdrawal would carry now."""
    return _seen(await withdrawals.card(session, withdrawal_id=withdrawal_id, now=now))


def _rows(shown: review.Card, words: Words, *, member: Member, looking: Row) -> tuple[Row, ...]:
    if not allows(member, Permission.WITHDRAWALS_DECIDE):
        return (looking,)
    key, seen = shown.withdrawal.id, _seen(shown)
    subject = f"withdrawal:{key}"
    if shown.withdrawal.status is WithdrawalStatus.DEAD:
        again = Retry(withdrawal=key, seen=seen)
        back = AskWhy(task=REFUND, subject=subject, seen=seen)
        return (
            (tap(words.plain("admin.button.retry"), again, style=buttons.PRIMARY),),
            looking,
            (tap(words.plain("admin.button.refund"), back, style=buttons.DANGER),),
        )
    said_yes = member.id in shown.approved_by
    approve = Approve(withdrawal=key, seen=seen)
    reject = AskWhy(task=REJECT, subject=subject, seen=seen)
    # Yes and no are far apart, with the way to more facts between them.
    return (
        ()
        if said_yes
        else (tap(words.plain("admin.button.approve"), approve, style=buttons.SUCCESS),),
        looking,
        (tap(words.plain("admin.button.reject"), reject, style=buttons.DANGER),),
    )


def _seen(shown: review.Card) -> str:
    withdrawal = shown.withdrawal
    return seen_mark(
        withdrawal.status.value, withdrawal.attempts, withdrawal.reason, shown.approved_by
    )


def _agreed(shown: review.Card, words: Words, *, names: Mapping[int, str]) -> Markup | None:
    if not shown.needs_second:
        return None
    if not shown.approved_by:
        return words.say("admin.withdrawal.two_needed")
    agreed = ", ".join(names.get(each, str(each)) for each in shown.approved_by)
    return words.say("admin.withdrawal.second_needed", names=agreed)


def _returns(deposit: Deposit, words: Words) -> Markup:
    """That it is a return, and of what."""
    return words.say(
        "admin.withdrawal.returns",
        moment=words.moment(deposit.seen_at),
        reason=in_words(deposit.reason, words) if deposit.reason else "-",
    )


def _whose(shown: review.Card, rail: Rail) -> tuple[Fact, ...]:
    """Whether a return goes to whoever sent the coins: else staff have named the address."""
    if shown.deposit is None:
        return ()
    nobodys = HouseAddresses(frozenset(), frozenset())
    sender = sender_destination(rail, shown.deposit.sender, house=nobodys)
    if sender is None:
        return (Fact("return_no_sender", Severity.NOTICE, {}),)
    if sender == shown.withdrawal.destination:
        return (Fact("return_to_sender", Severity.OK, {}),)
    return (Fact("return_elsewhere", Severity.WARNING, {}),)


def _facts(facts: Sequence[Fact], words: Words) -> Markup:
    """Warnings, then notices; what is as it should be is folded."""
    ordered = sorted(facts, key=lambda fact: WEIGHT[fact.severity])
    lines = [
        (fact.severity, Markup(f"{SIGNS[fact.severity]} {_fact(fact, words)}")) for fact in ordered
    ]
    unusual = [line for severity, line in lines if severity is not Severity.OK]
    usual = [line for severity, line in lines if severity is Severity.OK]
    return paragraphs(*unusual, folded(Markup("\n".join(usual))))


def _fact(fact: Fact, words: Words) -> Markup:
    params = fact.params
    match fact.code:
        case "account_age":
            days, hours = int(str(params["days"])), int(str(params["hours"]))
            return (
                words.say("admin.fact.account_age_days", count=days)
                if days
                else words.say("admin.fact.account_age_hours", count=hours)
            )
        case "turnover" if "of_deposits_bp" in params:
            return words.say(
                "admin.fact.turnover_share",
                amount=words.reference(int(str(params["reference"]))),
                percent=int(str(params["of_deposits_bp"])) // 100,
            )
        case "protection_changed":
            at = datetime.fromisoformat(str(params["at"]))
            return words.say("admin.fact.protection_changed", moment=words.moment(at))
        case "address_shared":
            return words.say("admin.fact.address_shared", count=int(str(params["players"])))
        case "deposits" if not params["reference"]:
            return words.say("admin.fact.deposits_none")
    key = f"admin.fact.{fact.code}"
    if not words.knows(key):
        shown = ", ".join(f"{name} {part}" for name, part in params.items())
        return words.say("admin.fact.unknown", code=fact.code, facts=shown)
    spoken = {
        name: words.reference(part) if name == "reference" and isinstance(part, int) else part
        for name, part in params.items()
    }
    return words.say(key, **spoken)
