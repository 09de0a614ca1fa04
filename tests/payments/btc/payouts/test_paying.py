"""Withdrawals on Bitcoin from wish to final block, on both nodes: hazards 1, 8 and 10."""

from dataclasses import replace

import pytest
from embit.psbt import PSBT
from sqlalchemy import text

from casino.cashier import fees
from casino.cashier.rails import BTC as RAIL
from casino.cashier.rails import DEFAULTS, change_rail, get_rail
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.errors import BelowMinimum
from payments.btc_psbt import psbt_of
from payments.btc_units import BTC_SCALE
from payments.chains.btc_addresses import address_of, parse
from payments.chains.btc_blocks import read_transaction
from payments.chains.btc_fees import fee_rate
from tests.payments.btc.conftest import BTC, DEPTH
from tests.payments.btc.payouts.house import FEE, PayingHouse, fee_of

pytestmark = pytest.mark.chain


@pytest.mark.parametrize("count", [1, 40, 100])
async def test_withdrawals_are_paid_in_one_transaction(house: PayingHouse, count: int) -> None:
    player = await house.rich_player(BTC, BTC)
    each = 60_000
    wanted = {
        await house.withdraw(player, each + number, house.somebody(number)): number
        for number in range(count)
    }
    await house.pay()
    payout = await house.only_payout()
    assert len(payout.members) == count
    assert await house.waits(payout.attempts[0].tx_hash)
    await house.watch()
    assert {await house.status(one) for one in wanted} == {Status.BROADCAST}
    assert (await house.withdrawal(min(wanted))).tx_hash == payout.attempts[0].tx_hash
    await house.mine(DEPTH - 1)
    await house.watch()
    assert {await house.status(one) for one in wanted} == {Status.BROADCAST}, "not final yet"
    await house.settle()
    for withdrawal in wanted:
        paid = await house.withdrawal(withdrawal)
        assert (paid.status, paid.tx_hash) == (Status.CONFIRMED, payout.attempts[0].tx_hash)
    outputs = read_transaction(payout.signed or b"").outputs
    paid_out = {(output.script, output.units) for output in outputs}
    for number in wanted.values():
        script = parse(house.somebody(number), house.world.network)
        assert (script, each + number - FEE) in paid_out
    assert len(outputs) == count + 1, "them and our change"
    assert not await house.open_payouts()
    assert not await house.foreign()
    await house.require_balanced()
    assert "alert.reconcile" not in await house.told("staff")
    assert fee_of(payout) > 0


async def test_every_standard_kind_of_address_is_paid(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    key = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    scripts = [
        b"\x76\xa9\x14" + bytes(range(20)) + b"\x88\xac",
        b"\xa9\x14" + bytes(range(20)) + b"\x87",
        b"\x00\x14" + bytes(range(20)),
        b"\x00\x20" + bytes(range(32)),
        b"\x51\x20" + key,
    ]
    before = {}
    for script in scripts:
        address = address_of(script, house.world.network)
        assert address is not None
        before[address] = await house.received(address)
        await house.withdraw(player, 100_000, address)
    await house.pay()
    await house.settle()
    for address, units in before.items():
        assert await house.received(address) == units + 100_000 - FEE
    await house.require_balanced()


async def test_what_the_chain_cannot_count_is_the_houses(house: PayingHouse) -> None:
    """The book has eleven decimals, the chain eight: the rest is shown as part of the fee."""
    player = await house.rich_player(BTC)
    asked = await house.request(player, 100_000 * BTC_SCALE + 777, house.somebody())
    assert asked.fee_units == FEE * BTC_SCALE + 777
    assert (asked.units - asked.fee_units) % BTC_SCALE == 0


async def test_dust_is_refused_when_it_is_asked_for(house: PayingHouse) -> None:
    """Hazard 8: even where the house's own minimum would let it through."""
    player = await house.rich_player(BTC)
    async with house.database.transaction() as session:
        rail = await get_rail(session, RAIL)
        tiny = replace(rail, withdrawal_min=1, withdrawal_fee=0)
        await change_rail(session, rail=tiny, actor="test", now=utc_now())
    with pytest.raises(BelowMinimum):
        await house.request(player, 545 * BTC_SCALE, house.somebody())
    assert (await house.request(player, 547 * BTC_SCALE, house.somebody())).units


async def test_change_comes_back_and_pays_the_next(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    spots = set()
    for number in range(3):
        await house.withdraw(player, 200_000, house.somebody(number))
        await house.pay()
        payout = await house.only_payout()
        spots.add(payout.attempts[0].plan["change"])
        await house.settle()
        assert not await house.open_payouts()
    assert len(spots) == 3, "each change has an address of its own"
    await house.require_balanced()


async def test_what_the_coins_do_not_cover_waits_and_smaller_ones_pass(
    house: PayingHouse,
) -> None:
    player = await house.rich_player(300_000, 300_000)
    first = await house.withdraw(player, 400_000, house.somebody(1))
    await house.pay()
    assert await house.status(first) is Status.BROADCAST
    second = await house.withdraw(player, 150_000, house.somebody(2))
    await house.pay()
    assert await house.status(second) is Status.APPROVED, "change that waits is not spent"
    await house.settle()
    await house.pay()
    assert await house.status(second) is Status.BROADCAST
    await house.settle()
    assert await house.status(second) is Status.CONFIRMED
    await house.require_balanced()


async def test_deposits_that_are_not_final_are_not_spent(house: PayingHouse) -> None:
    """Hazard 10: a stranger's coin may yet be taken back."""
    player = await house.rich_player(BTC)
    await house.withdraw(player, BTC - 50_000, house.somebody(1))
    other, address = await house.player()
    await house.world.person.send(address, BTC)
    await house.mine()
    await house.watch()
    async with house.database.transaction() as session:
        spendable = await house.book.spendable(session)
    assert [coin.units for coin in spendable.values()] == [BTC]
    assert other != player


async def test_a_version_is_given_to_another_signer_by_psbt(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    payout = await house.only_payout()
    given = PSBT.from_base64(
        psbt_of(payout, house.account, xpub=house.key.xpub, path=house.key.path)
    )
    assert given.tx.txid().hex() == payout.attempts[0].tx_hash
    assert [one.witness_utxo.value for one in given.inputs] == [BTC]
    await house.settle()


async def test_the_cashier_is_told_what_a_payment_costs_now(house: PayingHouse) -> None:
    await house.desk.prepare()
    async with house.database.transaction() as session:
        (told,) = (await session.execute(text("SELECT rail, units FROM network_fees"))).all()
    bounds, blocks = house.terms.bounds, house.terms.confirm_blocks
    # The node may know by now what the payments of other tests have offered.
    rate = await fee_rate(house.rpc, bounds, blocks=blocks)
    # An output of 43 virtual bytes and an input of 68.
    assert tuple(told) == (RAIL, (43 + 68) * rate * BTC_SCALE)


async def test_a_new_house_asks_what_the_network_asks_and_half_as_much_again(
    house: PayingHouse,
) -> None:
    (offered,) = (rail for rail in DEFAULTS if rail.name == RAIL)
    async with house.database.transaction() as session:
        now = utc_now()
        await fees.record_network_fee(session, rail=RAIL, units=555 * BTC_SCALE, now=now)
        assert await fees.withdrawal_fee(session, rail=offered, now=now) == 1_000 * BTC_SCALE
        await fees.record_network_fee(session, rail=RAIL, units=5_550 * BTC_SCALE, now=utc_now())
        assert await fees.withdrawal_fee(session, rail=offered, now=utc_now()) == 8_325 * BTC_SCALE
