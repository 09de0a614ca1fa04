"""The signer: what it refuses, what it keeps, and what it cannot reach."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from casino.cashier.batches import Payout, PayoutMember
from casino.staff import orders
from casino.staff.orders import PayoutOrder
from payments.addresses import TonAddress
from payments.chains.ton_wallet import HotWallet
from payments.signer.checks import Limits, SignedBefore, SigningRefused
from payments.signer.roots import Entropy
from payments.signer.signing_keys import TonKey
from payments.signer.ton_pen import TonPen

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SEED = bytes(range(32))
WALLET = HotWallet(bytes(SigningKey(SEED).verify_key), 0x10AD, 600)
APPROVER = b"\x09" * 32
LIMITS = Limits(
    order_units_max=1000, hour_units_max=1200, day_units_max=1500, two_people_above_units=500
)
TO = TonAddress(0, b"\x66" * 32).friendly()
OTHER = TonAddress(0, b"\x67" * 32).friendly()


def order(**changes: object) -> PayoutOrder:
    plain = PayoutOrder(
        withdrawal_id=1,
        rail="ton",
        asset="TON",
        units=400,
        destination=TO,
        memo="",
        approvers=(1,),
        approved_at=(NOW - timedelta(hours=1)).isoformat(),
        expires_at=(NOW + timedelta(hours=1)).isoformat(),
    )
    return replace(plain, **changes)


def asked(given: PayoutOrder, *, seed: bytes = APPROVER, **changes: object) -> PayoutMember:
    plain = PayoutMember(
        withdrawal_id=given.withdrawal_id,
        units=given.units,
        destination=given.destination,
        memo=given.memo,
        order_text=orders.canonical(given).decode(),
        signature=orders.sign(given, key_seed=seed),
        outcome="pending",
        tx_hash=None,
    )
    return replace(plain, **changes)


def payout(*members: PayoutMember, **changes: object) -> Payout:
    plain = Payout(
        id=1,
        rail="ton",
        account=WALLET.address.friendly(),
        replay_number=5,
        since_height=None,
        claimed_at=NOW,
        broadcast_at=None,
        seen_at=None,
        closed_at=None,
        attempts=(),
        move=None,
        created_at=NOW - timedelta(seconds=30),
        expires_at=NOW + timedelta(seconds=570),
        members=members,
    )
    return replace(plain, **changes)


def refusal(
    wanted: Payout, *, asset: str = "TON", day: int = 0, hour: int = 0, testnet: bool = False
) -> str:
    with pytest.raises(SigningRefused) as caught:
        check(wanted, asset=asset, day=day, hour=hour, testnet=testnet)
    return caught.value.reason


def check(
    wanted: Payout, *, asset: str = "TON", day: int = 0, hour: int = 0, testnet: bool = False
) -> list[tuple[str, int, str]]:
    pen = TonPen(
        rail="ton",
        key=TonKey(Entropy(SEED)),
        wallet=WALLET,
        limits=LIMITS,
        approval_key=orders.public_key(APPROVER),
        testnet=testnet,
    )
    payments = pen.require_payments(
        wanted,
        wallet=WALLET,
        asset=asset,
        before=SignedBefore(hour_units=hour, day_units=day),
        now=NOW,
    )
    return [(payment.destination, payment.units, payment.memo) for payment in payments]


def test_a_true_order_is_signed_as_it_stands() -> None:
    two = [asked(order()), asked(order(withdrawal_id=2, units=7, destination=OTHER, memo="hi"))]
    assert check(payout(*two)) == [(TO, 400, ""), (OTHER, 7, "hi")]


@pytest.mark.parametrize(
    "change",
    [{"units": 401}, {"destination": OTHER}, {"memo": "x"}, {"withdrawal_id": 9}],
    ids=lambda change: next(iter(change)),
)
def test_a_request_that_differs_from_its_order_is_refused(change: dict[str, object]) -> None:
    assert refusal(payout(asked(order(), **change))) == "differs_from_order"


@pytest.mark.parametrize(
    "change",
    [
        {"units": 401},
        {"destination": OTHER},
        {"memo": "x"},
        {"withdrawal_id": 9},
        {"rail": "other"},
        {"approvers": (1, 2)},
        {"expires_at": (NOW + timedelta(days=9)).isoformat()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_order_changed_after_it_was_signed_is_refused(change: dict[str, object]) -> None:
    true = asked(order())
    forged = order(**change)
    member = asked(forged, signature=true.signature)
    assert refusal(payout(member)) == "order_signature"


def test_an_order_signed_by_somebody_else_is_refused() -> None:
    assert refusal(payout(asked(order(), seed=b"\x0a" * 32))) == "order_signature"


@given(st.binary(max_size=80))
def test_no_random_signature_passes(signature: bytes) -> None:
    assert refusal(payout(asked(order(), signature=signature))).startswith("order_")


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (asked(order(expires_at=NOW.isoformat())), "order_expired"),
        (asked(order(approved_at=(NOW + timedelta(hours=1)).isoformat())), "order_expired"),
        (asked(order(units=1001, approvers=(1, 2))), "order_limit"),
        (asked(order(units=501)), "one_person"),
        (asked(order(rail="other")), "differs_from_order"),
        (asked(order(asset="USDT")), "differs_from_order"),
        (asked(order(destination=WALLET.address.friendly())), "destination"),
        (asked(order(destination=WALLET.address.raw)), "destination"),
        (asked(order(destination=TonAddress(-1, b"\x01" * 32).friendly())), "destination"),
        (asked(order(destination="nonsense")), "destination"),
    ],
)
def test_orders_out_of_bounds_are_refused(member: PayoutMember, expected: str) -> None:
    assert refusal(payout(member)) == expected


@pytest.mark.parametrize("text", ["", "{}", "nonsense", "[" * 200_000])
def test_what_is_no_order_is_refused(text: str) -> None:
    assert refusal(payout(asked(order(), order_text=text))).startswith("order_")


def test_addresses_of_a_test_network_pass_only_on_one() -> None:
    there = asked(order(destination=TonAddress(0, b"\x66" * 32).friendly(testnet=True)))
    assert refusal(payout(there)) == "destination"
    assert check(payout(there), testnet=True)
    account = WALLET.address.friendly(testnet=True)
    assert refusal(payout(asked(order()), account=account)) == "frame"
    assert check(payout(asked(order()), account=account), testnet=True)


def test_two_people_open_the_larger_amounts() -> None:
    assert check(payout(asked(order(units=501, approvers=(1, 2))))) == [(TO, 501, "")]


def test_the_day_has_a_ceiling_over_all_payouts() -> None:
    assert check(payout(asked(order())), day=1100)
    assert refusal(payout(asked(order())), day=1101) == "day_limit"


def test_so_has_the_hour() -> None:
    assert check(payout(asked(order())), hour=800, day=800)
    assert refusal(payout(asked(order())), hour=801, day=801) == "hour_limit"


def test_one_bad_member_refuses_the_whole_payout() -> None:
    bad = asked(order(withdrawal_id=2), seed=b"\x0a" * 32)
    assert refusal(payout(asked(order()), bad)) == "order_signature"


def test_one_order_is_not_paid_twice_in_a_payout() -> None:
    assert refusal(payout(asked(order()), asked(order()))) == "paid_twice"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"members": ()}, "size"),
        ({"account": OTHER}, "another_wallet"),
        ({"account": "nonsense"}, "frame"),
        ({"replay_number": 1023}, "frame"),
        ({"expires_at": NOW}, "lifetime"),
        ({"created_at": NOW - timedelta(seconds=31)}, "lifetime"),
        (
            {"created_at": NOW - timedelta(seconds=600), "expires_at": NOW},
            "expired",
        ),
    ],
)
def test_frames_that_the_wallet_would_not_take_are_refused(
    change: dict[str, object], expected: str
) -> None:
    assert refusal(payout(asked(order()), **change)) == expected


def test_the_signer_cannot_reach_the_network() -> None:
    script = (
        "import sys, payments.signer.__main__\n"
        "print(sorted({'aiohttp', 'httpx', 'requests', 'urllib3', 'aiogram', 'redis'}"
        " & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
