"""A held deposit on Bitcoin goes back once it is final, to an address that staff name."""

import pytest
from sqlalchemy import text

from casino.cashier import deposits, house_addresses, proof
from casino.cashier.deposits import DepositStatus
from casino.cashier.rails import BTC as RAIL
from casino.cashier.rails import get_rail
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.errors import AddressInvalid, DepositNotFinal
from casino.players import exclusion
from payments.btc_units import BTC_SCALE
from payments.chains.btc_addresses import parse
from payments.destinations import sender_destination
from tests.payments.btc.conftest import DEPTH
from tests.payments.btc.payouts.house import FEE, PayingHouse

pytestmark = pytest.mark.chain

SATOSHIS = 400_000


async def test_a_held_deposit_goes_back_when_it_is_final(house: PayingHouse) -> None:
    player, address = await house.player()
    async with house.database.transaction() as session:
        await exclusion.self_exclude(session, player_id=player, months=6, now=utc_now())
    await house.world.person.pay([(parse(address, house.world.network), SATOSHIS)])
    await house.mine()
    await house.watch()
    async with house.database.transaction() as session:
        (held,) = await deposits.list_held(session)
        sender = sender_destination(
            await get_rail(session, RAIL),
            held.sender,
            house=await house_addresses.read(session),
        )
    assert (held.units, held.final_at) == (SATOSHIS * BTC_SCALE, None)
    assert sender is None, "coins of many may be among the inputs"

    to = house.somebody()
    with pytest.raises(DepositNotFinal):
        await house.send_back(held.id, to)
    await house.mine(DEPTH)
    await house.watch()
    with pytest.raises(AddressInvalid):
        await house.send_back(held.id, address)
    made = await house.send_back(held.id, to)
    await house.approve(made)
    await house.pay()
    await house.watch()
    assert await house.status(made) is Status.BROADCAST
    await house.settle()
    assert await house.status(made) is Status.CONFIRMED
    assert await house.received(to) == SATOSHIS - FEE
    async with house.database.transaction() as session:
        gone = await deposits.get_deposit(session, deposit_id=held.id)
        left = await session.scalar(text("SELECT sum(cash + held + reserved) FROM wallets"))
    assert gone.status is DepositStatus.RETURNED
    assert left == 0
    await house.require_balanced()
    for prove in (proof.prove_reserved, proof.prove_held, proof.prove_returned):
        found = await prove(house.database)
        assert found.sound, found
