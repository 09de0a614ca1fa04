"""What the signer demands before it signs: orders by known people, in their own words, in bounds.

Everything else in the database may have been written by somebody who should not have been able to;
only the approvers' signatures and this process's own settings are trusted here. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.errors import AddressInvalid, BadSignature
from casino.staff import orders
from payments.addresses import parse_ton, require_payable
from payments.chains.ton_cells import CellError
from payments.chains.ton_wallet import MEMBERS_MAX, HotWallet, Payment, require_query_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from casino.staff.orders import PayoutOrder


@dataclass(frozen=True, slots=True)
class Limits:
    """The signer's own ceilings, in units, whatever the rest of the house believes."""

    order_units_max: int
    day_units_max: int
    two_people_above_units: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One payment as the database asks for it, with the order that should stand behind it."""

    withdrawal_id: int
    units: int
    destination: str
    memo: str
    order_text: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class AskedPayout:
    """A batch as the database asks for it."""

    rail: str
    asset: str
    account: str
    query_id: int
    created_at: datetime
    expires_at: datetime
    members: tuple[Asked, ...]


class SigningRefused(Exception):
    """The signer will not sign this; `reason` is a word for logs and alerts."""

    def __init__(self, reason: str, *, withdrawal_id: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.withdrawal_id = withdrawal_id


def require_payments(
    payout: AskedPayout,
    *,
    wallet: HotWallet,
    limits: Limits,
    approval_key: bytes,
    signed_today_units: int,
    testnet: bool,
    now: datetime,
) -> Sequence[Payment]:
    """What to sign, or SigningRefused; addresses flagged for test networks pass only on one.

    One bad member refuses the whole payout: batches are put together by the sender, and one that
    holds a forgery is not to be trusted in any part."""
    _require_frame(payout, wallet=wallet, testnet=testnet, now=now)
    ids = {member.withdrawal_id for member in payout.members}
    if len(ids) != len(payout.members):
        raise SigningRefused("paid_twice")
    for member in payout.members:
        order = _require_order(payout, member, approval_key=approval_key, now=now)
        _require_bounds(order, wallet=wallet, limits=limits, testnet=testnet)
    total = sum(member.units for member in payout.members)
    if signed_today_units + total > limits.day_units_max:
        raise SigningRefused("day_limit")
    return [Payment(member.destination, member.units, member.memo) for member in payout.members]


def _require_frame(payout: AskedPayout, *, wallet: HotWallet, testnet: bool, now: datetime) -> None:
    if not 1 <= len(payout.members) <= MEMBERS_MAX:
        raise SigningRefused("size")
    try:
        require_query_id(payout.query_id)
        ours = parse_ton(payout.account, testnet=testnet) == wallet.address
    except (AddressInvalid, CellError) as error:
        raise SigningRefused("frame") from error
    if not ours:
        raise SigningRefused("another_wallet")
    lifetime = payout.expires_at - payout.created_at
    if lifetime.total_seconds() != wallet.timeout_seconds or payout.created_at.microsecond:
        raise SigningRefused("lifetime")
    if payout.expires_at <= now:
        raise SigningRefused("expired")


def _require_order(
    payout: AskedPayout, member: Asked, *, approval_key: bytes, now: datetime
) -> PayoutOrder:
    try:
        order = orders.parse(member.order_text.encode())
        orders.verify(order, member.signature, public_key=approval_key)
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
        payout.rail,
        payout.asset,
        member.units,
        member.destination,
        member.memo,
    )
    if ordered != asked:
        raise SigningRefused("differs_from_order", withdrawal_id=member.withdrawal_id)
    return order


def _require_bounds(
    order: PayoutOrder, *, wallet: HotWallet, limits: Limits, testnet: bool
) -> None:
    if order.units > limits.order_units_max:
        raise SigningRefused("order_limit", withdrawal_id=order.withdrawal_id)
    needed = 2 if order.units > limits.two_people_above_units else 1
    if len(set(order.approvers)) < needed:
        raise SigningRefused("one_person", withdrawal_id=order.withdrawal_id)
    try:
        require_payable(order.destination, own=frozenset({wallet.address.raw}), testnet=testnet)
    except AddressInvalid as error:
        raise SigningRefused("destination", withdrawal_id=order.withdrawal_id) from error
