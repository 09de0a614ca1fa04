"""The pen: of a database that anybody may have written, only orders and its own bytes are believed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casino.cashier.batches import Attempt, Move, Payout, PayoutMember
from casino.staff import orders
from casino.staff.orders import PayoutOrder
from payments.chains.evm_addresses import DepositAddresses, EvmAddress, parse_evm
from payments.chains.evm_delegate import delegate_of
from payments.chains.evm_plan import EvmPlan, PlanInvalid
from payments.chains.evm_wallet import (
    GWEI,
    Fees,
    authorization_account,
    bumped,
    read_signed,
    read_transfer,
)
from payments.signer.checks import Limits, SignedBefore, SigningRefused
from payments.signer.day_budget import DayBudget
from payments.signer.evm_bounds import Bounds, OwnAddresses
from payments.signer.evm_pen import EvmPen
from payments.signer.roots import Entropy
from payments.signer.signing_keys import Master

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SEED = bytes(range(32, 64))
TOKEN = parse_evm("0xdAC17F958D2ee523a2206206994597C13D831ec7")
MASTER = Master.of(Entropy(b"\x21" * 32))
HOT = MASTER.evm_hot().address
DEPOSITS = MASTER.evm_deposits()
DEPOSIT = DEPOSITS.at(3).address
TO = parse_evm("0x" + "5e" * 20)
UNITS = 25_000_000
FEES = Fees(30 * GWEI, GWEI)
PLAN = EvmPlan(90_000, FEES)
NOTHING = SignedBefore(0, 0)


def budget(wei: int) -> DayBudget:
    return DayBudget("usdt_eth", wei, "day_gas_limit")


def pen(**given: object) -> EvmPen:
    made = EvmPen(
        rail="usdt_eth",
        chain_id=1,
        token=TOKEN,
        hot=MASTER.evm_hot(),
        own=OwnAddresses([DEPOSITS], 8),
        limits=Limits(100_000_000, 300_000_000, 300_000_000, 50_000_000),
        bounds=Bounds(400_000, 200 * GWEI, 10 * GWEI, 10**16),
        budget=budget(10**18),
        approval_key=orders.public_key(SEED),
    )
    return replace(made, **given)  # type: ignore[arg-type]


def member(to: EvmAddress = TO, units: int = UNITS, **given: object) -> PayoutMember:
    order = PayoutOrder(
        withdrawal_id=7,
        rail="usdt_eth",
        asset="USDT",
        units=units,
        destination=to.checksummed,
        memo="",
        approvers=(1,),
        approved_at=NOW.isoformat(),
        expires_at=(NOW + timedelta(hours=1)).isoformat(),
    )
    text, signature = orders.canonical(order), orders.sign(order, key_seed=SEED)
    made = PayoutMember(7, units, to.checksummed, "", text.decode(), signature, "pending", None)
    return replace(made, **given)  # type: ignore[arg-type]


def waiting(plan: Mapping[str, object], number: int = 1) -> Attempt:
    return Attempt(number, plan, NOW, None, None, None)


def payout(*attempts: Attempt, **given: object) -> Payout:
    made = Payout(
        id=11,
        rail="usdt_eth",
        account=HOT.checksummed,
        replay_number=4,
        created_at=NOW,
        expires_at=None,
        since_height=10,
        claimed_at=NOW,
        broadcast_at=None,
        seen_at=None,
        closed_at=None,
        attempts=attempts or (waiting(PLAN.as_json()),),
        members=(member(),),
        move=None,
    )
    return replace(made, **given)  # type: ignore[arg-type]


def sweeping(plan: EvmPlan, **given: object) -> Payout:
    move = Move(
        11, "usdt_eth", "sweep", DEPOSIT.raw, HOT.checksummed, UNITS, "assigned", None, None
    )
    return payout(
        waiting(plan.as_json()),
        members=(),
        move=replace(move, **given),  # type: ignore[arg-type]
    )


def fuelling(plan: EvmPlan, **given: object) -> Payout:
    move = Move(11, "usdt_eth", "fuel", HOT.checksummed, DEPOSIT.raw, 1, "assigned", None, None)
    return payout(
        waiting(plan.as_json()),
        members=(),
        move=replace(move, **given),  # type: ignore[arg-type]
    )


def sign(asked: Payout, by: EvmPen | None = None, *, now: datetime = NOW) -> bytes:
    return (by or pen()).sign(asked, asset="USDT", before=NOTHING, now=now).signed


def refused(asked: Payout, by: EvmPen | None = None, *, now: datetime = NOW) -> str:
    with pytest.raises(SigningRefused) as refusal:
        sign(asked, by, now=now)
    return refusal.value.reason


def with_first(*further: Attempt, first: Payout | None = None) -> Payout:
    """A payout whose first version was signed, with further ones."""
    made = first or payout()
    done = pen().sign(made, asset="USDT", before=NOTHING, now=NOW)
    signed = replace(made.attempts[0], signed=done.signed, tx_hash=done.tx_hash, signed_at=NOW)
    return replace(made, attempts=(signed, *further))


def dearer(plan: EvmPlan = PLAN, **given: object) -> dict[str, object]:
    return replace(plan, fees=bumped(plan.fees), **given).as_json()  # type: ignore[arg-type]


def test_an_order_becomes_exactly_its_payment() -> None:
    read = read_signed(sign(payout()))
    transaction = read.transaction
    assert read.sender == HOT
    assert (transaction.chain_id, transaction.nonce, transaction.fees) == (1, 4, FEES)
    assert (transaction.to, transaction.value) == (TOKEN, 0)
    assert read_transfer(transaction.payload) == (TO, UNITS)
    assert sign(payout()) == sign(payout()), "the same bytes again"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (lambda: payout(members=(member(units=UNITS + 1, order_text=member().order_text),)), None),
        (lambda: payout(members=(member(units=UNITS - 1, signature=b"\0" * 64),)), None),
        (lambda: payout(members=(member(), member())), "size"),
        (lambda: payout(members=()), "size"),
        (lambda: payout(members=(member(TOKEN),)), "destination"),
        (lambda: payout(members=(member(HOT),)), "destination"),
        (lambda: payout(members=(member(DEPOSIT),)), "destination"),
        (lambda: payout(members=(member(delegate_of(HOT)),)), "destination"),
        (lambda: payout(members=(member(EvmAddress(bytes(20))),)), "destination"),
        (lambda: payout(members=(member(EvmAddress(bytes(19) + b"\1")),)), "destination"),
        (lambda: payout(members=(member(units=60_000_000),)), "one_person"),
        (lambda: payout(members=(member(units=100_000_001),)), "order_limit"),
        (lambda: payout(account=TO.checksummed), "another_wallet"),
        (lambda: payout(account="nonsense"), "account"),
        (lambda: payout(account=DEPOSIT.raw), "another_wallet"),
        (lambda: payout(expires_at=NOW), "frame"),
        (lambda: payout(replay_number=-1), "frame"),
        (lambda: payout(waiting({})), "plan"),
        (lambda: payout(waiting({**PLAN.as_json(), "to": TO.raw})), "plan"),
        (lambda: payout(waiting({**PLAN.as_json(), "gas": "90000"})), "plan"),
        (lambda: payout(waiting({**PLAN.as_json(), "gas": True})), "plan"),
        (lambda: payout(waiting(replace(PLAN, gas=400_001).as_json())), "gas_limit"),
        (lambda: payout(waiting(replace(PLAN, fees=Fees(201 * GWEI, 1)).as_json())), "fee_limit"),
        (
            lambda: payout(waiting(replace(PLAN, fees=Fees(20 * GWEI, 11 * GWEI)).as_json())),
            "fee_limit",
        ),
        (lambda: sweeping(replace(PLAN, number=2)), "not_our_address"),
        (lambda: sweeping(PLAN), "move"),
        (lambda: sweeping(replace(PLAN, number=2**31)), "not_our_address"),
        (lambda: sweeping(replace(PLAN, number=3), destination=TO.raw), "treasury"),
        (lambda: sweeping(replace(PLAN, number=3), source=TO.raw), "not_our_address"),
        (lambda: sweeping(replace(PLAN, number=3), kind="consolidation"), "move"),
        (lambda: fuelling(replace(PLAN, number=3)), "fuel_limit"),
        (lambda: fuelling(replace(PLAN, number=3, wei=10**16 + 1)), "fuel_limit"),
        (lambda: fuelling(replace(PLAN, number=3, wei=1), destination=TO.raw), "not_our_address"),
    ],
)
def test_what_is_refused(asked: Callable[[], Payout], reason: str | None) -> None:
    said = refused(asked())
    if reason is not None:
        assert said == reason


def test_orders_that_ran_out_and_full_days_are_refused() -> None:
    assert refused(payout(), now=NOW + timedelta(hours=2)).startswith("order_")
    with pytest.raises(SigningRefused, match="hour_limit"):
        pen().sign(payout(), asset="USDT", before=SignedBefore(300_000_000, 0), now=NOW)
    with pytest.raises(SigningRefused, match="day_limit"):
        pen().sign(payout(), asset="USDT", before=SignedBefore(0, 300_000_000), now=NOW)


def test_a_day_has_room_for_so_much_gas() -> None:
    one = pen(budget=budget(2 * PLAN.gas * FEES.max_fee))
    sign(payout(), one)
    sign(payout(), one)
    assert refused(payout(), one) == "day_gas_limit"
    fresh = payout(members=(replace(member()),))
    with pytest.raises(SigningRefused):
        sign(fresh, one, now=NOW + timedelta(minutes=59))
    one.budget.take(1, journalled=0, now=NOW + timedelta(days=1))


def test_what_an_earlier_process_promised_counts() -> None:
    wei = PLAN.gas * FEES.max_fee
    anew = pen(budget=budget(2 * wei))
    spent = SignedBefore(0, 0, spent_units=wei + 1)
    with pytest.raises(SigningRefused, match="day_gas_limit"):
        anew.sign(payout(), asset="USDT", before=spent, now=NOW)
    spent = SignedBefore(0, 0, spent_units=wei)
    assert anew.sign(payout(), asset="USDT", before=spent, now=NOW).spends == wei


def test_a_dearer_version_repeats_the_first_although_the_order_ran_out() -> None:
    asked = with_first(waiting(dearer(), 2))
    second = read_signed(sign(asked, now=NOW + timedelta(days=3))).transaction
    first = read_signed(asked.attempts[0].signed or b"").transaction
    assert (second.nonce, second.to, second.payload) == (first.nonce, first.to, first.payload)
    assert second.fees == bumped(first.fees)


def test_a_later_version_is_what_the_first_bytes_say_whatever_the_rows_say() -> None:
    """Somebody changed the member after the first version was signed."""
    asked = replace(
        with_first(waiting(dearer(), 2)), members=(member(parse_evm("0x" + "66" * 20)),)
    )
    assert read_transfer(read_signed(sign(asked)).transaction.payload) == (TO, UNITS)


def test_a_first_version_that_we_never_signed_is_no_reason_to_sign() -> None:
    stranger = Master.of(Entropy(b"\x22" * 32))
    forger = pen(hot=stranger.evm_hot())
    theirs = payout(account=stranger.evm_hot().address.checksummed)
    done = forger.sign(theirs, asset="USDT", before=NOTHING, now=NOW)
    forged = Attempt(1, PLAN.as_json(), NOW, done.signed, done.tx_hash, NOW)
    assert refused(payout(forged, waiting(dearer(), 2))) == "first_version"
    ours = with_first()
    moved = replace(ours, replay_number=5, attempts=(*ours.attempts, waiting(dearer(), 2)))
    assert refused(moved) == "first_version", "of another nonce"
    garbage = replace(ours.attempts[0], signed=b"\2garbage")
    assert refused(payout(garbage, waiting(dearer(), 2))) == "first_version"
    assert refused(with_first(waiting(dearer(), 2)), pen(chain_id=5)) == "first_version"


@pytest.mark.parametrize("cancels", [False, True])
def test_a_version_that_replaces_nothing_is_refused(cancels: bool) -> None:
    cheap = replace(PLAN, fees=Fees(FEES.max_fee + 1, FEES.tip + 1), cancels=cancels)
    assert refused(with_first(waiting(cheap.as_json(), 2))) == "not_a_replacement"


def test_a_cancellation_pays_nobody() -> None:
    for asked in (
        payout(waiting(replace(PLAN, cancels=True).as_json())),
        with_first(waiting(dearer(cancels=True), 2)),
    ):
        done = pen().sign(asked, asset="USDT", before=NOTHING, now=NOW + timedelta(days=9))
        transaction = read_signed(done.signed).transaction
        assert not done.pays
        assert (transaction.to, transaction.value, transaction.payload) == (HOT, 0, b"")
        assert transaction.nonce == 4


def test_after_a_cancellation_nothing_but_cancellations_is_signed() -> None:
    """Its order may have gone back to staff since."""
    first = payout(waiting(replace(PLAN, cancels=True).as_json()))
    asked = with_first(waiting(dearer(), 2), first=first)
    done = pen().sign(asked, asset="USDT", before=NOTHING, now=NOW)
    assert read_signed(done.signed).transaction.to == HOT
    assert not done.pays


def test_a_permission_is_for_our_delegate_alone() -> None:
    transaction = read_signed(sign(sweeping(replace(PLAN, number=3, authorization=0)))).transaction
    (permission,) = transaction.authorizations
    assert authorization_account(permission) == DEPOSIT
    assert permission.delegate == delegate_of(HOT)
    assert (permission.chain_id, permission.nonce) == (1, 0)
    assert transaction.to == DEPOSIT
    without = read_signed(sign(sweeping(replace(PLAN, number=3)))).transaction
    assert without.authorizations == ()


def test_a_deposit_address_pays_to_the_treasury_only() -> None:
    asked = replace(sweeping(replace(PLAN, number=3)), account=DEPOSIT.raw)
    read = read_signed(sign(asked))
    assert read.sender == DEPOSIT
    assert read_transfer(read.transaction.payload) == (HOT, UNITS)
    with_orders = replace(asked, members=(member(),))
    assert refused(with_orders) == "move"


def test_fuel_goes_to_our_addresses_in_bounds() -> None:
    transaction = read_signed(sign(fuelling(replace(PLAN, number=3, wei=10**15)))).transaction
    assert (transaction.to, transaction.value, transaction.payload) == (DEPOSIT, 10**15, b"")


def test_an_earlier_wallet_ends_what_it_began_and_begins_nothing() -> None:
    fresh = Master.of(Entropy(b"\x23" * 32)).evm_hot()
    later = pen(hot=fresh, older=(MASTER.evm_hot(),))
    assert read_signed(sign(with_first(waiting(dearer(), 2)), later)).sender == HOT
    assert refused(payout(), later) == "earlier_wallet"


def test_our_addresses_are_known_by_heart() -> None:
    own = OwnAddresses([DEPOSITS], 5)
    derived = DepositAddresses(DEPOSITS.xpub)
    assert [derived.at(number) in own for number in range(7)] == [True] * 5 + [False] * 2


def test_plans_are_read_as_they_are_written() -> None:
    for plan in (
        PLAN,
        replace(PLAN, cancels=True),
        replace(PLAN, number=0, authorization=0),
        replace(PLAN, number=7, wei=10**18),
    ):
        assert EvmPlan.read(plan.as_json()) == plan
    for bad in ({}, {"gas": 1}, {**PLAN.as_json(), "cancels": 1}, {**PLAN.as_json(), "tip": -1}):
        with pytest.raises(PlanInvalid):
            EvmPlan.read(bad)
