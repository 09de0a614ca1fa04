"""Many small coins become one while fees are low, and never get into a payout's way."""

import asyncio

import pytest

from casino.cashier.moves import MoveKind
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from tests.payments.btc.conftest import BTC
from tests.payments.btc.payouts.house import PayingHouse, inputs_of

pytestmark = pytest.mark.chain

SMALL = 20_000


async def test_small_coins_are_joined_while_it_is_cheap(house: PayingHouse) -> None:
    await house.rich_player(*[SMALL] * 12)
    house.use(consolidate_rate_max=4, consolidate_coins_min=10)
    await house.pay()
    assert not await house.open_payouts(), "5 satoshis are too many"
    house.use(consolidate_rate_max=5)
    await house.pay()
    move = await house.only_payout()
    assert move.move is not None
    assert move.move.kind == MoveKind.CONSOLIDATION
    assert len(inputs_of(move.signed)) == 12
    await house.settle()
    assert not await house.open_payouts()
    async with house.database.transaction() as session:
        (joined,) = (await house.book.spendable(session)).values()
    assert joined.own_change
    await house.require_balanced()


async def test_it_takes_no_coin_of_a_payout_and_waits_for_none(house: PayingHouse) -> None:
    player = await house.rich_player(BTC, *[SMALL] * 12)
    house.use(consolidate_rate_max=5, consolidate_coins_min=10)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    other = house.another_desk()
    await asyncio.gather(house.sender.step(), other.prepare(), return_exceptions=False)
    await house.sender.step()
    await house.signer.step()
    await house.sender.step()
    payouts = await house.open_payouts()
    assert len(payouts) == 2
    (first, second) = (inputs_of(one.signed) for one in payouts)
    assert not first & second
    await house.settle()
    assert not await house.open_payouts()
    assert await house.status(withdrawal) is Status.CONFIRMED
    await house.require_balanced()
