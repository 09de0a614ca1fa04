"""USDT out on a real Ethereum node, from a player's wish to a final block."""

import pytest

from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from payments.chains.evm_addresses import EvmAddress
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.evm.paying import FEE, EvmHouse

pytestmark = pytest.mark.chain


@pytest.fixture
async def house(evm: EvmWorld, db: Database) -> EvmHouse:
    house = EvmHouse(evm, db)
    await house.open()
    return house


async def test_a_withdrawal_from_a_wish_to_a_final_block(
    house: EvmHouse, stranger: EvmAddress
) -> None:
    player = await house.rich_player(100 * USDT)
    before = await house.paid(stranger)
    withdrawal = await house.withdraw(player, 40 * USDT, stranger)
    await house.send()
    assert await house.status(withdrawal) is Status.BROADCAST
    await house.world.node.mine()
    await house.settler.step()
    seen = await house.withdrawal(withdrawal)
    assert (seen.status, seen.tx_hash) == (
        Status.BROADCAST,
        (await house.only_payout()).attempts[0].tx_hash,
    )
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.paid(stranger) - before == 40 * USDT - FEE
    assert (await house.followed.wallet(player)).cash == 60 * USDT
    await house.followed.require_sound()
