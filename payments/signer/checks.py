"""What the signer demands of every payment: orders by known people, in their own words, in bounds.

Everything else in the database may have been written by somebody who should not have been able to;
only the approvers' signatures and this process's own settings are trusted here. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.errors import BadSignature
from casino.staff import orders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from casino.staff.orders import PayoutOrder


@dataclass(frozen=True, slots=True)
class Limits:
    """The signer's own ceilings, in units, whatever the rest of the house believes."""

    order_units_max: int
    hour_units_max: int
    day_units_max: int
    two_people_above_units: int


@dataclass(frozen=True, slots=True)
class SignedBefore:
    """What was signed already, in units, by the signer's own journal; `spent_units` is what the
    pen's budget has promised to its network in the last 24 hours."""

    hour_units: int
    day_units: int
    spent_units: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One payment as the database asks for it, with the order that should stand behind it."""

    withdrawal_id: int
    units: int
    destination: str
    memo: str
    order_text: str
    signature: bytes


class SigningRefused(Exception):
    """The signer will not sign this; `reason` is a word for logs and alerts."""

    def __init__(self, reason: str, *, withdrawal_id: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.withdrawal_id = withdrawal_id


def require_orders(
    members: Sequence[Asked],
    *,
    rail: str,
    asset: str,
    limits: Limits,
    before: SignedBefore,
    approval_key: bytes,
    now: datetime,
    replaces: bool = False,
) -> Sequence[PayoutOrder]:
    """The orders behind these payments, or SigningRefused. One bad member refuses all: batches are
    put together by the sender, and one that holds a forgery is not to be trusted in any part.

    A version that `replaces` one which this process has signed pays the same orders: they may have
    run out meanwhile, and their sums have been counted. Whether the destinations can be paid on the
    rail's chain is for the caller to see."""
    if len({member.withdrawal_id for member in members}) != len(members):
        raise SigningRefused("paid_twice")
    found = [
        _require_order(
            member,
            rail=rail,
            asset=asset,
            approval_key=approval_key,
            now=None if replaces else now,
        )
        for member in members
    ]
    for order in found:
        if order.units > limits.order_units_max:
            raise SigningRefused("order_limit", withdrawal_id=order.withdrawal_id)
        needed = 2 if order.units > limits.two_people_above_units else 1
        if len(set(order.approvers)) < needed:
            raise SigningRefused("one_person", withdrawal_id=order.withdrawal_id)
    if replaces:
        return found
    total = sum(order.units for order in found)
    if before.hour_units + total > limits.hour_units_max:
        raise SigningRefused("hour_limit")
    if before.day_units + total > limits.day_units_max:
        raise SigningRefused("day_limit")
    return found


def _require_order(
    member: Asked, *, rail: str, asset: str, approval_key: bytes, now: datetime | None
) -> PayoutOrder:
    try:
        order = orders.parse(member.order_text.encode())
        orders.verify(order, member.signature, public_key=approval_key)
        if now is not None:
            orders.require_current(order, now=now)
    except BadSignature as error:
        reason = f"order_{error.data.get('reason')}"
        raise SigningRefused(reason, withdrawal_id=member.withdrawal_id) from error
    ordered = (
        order.withdrawal_id,
        order.rail,
        order.asset,
        order.units,
        order.destination,
        order.memo,
    )
    asked = (
        member.withdrawal_id,
        rail,
        asset,
        member.units,
        member.destination,
        member.memo,
    )
    if ordered != asked:
        raise SigningRefused("differs_from_order", withdrawal_id=member.withdrawal_id)
    return order
