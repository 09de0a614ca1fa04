"""Signed payout orders: what the approvers' process signs and the signer verifies.

Write access to the database alone cannot pay: the signer pays only what a valid signature over
the canonical bytes of an order covers, every field of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from casino.errors import BadSignature
from casino.money import UNITS_MAX, Asset

# Signed in front of every order, so that no other signed text of ours can pass for one.
_DOMAIN = b"fairhouse-payout-order/1\n"


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """Pay `units` (net, at the asset's scale) of a withdrawal to one destination.

    `approvers` are ids of staff; both moments are ISO 8601 with their offset.
    """

    withdrawal_id: int
    rail: str
    asset: str
    units: int
    destination: str
    memo: str
    approvers: tuple[int, ...]
    approved_at: str
    expires_at: str


def canonical(order: PayoutOrder) -> bytes:
    """The order as JSON with sorted names and no spaces: one order, one text."""
    return json.dumps(
        asdict(order), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    ).encode()


def parse(text: bytes) -> PayoutOrder:
    """Read canonical bytes back; raises BadSignature for anything that is not exactly them."""
    try:
        found = json.loads(text)
        approvers = tuple(found.pop("approvers"))
        order = PayoutOrder(**found, approvers=approvers)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadSignature(reason="not an order") from error
    _require_shape(order)
    if canonical(order) != text:
        raise BadSignature(reason="not canonical")
    return order


def sign(order: PayoutOrder, *, key_seed: bytes) -> bytes:
    """The Ed25519 signature (RFC 8032, 64 bytes) over an order; raises BadSignature for an order
    that `verify` would refuse."""
    _require_shape(order)
    return Ed25519PrivateKey.from_private_bytes(key_seed).sign(_DOMAIN + canonical(order))


def verify(order: PayoutOrder, signature: bytes, *, public_key: bytes) -> None:
    """Raise BadSignature unless the holder of the key signed exactly this order."""
    _require_shape(order)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _DOMAIN + canonical(order))
    except InvalidSignature as error:
        raise BadSignature(reason="signature", withdrawal_id=order.withdrawal_id) from error


def require_current(order: PayoutOrder, *, now: datetime) -> None:
    """Raise BadSignature for an order that has expired or is dated in the future."""
    approved_at = datetime.fromisoformat(order.approved_at)
    if not approved_at <= now < datetime.fromisoformat(order.expires_at):
        raise BadSignature(reason="expired", withdrawal_id=order.withdrawal_id)


def public_key(key_seed: bytes) -> bytes:
    """The 32 bytes that the signer is given, for the seed that approvers sign with."""
    return Ed25519PrivateKey.from_private_bytes(key_seed).public_key().public_bytes_raw()


def _require_shape(order: PayoutOrder) -> None:
    texts = ("rail", "asset", "destination", "memo", "approved_at", "expires_at")
    sound = (
        all(type(getattr(order, name)) is str for name in texts)
        and type(order.withdrawal_id) is int
        and type(order.units) is int
        and 0 < order.units <= UNITS_MAX
        and order.asset in set(Asset)
        and bool(order.destination)
        and bool(order.approvers)
        and all(type(approver) is int for approver in order.approvers)
        and len(set(order.approvers)) == len(order.approvers)
        and _is_moment(order.approved_at)
        and _is_moment(order.expires_at)
    )
    if not sound:
        raise BadSignature(reason="order", fields=[field.name for field in fields(order)])


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
