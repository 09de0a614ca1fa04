"""What the signer refuses on Bitcoin, whatever the database says; and that it signs alike twice."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from casino.cashier.batches import Attempt, Payout
from casino.cashier.moves import MoveKind
from casino.clock import utc_now
from casino.staff import orders
from payments.chains.btc_plan import PlanError
from payments.chains.btc_wallet import WalletError
from payments.signer.checks import SignedBefore, SigningRefused
from payments.signer.pen import SignedVersion
from tests.payments.btc.conftest import BTC
from tests.payments.btc.payouts.house import (
    APPROVER_SEED,
    Limits,
    PayingHouse,
    inputs_of,
)

pytestmark = pytest.mark.chain

NOTHING = SignedBefore(0, 0)


def signed(
    house: PayingHouse, payout: Payout, *, before: SignedBefore = NOTHING, days: int = 0
) -> SignedVersion:
    now = utc_now() + timedelta(days=days)
    return house.another_pen().sign(payout, asset="BTC", before=before, now=now)


def planned(payout: Payout, **changes: object) -> Payout:
    """The payout with another plan for the version that waits."""
    *before, last = payout.attempts
    return replace(payout, attempts=(*before, replace(last, plan={**last.plan, **changes})))


def coins(plan: Mapping[str, object]) -> list[list[object]]:
    found = plan["coins"]
    assert isinstance(found, list)
    return [list(one) for one in found]


async def claimed(house: PayingHouse, *satoshis: int) -> Payout:
    """A payout that waits for its signature."""
    player = await house.rich_player(BTC, BTC)
    for number, units in enumerate(satoshis or (200_000,)):
        await house.withdraw(player, units, house.somebody(number))
    await house.sender.step()
    return await house.only_payout()


async def test_the_same_bytes_twice(house: PayingHouse) -> None:
    payout = await claimed(house, 200_000, 300_000)
    assert signed(house, payout) == signed(house, payout)


async def test_plans_that_are_not_followed(house: PayingHouse) -> None:
    payout = await claimed(house)
    plan = payout.attempts[0].plan
    (coin,) = coins(plan)
    fee = plan["fee"]
    assert isinstance(fee, int)
    txid = str(coin[0]).partition(":")[0]
    parent = plan["parents"][txid]  # type: ignore[index]
    lied = bytearray.fromhex(parent)
    lied[-10] ^= 1
    signed(house, payout)
    for changes, trouble in (
        ({"coins": []}, PlanError),
        ({"coins": [coin, coin]}, PlanError),
        ({"coins": [[coin[0], 1, coin[2]]]}, PlanError),
        ({"coins": [[coin[0], 0, 7]]}, PlanError),
        ({"coins": [[coin[0], 0, 2**31]]}, PlanError),
        ({"coins": [[f"{txid}:99", 0, 0]]}, PlanError),
        ({"coins": "all"}, PlanError),
        ({"parents": {}}, PlanError),
        ({"parents": {txid: bytes(lied).hex()}}, PlanError),
        ({"parents": {txid: "00"}}, PlanError),
        ({"fee": -1}, PlanError),
        ({"fee": 1.5}, PlanError),
        ({"fee": BTC}, PlanError),
        ({"fee": 10}, WalletError),
        ({"fee": fee + 1_000_000}, WalletError),
        ({"fee": 3_000_000}, SigningRefused),
        ({"change": 2**31}, PlanError),
        ({"change": True}, PlanError),
    ):
        with pytest.raises(trouble):
            signed(house, planned(payout, **changes))


async def test_payments_without_an_order_of_their_own(house: PayingHouse) -> None:
    payout = await claimed(house, 200_000, 300_000)
    first, second = payout.members
    for members in (
        (replace(first, units=first.units + 1000), second),
        (replace(first, destination=house.somebody(50)), second),
        (first, first),
        (replace(first, signature=bytes(64)), second),
        (replace(first, order_text=second.order_text, signature=second.signature), second),
        (),
    ):
        with pytest.raises(SigningRefused):
            signed(house, replace(payout, members=members))
    for wrong in (
        replace(payout, account=house.somebody()),
        replace(payout, expires_at=payout.created_at + timedelta(hours=1)),
    ):
        with pytest.raises(SigningRefused):
            signed(house, wrong)
    with pytest.raises(SigningRefused, match="order_expired"):
        signed(house, payout, days=365)
    house.limits = replace(house.limits, order_units_max=250_000_000)
    with pytest.raises(SigningRefused, match="order_limit"):
        signed(house, payout)
    house.limits = Limits(10**12, 400_000_000, 10**12, 10**12)
    with pytest.raises(SigningRefused, match="hour_limit"):
        signed(house, payout)
    house.limits = Limits(10**12, 10**12, 10**12, 10)
    with pytest.raises(SigningRefused, match="one_person"):
        signed(house, payout)


async def test_dust_is_refused_at_the_last_door_too(house: PayingHouse) -> None:
    payout = await claimed(house)
    (member,) = payout.members
    order = orders.parse(member.order_text.encode())
    for units, reason in ((293_000, "dust"), (300_001, "no_whole_satoshis")):
        tiny = replace(order, units=units)
        small = replace(
            member,
            units=units,
            order_text=orders.canonical(tiny).decode(),
            signature=orders.sign(tiny, key_seed=APPROVER_SEED),
        )
        with pytest.raises(SigningRefused, match=reason):
            signed(house, replace(payout, members=(small,)))


async def test_a_later_version_outlives_its_orders_but_shares_a_coin(house: PayingHouse) -> None:
    first = await claimed(house)
    await house.signer.step()
    await house.sender.step()
    await house.empty_blocks(house.terms.bump_after_blocks)
    await house.watch()
    await house.sender.step()
    payout = await house.only_payout()
    assert payout.unsigned is not None
    spent = NOTHING if first.unsigned is None else SignedBefore(10**15, 10**15)
    version = signed(house, payout, before=spent, days=365)
    assert inputs_of(version.signed) >= inputs_of(payout.attempts[0].signed)
    (held,) = (coins(one.plan) for one in payout.attempts[:1])
    async with house.database.transaction() as session:
        spendable = await house.book.spendable(session)
        (other,) = spendable.values()
        parents = await house.book.parents(session, list(spendable))
    elsewhere = planned(
        payout,
        coins=[[other.outpoint, other.branch, other.index]],
        parents={txid: raw.hex() for txid, raw in parents.items()},
    )
    assert held != coins(elsewhere.attempts[-1].plan)
    with pytest.raises(SigningRefused, match="shares_no_coin"):
        signed(house, elsewhere)
    # Bytes that this process has not made give no leave to pay orders that have run out.
    one, two = payout.attempts
    for forged in (b"\0", (one.signed or b"")[:-1], version.signed):
        lied = replace(payout, attempts=(replace(one, signed=forged), two))
        with pytest.raises(SigningRefused, match="earlier_version"):
            signed(house, lied, days=365)


async def test_moves_stay_with_us_and_cheap(house: PayingHouse) -> None:
    await house.rich_player(*[20_000] * 12)
    house.use(consolidate_rate_max=5, consolidate_coins_min=10)
    await house.sender.step()
    payout = await house.only_payout()
    assert payout.move is not None
    assert signed(house, payout)
    fee = payout.attempts[0].plan["fee"]
    assert isinstance(fee, int)
    with pytest.raises(WalletError, match="fee"):
        signed(house, planned(payout, fee=fee * 5))
    for kind in (MoveKind.CHILD, MoveKind.FUEL, MoveKind.SWEEP):
        with pytest.raises(SigningRefused, match="move"):
            signed(house, replace(payout, move=replace(payout.move, kind=kind)))
    house.fees_of_a_day = fee
    pen = house.another_pen()
    pen.sign(payout, asset="BTC", before=NOTHING, now=utc_now())
    with pytest.raises(SigningRefused, match="fee_day_limit"):
        pen.sign(payout, asset="BTC", before=NOTHING, now=utc_now())
    with pytest.raises(SigningRefused, match="fee_day_limit"):
        signed(house, payout, before=SignedBefore(0, 0, spent_units=1))
    assert isinstance(payout.attempts[0], Attempt)
