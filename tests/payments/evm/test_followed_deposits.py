"""USDT deposits on a real Ethereum node, from the block to the wallet: reorganised, repeated, late."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from embit.bip32 import HDKey

from casino.cashier import addresses, deposits
from casino.cashier.rails import USDT_ETH
from casino.clock import utc_now
from casino.db import Database
from casino.errors import InsufficientFunds, OutsideUnavailable, WithdrawalsFrozen
from casino.ledger.wallet import Wallet
from casino.money import Asset
from payments.builds_evm import EvmAddresses
from payments.chains.evm_addresses import DepositAddresses
from sandbox.evm.usdt import deploy_usdt
from tests.payments.evm.conftest import FINAL_AFTER, USDT, EvmWorld
from tests.payments.followed import FollowedHouse

pytestmark = pytest.mark.chain

HUNDRED = 100 * USDT


@pytest.fixture
def xpub() -> str:
    """The public half of a key that nobody here keeps."""
    root = HDKey.from_seed(b"deposit addresses of the tests".ljust(32))
    return str(root.derive("m/44h/60h/0h").to_public().to_base58())


@pytest.fixture
async def house(db: Database, evm: EvmWorld, xpub: str) -> AsyncIterator[FollowedHouse]:
    await evm.finalize()
    house = FollowedHouse(
        db, evm.chain, EvmAddresses(DepositAddresses(xpub)), token=evm.usdt.address.checksummed
    )
    await house.open()
    yield house
    await house.require_sound()


async def test_a_player_is_shown_an_address_that_wallets_understand(
    house: FollowedHouse, evm: EvmWorld, xpub: str
) -> None:
    player, address = await house.player()
    async with house.database.transaction() as session:
        told = await addresses.deposit_instruction(
            session, player_id=player, rail=USDT_ETH, now=utc_now()
        )
    assert told.address == DepositAddresses(xpub).at(0).checksummed
    assert told.address.lower() == address
    token = evm.usdt.address.checksummed
    assert told.uri == f"ethereum:{token}@31337/transfer?address={told.address}"
    assert (told.network_id, told.token, told.tag) == ("31337", token, None)


async def test_from_a_payment_to_a_withdrawal(house: FollowedHouse, evm: EvmWorld) -> None:
    player, address = await house.player()
    await evm.person.pay_tokens(address, HUNDRED)
    await evm.node.mine()
    await house.step()
    seen = await house.deposit(player)
    assert (seen.status, seen.confirmations, seen.confirmations_wanted) == ("confirming", 1, 2)
    await evm.node.mine()
    await house.step()
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.withdrawable) == (HUNDRED, 0)
    with pytest.raises(InsufficientFunds):
        await house.withdraw(player, 20 * USDT)
    await evm.finalize()
    await house.step()
    await house.withdraw(player, 20 * USDT)


async def test_a_credited_deposit_of_an_abandoned_block_is_taken_back(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    await evm.person.pay_tokens(address, HUNDRED)
    await evm.node.mine(2)
    await house.step()
    assert (await house.wallet(player)).cash == HUNDRED
    await house.require_sound()
    await evm.node.reorg(2)
    await evm.node.mine()
    await house.step()
    assert await house.wallet(player) == Wallet(Asset.USDT)
    assert (await house.deposit(player)).status == "orphaned"
    assert await house.told("staff") == ["alert.deposit_reversed"]
    with pytest.raises(WithdrawalsFrozen):
        await house.withdraw(player, 20 * USDT)


async def test_a_deposit_mined_again_at_another_index_is_credited_once(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    sent = await evm.person.pay_tokens(address, HUNDRED)
    await evm.node.mine(3)
    await house.step()
    before = await evm.node.receipt(sent.tx_hash)
    other = evm.wallet("somebody").address
    rival = evm.hot.signed(evm.transfer(other, 1, nonce=await evm.hot.nonce()))
    await evm.node.reorg(3, [(rival.signed, 1), (sent.signed, 1)])
    await house.step()
    after = await evm.node.receipt(sent.tx_hash)
    assert before["logs"][0]["logIndex"] != after["logs"][0]["logIndex"]
    assert (await house.deposit(player)).status == "credited"
    assert (await house.wallet(player)).cash == HUNDRED
    assert await house.told("staff") == []
    await evm.finalize()
    await house.step()
    assert (await house.wallet(player)).withdrawable == HUNDRED


async def test_two_transfers_to_one_address_in_one_transaction_are_two(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    await evm.usdt.give_many([(address, HUNDRED), (address, HUNDRED)])
    await evm.node.mine()
    await house.step()
    assert (await house.wallet(player)).cash == 2 * HUNDRED
    assert len(await house.deposits(player)) == 2


async def test_transfers_of_nothing_and_look_alikes_leave_no_trace(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    await evm.usdt.give_many([(address, 0)])
    fake = await deploy_usdt(evm.node)
    await fake.give(address, 1_000_000 * USDT)
    await evm.finalize()
    await house.step()
    assert await house.deposits(player) == []
    assert await house.told("staff") == []


async def test_what_arrived_is_credited_where_the_token_keeps_a_fee(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    await evm.usdt.charge(10, USDT)
    await evm.person.pay_tokens(address, HUNDRED)
    await evm.finalize()
    await house.step()
    assert (await house.wallet(player)).cash == 99_900_000


async def test_a_free_address_is_nobodys_until_staff_say_whose(
    house: FollowedHouse, evm: EvmWorld, xpub: str
) -> None:
    free = DepositAddresses(xpub).at(5).raw
    await evm.person.pay_tokens(free, HUNDRED)
    await evm.finalize()
    await evm.node.mine()
    await house.step()
    async with house.database.transaction() as session:
        (waiting,) = await deposits.list_unclaimed(session)
    assert (waiting.units, waiting.reason) == (HUNDRED, "nobodys_address")
    assert waiting.sender == evm.person.address.raw


async def test_a_long_downtime_leaves_no_gap(house: FollowedHouse, evm: EvmWorld) -> None:
    """Three pages; the node needs ever longer for a block, so 5,000 are simulated elsewhere."""
    player, address = await house.player()
    for _ in range(6):
        await evm.usdt.give(address, HUNDRED)
        await evm.node.ask("anvil_mine", hex(200))
    await house.step()
    assert len(await house.deposits(player)) == 6
    assert (await house.wallet(player)).withdrawable == 6 * HUNDRED


async def test_a_node_that_lags_empties_or_goes_back_changes_nothing(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    front = await evm.front()
    behind = house.another_follower(evm.through(front.url))
    await evm.person.pay_tokens(address, HUNDRED)
    await evm.node.mine(2)
    await house.step()
    before = await house.deposit(player)
    assert before.status == "credited"
    for lag in (1, 2, FINAL_AFTER):
        front.lag = lag
        await behind.step()
        assert await house.deposit(player) == before
    # Behind a balancer: the tip from one node, and the logs from one that lacks the block.
    await evm.person.pay_tokens(address, HUNDRED)
    await evm.node.mine()
    front.lag, front.mute_errors = 1, True
    await behind.step()
    front.lag = 0
    front.refused["eth_getLogs"] = "unknown block"
    with pytest.raises(OutsideUnavailable):
        await behind.step()
    front.refused.clear()
    await behind.step()
    assert len(await house.deposits(player)) == 2


async def test_a_laggard_after_failing_over_takes_no_finality_back(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    player, address = await house.player()
    good, laggard = await evm.front(), await evm.front()
    both = house.another_follower(evm.through(good.url, laggard.url))
    await evm.person.pay_tokens(address, HUNDRED)
    await evm.finalize()
    await both.step()
    final = await house.deposit(player)
    assert final.final_at is not None
    good.statuses, laggard.lag = [503] * 20, FINAL_AFTER + 1
    await both.step()
    assert await house.deposit(player) == final
    assert (await house.wallet(player)).withdrawable == HUNDRED


async def test_two_processes_at_once_credit_once(house: FollowedHouse, evm: EvmWorld) -> None:
    player, address = await house.player()
    other = house.another_follower(evm.through(evm.node.url))
    for _ in range(3):
        await evm.usdt.give(address, HUNDRED)
        await asyncio.gather(house.step(), other.step(), house.another_follower().step())
    await evm.finalize()
    await asyncio.gather(house.step(), other.step())
    await house.step()
    assert (await house.wallet(player)).withdrawable == 3 * HUNDRED
    assert len(await house.deposits(player)) == 3
