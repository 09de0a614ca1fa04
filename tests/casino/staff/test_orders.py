"""Signed orders: every field is covered, nothing else verifies."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casino.errors import BadSignature
from casino.staff import orders
from casino.staff.orders import PayoutOrder

SEED = bytes(range(32))
PUBLIC = orders.public_key(SEED)
ORDER = PayoutOrder(
    withdrawal_id=7,
    rail="ton",
    asset="TON",
    units=1_500_000_000,
    destination="UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJKZ",
    memo="",
    approvers=(11, 12),
    approved_at="2026-11-22T12:00:00+00:00",
    expires_at="2026-11-23T12:00:00+00:00",
)
OTHER = {
    "withdrawal_id": 8,
    "rail": "ton2",
    "asset": "USDT",
    "units": 1_500_000_001,
    "destination": "UQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJKz",
    "memo": "x",
    "approvers": (11,),
    "approved_at": "2026-11-22T12:00:01+00:00",
    "expires_at": "2026-11-23T12:00:01+00:00",
}


def test_a_signed_order_verifies_after_a_trip_through_its_text() -> None:
    signature = orders.sign(ORDER, key_seed=SEED)
    read = orders.parse(orders.canonical(ORDER))
    assert read == ORDER
    orders.verify(read, signature, public_key=PUBLIC)


@pytest.mark.parametrize("field", [field.name for field in fields(PayoutOrder)])
def test_a_change_of_any_field_is_noticed(field) -> None:
    signature = orders.sign(ORDER, key_seed=SEED)
    with pytest.raises(BadSignature):
        orders.verify(replace(ORDER, **{field: OTHER[field]}), signature, public_key=PUBLIC)


@given(st.integers(0, 511))
def test_a_flipped_bit_of_the_signature_is_noticed(bit) -> None:
    signature = bytearray(orders.sign(ORDER, key_seed=SEED))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        orders.verify(ORDER, bytes(signature), public_key=PUBLIC)


@pytest.mark.parametrize("signature", [b"", b"x" * 63, bytes(64)])
def test_no_signature_is_noticed(signature) -> None:
    with pytest.raises(BadSignature):
        orders.verify(ORDER, signature, public_key=PUBLIC)


def test_another_key_does_not_sign_for_ours() -> None:
    with pytest.raises(BadSignature):
        orders.verify(ORDER, orders.sign(ORDER, key_seed=bytes(32)), public_key=PUBLIC)


def test_the_text_alone_is_not_what_is_signed() -> None:
    """A signature over bare JSON, from some other feature with the same key, pays nothing."""
    bare = orders.Ed25519PrivateKey.from_private_bytes(SEED).sign(orders.canonical(ORDER))
    with pytest.raises(BadSignature):
        orders.verify(ORDER, bare, public_key=PUBLIC)


@pytest.mark.parametrize(
    "changed",
    [
        {"units": 0},
        {"units": -1},
        {"units": 2**63},
        {"units": True},
        {"units": 1.0},
        {"asset": "DOGE"},
        {"destination": ""},
        {"approvers": ()},
        {"approvers": (11, 11)},
        {"approvers": ("11",)},
        {"withdrawal_id": "7"},
        {"approved_at": "yesterday"},
        {"expires_at": "2026-11-23T12:00:00"},
    ],
)
def test_an_unsound_order_is_neither_signed_nor_verified(changed) -> None:
    order = replace(ORDER, **changed)
    with pytest.raises(BadSignature):
        orders.sign(order, key_seed=SEED)
    with pytest.raises(BadSignature):
        orders.verify(order, bytes(64), public_key=PUBLIC)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        orders.canonical(ORDER) + b" ",
        orders.canonical(ORDER).replace(b",", b", "),
        orders.canonical(ORDER).replace(b'"memo"', b'"memo":"","memo"'),
        orders.canonical(ORDER).replace(b"{", b'{"a":1,'),
        orders.canonical(ORDER).replace(b"[11,12]", b'"11"'),
        orders.canonical(ORDER).replace(b"[11,12]", b"[[11]]"),
    ],
)
def test_only_canonical_text_is_read(text) -> None:
    with pytest.raises(BadSignature):
        orders.parse(text)


def test_an_order_lives_from_its_approval_to_its_expiry() -> None:
    approved = datetime(2026, 11, 22, 12, tzinfo=UTC)
    orders.require_current(ORDER, now=approved)
    for now in (approved - timedelta(seconds=1), approved + timedelta(days=1)):
        with pytest.raises(BadSignature):
            orders.require_current(ORDER, now=now)
