"""USDT out on a real Ethereum node, from a player's wish to a final block and its exact cost."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from casino.cashier import unclear_payments
from casino.cashier.unclear_payments import Answer
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.staff import people
from payments.chains.evm_addresses import EvmAddress
from payments.chains.evm_wallet import Fees, coin_transfer, sign_transaction
from payments.desks.evm import PAYMENT_GAS
from payments.desks.evm_versions import FeeCaps
from sandbox.evm.chain import CHAIN_ID
from tests.payments.evm.conftest import ETH, FEES, GWEI, USDT, EvmWorld
from tests.payments.evm.paying import FEE, EvmHouse

pytestmark = pytest.mark.chain
AT_ONCE = timedelta(0)


@pytest.fixture
async def house(evm: EvmWorld, db: Database) -> EvmHouse:
    house = EvmHouse(evm, db)
    await house.open()
    return house


def somebody(house: EvmHouse, number: int) -> EvmAddress:
    """An account that nobody else pays to."""
    return house.world.wallet(f"{house.hot.raw} {number}").address


async def paid_out(house: EvmHouse, units: int, to: EvmAddress) -> int:
    """A withdrawal that is signed and handed in."""
    player = await house.rich_player(units)
    withdrawal = await house.withdraw(player, units, to)
    await house.send()
    assert await house.status(withdrawal) is Status.BROADCAST
    return withdrawal


async def test_a_withdrawal_from_a_wish_to_a_final_block(house: EvmHouse) -> None:
    to = somebody(house, 1)
    player = await house.rich_player(100 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, to)
    await house.send()
    await house.settler.step()
    assert (await house.withdrawal(withdrawal)).tx_hash is None, "nobody has mined it"
    await house.world.node.mine()
    await house.settler.step()
    seen = await house.withdrawal(withdrawal)
    assert seen.status is Status.BROADCAST, "mined is not final"
    assert seen.tx_hash == (await house.only_payout()).attempts[0].tx_hash
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.paid(to) == 40 * USDT - FEE
    assert (await house.followed.wallet(player)).cash == 60 * USDT
    await house.require_balanced()


async def test_gas_is_booked_to_the_wei_once_for_each_transaction(house: EvmHouse) -> None:
    player = await house.rich_player(200 * USDT)
    await house.finalize()
    assert await house.audit.step()
    assert await house.booked_wei() == ETH, "the owner's coins are capital"
    for number in range(3):
        await house.withdraw(player, 30 * USDT, somebody(house, number))
    await house.send()
    await house.settle()
    await house.settler.step()
    burnt = ETH - await house.wei()
    assert burnt > 0
    assert await house.booked_wei() == ETH - burnt
    async with house.database.transaction() as session:
        costs = -await totals.account_balance(session, Account.HOUSE_NETWORK_FEES, Asset.ETH)
        fuel = -await totals.account_balance(session, Account.FUEL_ETH, Asset.ETH)
        fees = await totals.account_balance(session, Account.HOUSE_FEES, Asset.USDT)
    assert costs == -(-burnt // GWEI)
    assert fuel == (ETH - burnt) // GWEI
    assert fees == 3 * FEE, "players are charged in what they withdraw, once"
    await house.require_balanced()


async def test_coins_of_the_owner_are_capital_and_missing_ones_an_alarm(house: EvmHouse) -> None:
    await house.finalize()
    assert await house.audit.step()
    await house.world.node.give(house.hot.raw, 3 * ETH + 7)
    await house.finalize()
    assert await house.audit.step()
    assert not await house.audit.step(), "a block is looked at once"
    assert await house.booked_wei() == 3 * ETH + 7
    await house.require_quiet()
    await house.world.node.give(house.hot.raw, 3 * ETH)
    await house.finalize()
    assert await house.audit.step()
    assert (await house.told()).count("alert.reconcile") == 1
    assert await house.booked_wei() == 3 * ETH + 7, "a loss is for people to explain"


async def test_tokens_that_the_book_does_not_know_are_an_alarm(house: EvmHouse) -> None:
    await house.finalize()
    assert await house.audit.step()
    await house.require_quiet()
    await house.world.usdt.give(house.hot.raw, 5)
    await house.finalize()
    assert await house.audit.step()
    assert (await house.told()).count("alert.reconcile") == 1


async def test_a_deposit_that_is_playable_and_not_final_is_no_drift(house: EvmHouse) -> None:
    _, address = await house.followed.player()
    await house.finalize()
    await house.world.usdt.give(address, 50 * USDT)
    await house.world.node.mine(2)
    await house.followed.step()
    assert await house.audit.step()
    await house.require_quiet()


async def test_between_the_chain_and_the_book_nothing_is_compared(house: EvmHouse) -> None:
    await paid_out(house, 40 * USDT, somebody(house, 1))
    await house.finalize()
    assert not await house.audit.step(), "final, and not judged yet"
    await house.settler.step()
    await house.require_balanced()


async def test_payments_are_numbered_without_gaps_and_land_together(house: EvmHouse) -> None:
    player = await house.rich_player(400 * USDT)
    wanted = [await house.withdraw(player, 30 * USDT, somebody(house, n)) for n in range(10)]
    await house.send()
    payouts = await house.open_payouts()
    assert [one.replay_number for one in payouts] == list(range(8)), "so many at once"
    await house.settle()
    await house.send()
    await house.settle()
    for number, withdrawal in enumerate(wanted):
        assert await house.status(withdrawal) is Status.CONFIRMED
        assert await house.paid(somebody(house, number)) == 30 * USDT - FEE
    assert await house.foreign() == []
    await house.require_balanced()


async def test_a_payment_that_the_wallet_cannot_cover_lets_smaller_ones_pass(
    evm: EvmWorld, db: Database
) -> None:
    house = EvmHouse(evm, db)
    await house.open(units=60 * USDT)
    player = await house.rich_player(300 * USDT)
    large = await house.withdraw(player, 100 * USDT, somebody(house, 1))
    small = await house.withdraw(player, 40 * USDT, somebody(house, 2))
    other = await house.withdraw(player, 40 * USDT, somebody(house, 3))
    await house.send()
    assert await house.status(large) is Status.APPROVED
    assert await house.status(small) is Status.BROADCAST
    assert await house.status(other) is Status.APPROVED, "what is under way is spent"


async def test_without_gas_nothing_is_claimed_and_staff_are_told_once(
    evm: EvmWorld, db: Database
) -> None:
    house = EvmHouse(evm, db)
    await house.open(wei=GWEI)
    player = await house.rich_player(100 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    await house.send()
    await house.send()
    assert await house.status(withdrawal) is Status.APPROVED
    assert (await house.told()).count("alert.low_fuel") == 1
    await house.world.node.give(house.hot.raw, ETH)
    await house.finalize()
    await house.send()
    assert await house.status(withdrawal) is Status.BROADCAST


async def test_what_a_payment_costs_now_is_told_in_the_rails_own_units(house: EvmHouse) -> None:
    """An ETH is worth 3 EUR a gwei here, and a USDT 0.9 EUR: a gwei costs 3.33 units."""
    await house.send()
    market = await house.world.chain.fee_market()
    async with house.database.transaction() as session:
        units = await session.scalar(text("SELECT units FROM network_fees WHERE rail = 'usdt_eth'"))
    wei = PAYMENT_GAS * market.fees.max_fee
    assert units == -(-wei * 3 * 10 // (9 * GWEI))


async def test_gas_above_the_cap_is_waited_out(house: EvmHouse) -> None:
    player = await house.rich_player(100 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    await house.world.node.ask_fee(1_000 * GWEI)
    await house.send()
    assert await house.status(withdrawal) is Status.APPROVED
    await house.world.node.mine(12)
    await house.world.node.ask_fee(GWEI)
    await house.world.node.mine()
    await house.send()
    assert await house.status(withdrawal) is Status.BROADCAST


async def test_hazard_2_a_paused_token_is_noticed_before_anything_is_sent(house: EvmHouse) -> None:
    player = await house.rich_player(100 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    await house.world.usdt.pause(on=True)
    await house.send()
    await house.send()
    assert await house.status(withdrawal) is Status.APPROVED
    assert (await house.told()).count("alert.payment_refused") == 1
    await house.world.usdt.pause(on=False)
    await house.send()
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED


@pytest.mark.parametrize("trouble", ["pause", "blacklist"])
async def test_hazard_2_a_payment_that_reverts_is_dead_and_waits_for_people(
    house: EvmHouse, trouble: str
) -> None:
    withdrawal = await paid_out(house, 40 * USDT, somebody(house, 1))
    if trouble == "pause":
        await house.world.node.drop_waiting()
        await house.world.usdt.pause(on=True)
    else:
        await house.world.node.drop_waiting()
        await house.world.usdt.blacklist(house.hot.raw, on=True)
    await house.again()
    await house.settle()
    assert await house.status(withdrawal) is Status.DEAD
    await house.world.usdt.pause(on=False)
    await house.world.usdt.blacklist(house.hot.raw, on=False)
    await house.send()
    assert await house.status(withdrawal) is Status.DEAD, "people decide"
    assert await house.paid(somebody(house, 1)) == 0
    await house.require_balanced()


async def test_hazard_9_a_fee_that_the_token_keeps_is_told_once_and_left_to_people(
    house: EvmHouse,
) -> None:
    withdrawal = await paid_out(house, 40 * USDT, somebody(house, 1))
    await house.world.node.drop_waiting()
    await house.world.usdt.charge(10, USDT)
    await house.again()
    await house.settle()
    await house.settler.step()
    house.restart()
    await house.settler.step()
    assert await house.status(withdrawal) is Status.BROADCAST
    assert (await house.told()).count("alert.payout_unclear") == 1
    arrived = await house.paid(somebody(house, 1))
    assert 0 < arrived < 40 * USDT - FEE
    async with house.database.transaction() as session:
        (unclear,) = await unclear_payments.waiting(session)
    landed = unclear.landed
    assert (unclear.withdrawal_id, unclear.wanted_units) == (withdrawal, 40 * USDT - FEE)
    assert (landed.arrived_units, landed.left_units) == (arrived, 40 * USDT - FEE)
    async with house.database.transaction() as session:
        owner = await people.find_member(session, telegram_id=1)
        assert owner is not None
        await unclear_payments.decide(
            session,
            payout_id=unclear.payout_id,
            answer=Answer.MADE_GOOD,
            member=owner,
            now=utc_now(),
        )
    await house.settler.step()
    await house.again()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.paid(somebody(house, 1)) == arrived, "paid once"
    await house.require_balanced()


async def test_a_stuck_payment_is_offered_for_more_and_paid_once(
    evm: EvmWorld, db: Database
) -> None:
    house = EvmHouse(evm, db, bump_after=AT_ONCE)
    await house.open()
    withdrawal = await paid_out(house, 40 * USDT, somebody(house, 1))
    await house.again()
    await house.signer.step()
    await house.again()
    payout = await house.only_payout()
    first, second, *_ = [one.tx_hash for one in payout.attempts if one.signed]
    await house.world.node.mine()
    await house.settle()
    done = await house.withdrawal(withdrawal)
    assert (done.status, done.tx_hash) == (Status.CONFIRMED, second), "the hash that stayed"
    assert first != second
    assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
    await house.require_balanced()


async def test_the_version_that_was_seen_first_may_not_be_the_one_that_stays(
    evm: EvmWorld, db: Database
) -> None:
    """The second version is mined, shown to the player, lost in a reorganisation, and the first
    one is mined in its place."""
    house = EvmHouse(evm, db, bump_after=AT_ONCE)
    await house.open()
    withdrawal = await paid_out(house, 40 * USDT, somebody(house, 1))
    first = (await house.only_payout()).attempts[0]
    await house.again()
    await house.signer.step()
    await house.again()
    await house.world.node.mine()
    await house.settler.step()
    shown = (await house.withdrawal(withdrawal)).tx_hash
    assert shown not in (None, first.tx_hash)
    assert first.signed is not None
    await house.world.node.reorg(1, [(first.signed, 0)])
    await house.settle()
    done = await house.withdrawal(withdrawal)
    assert (done.status, done.tx_hash) == (Status.CONFIRMED, first.tx_hash)
    assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
    await house.require_balanced()


async def test_a_payment_stuck_at_the_cap_is_told_once(evm: EvmWorld, db: Database) -> None:
    house = EvmHouse(evm, db, bump_after=AT_ONCE)
    await house.open()
    await paid_out(house, 40 * USDT, somebody(house, 1))
    house.caps = FeeCaps(2 * GWEI, GWEI)
    house.restart()
    await house.again()
    await house.again()
    assert len((await house.only_payout()).attempts) == 1
    assert (await house.told()).count("alert.gas_capped") == 1


async def test_a_payment_that_nobody_signs_gives_its_nonce_back(
    evm: EvmWorld, db: Database
) -> None:
    house = EvmHouse(evm, db, unsigned_after=AT_ONCE)
    await house.open()
    player = await house.rich_player(200 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    await house.followed.step()
    await house.sender.step()
    await house.again()
    (version,) = (await house.only_payout()).attempts
    assert version.plan["cancels"] is True
    house.unsigned_after = timedelta(days=1)
    house.restart()
    await house.signer.step()
    await house.again()
    await house.settle()
    found = await house.withdrawal(withdrawal)
    assert (found.status, found.attempts) == (Status.DEAD, 1)
    assert await house.paid(somebody(house, 1)) == 0
    await house.send()
    await house.settle()
    found = await house.withdrawal(withdrawal)
    assert (found.status, found.attempts) == (Status.CONFIRMED, 2), "tried again by itself"
    assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
    await house.require_balanced()


async def test_hazard_6_a_payment_lost_in_a_reorganisation_is_sent_again(house: EvmHouse) -> None:
    withdrawal = await paid_out(house, 40 * USDT, somebody(house, 1))
    await house.world.node.mine()
    await house.settler.step()
    assert (await house.withdrawal(withdrawal)).tx_hash is not None
    await house.world.node.reorg(1)
    assert await house.paid(somebody(house, 1)) == 0
    await house.followed.step()
    await house.again()
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
    await house.require_balanced()


async def manual_send(house: EvmHouse, *, nonce: int, fees: Fees = FEES) -> str:
    """The operator uses the hot wallet's key at another desk."""
    key = house.master.evm_hot()
    transaction = coin_transfer(
        chain_id=CHAIN_ID, nonce=nonce, fees=fees, to=house.world.person.address, wei=1
    )
    signed = sign_transaction(transaction, account=key.address, sign=key.sign)
    await house.world.node.send(signed.signed)
    return signed.tx_hash


async def test_hazard_13_a_nonce_taken_by_hand_stops_everything_until_staff_have_looked(
    house: EvmHouse,
) -> None:
    player = await house.rich_player(200 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    await house.followed.step()
    await house.sender.step()
    await house.signer.step()  # signed with nonce 0, and not sent
    tx_hash = await manual_send(house, nonce=0)
    await house.settle()
    found = await house.withdrawal(withdrawal)
    assert found.status is Status.DEAD
    assert [one.tx_hash for one in await house.foreign()] == [tx_hash]
    assert (await house.told()).count("alert.foreign_send") == 1
    await house.send()
    assert await house.status(withdrawal) is Status.DEAD, "nothing is claimed meanwhile"
    await house.acknowledge()
    await house.send()
    await house.settle()
    found = await house.withdrawal(withdrawal)
    assert (found.status, found.attempts) == (Status.CONFIRMED, 2)
    assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE


async def test_hazard_13_what_left_by_hand_before_is_noted_before_anything_is_claimed(
    house: EvmHouse,
) -> None:
    player = await house.rich_player(200 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    tx_hash = await manual_send(house, nonce=0)
    await house.send()
    assert await house.status(withdrawal) is Status.APPROVED, "it is in the pool only"
    await house.world.node.mine()
    await house.send()
    assert await house.status(withdrawal) is Status.APPROVED, "it is not final"
    assert await house.foreign() == []
    await house.finalize()
    await house.send()
    assert [one.tx_hash for one in await house.foreign()] == [tx_hash]
    assert await house.status(withdrawal) is Status.APPROVED
    await house.acknowledge()
    await house.send()
    assert (await house.only_payout()).replay_number == 1
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.foreign() == [], "noted once"


async def test_hazard_13_two_senders_at_once_pay_once(house: EvmHouse) -> None:
    player = await house.rich_player(300 * USDT)
    for number in range(4):
        await house.withdraw(player, 40 * USDT, somebody(house, number))
    other = EvmHouse(house.world, house.database)
    await house.followed.step()
    await asyncio.gather(house.sender.step(), other.sender.step())
    await asyncio.gather(house.signer.step(), other.signer.step())
    await asyncio.gather(house.sender.step(), other.sender.step())
    payouts = await house.open_payouts()
    assert sorted(one.replay_number for one in payouts) == [0, 1, 2, 3]
    await house.world.node.mine()
    await house.finalize()
    await asyncio.gather(house.settler.step(), other.settler.step())
    for number in range(4):
        assert await house.paid(somebody(house, number)) == 40 * USDT - FEE
    await house.require_balanced()
