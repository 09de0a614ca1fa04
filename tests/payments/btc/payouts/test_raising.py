"""Fees that are raised, children that pay for parents, and who wins: hazards 1 and 10."""

import pytest

from casino.cashier.moves import MoveKind, MoveStatus
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from payments.chains.btc_blocks import read_transaction
from sandbox.btc.wallet import PersonCoin
from tests.payments.btc.conftest import BTC, DEPTH
from tests.payments.btc.payouts.house import FEE, TERMS, PayingHouse, fee_of, inputs_of

pytestmark = pytest.mark.chain


async def stuck(house: PayingHouse) -> None:
    """Blocks come and leave what waits where it is, for so long that its fee is raised."""
    await house.empty_blocks(TERMS.bump_after_blocks)
    await house.watch()
    await house.pay()


async def test_a_stuck_payout_pays_more_and_each_version_excludes_each_other(
    house: PayingHouse,
) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    await house.watch()
    for count in (2, 3):
        await stuck(house)
        payout = await house.only_payout()
        assert len(payout.attempts) == count
    txids = [one.tx_hash for one in payout.attempts]
    assert len(set(txids)) == 3
    assert [await house.waits(one) for one in txids] == [False, False, True]
    fees = [fee_of(payout, number) for number in range(3)]
    assert fees == sorted(set(fees))
    spent = [inputs_of(one.signed) for one in payout.attempts]
    assert frozenset.intersection(*spent), "one coin in all of them"
    await house.watch()
    assert (await house.withdrawal(withdrawal)).tx_hash == txids[2]
    await house.settle()
    paid = await house.withdrawal(withdrawal)
    assert (paid.status, paid.tx_hash) == (Status.CONFIRMED, txids[2])
    assert await house.received(house.somebody()) == 200_000 - FEE
    assert (await house.told("player")).count("withdrawal.sent") == 1
    await house.require_balanced()


async def test_an_earlier_version_is_mined(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    await stuck(house)
    payout = await house.only_payout()
    first = payout.attempts[0]
    await house.watch()
    assert (await house.withdrawal(withdrawal)).tx_hash == payout.attempts[1].tx_hash
    await house.empty_blocks(1, of=[first.signed or b""])
    await house.settle()
    paid = await house.withdrawal(withdrawal)
    assert (paid.status, paid.tx_hash) == (Status.CONFIRMED, first.tx_hash)
    assert await house.received(house.somebody()) == 200_000 - FEE
    await house.require_balanced()


async def test_a_raise_takes_further_coins_when_the_change_is_not_enough(
    house: PayingHouse,
) -> None:
    player = await house.rich_player(100_500, 60_000, 60_000)
    await house.withdraw(player, 104_000, house.somebody())
    await house.pay()
    payout = await house.only_payout()
    (first,) = payout.attempts
    assert len(inputs_of(first.signed)) == 1
    house.use(bounds=type(TERMS.bounds)(least=60, most=100, fallback=60))
    await stuck(house)
    payout = await house.only_payout()
    assert inputs_of(first.signed) < inputs_of(payout.signed)
    assert await house.waits(payout.attempts[1].tx_hash)
    await house.settle()
    assert not await house.open_payouts()
    await house.require_balanced()


async def test_a_child_pays_where_a_replacement_would_cost_too_much(house: PayingHouse) -> None:
    """Whoever was paid hangs a dear transaction on ours, so that replacing it costs that as well;
    our own change is spent instead."""
    house.use(fee_units_max=500_000)
    player = await house.rich_player(BTC)
    person = house.world.person
    withdrawal = await house.withdraw(player, 20_000_000, person.address)
    await house.pay()
    payout = await house.only_payout()
    parent = payout.attempts[0]
    outputs = read_transaction(parent.signed or b"").outputs
    vout = next(n for n, one in enumerate(outputs) if one.script == person.script)
    coin = PersonCoin(parent.tx_hash or "", vout, outputs[vout].units)
    await person.pay([(house.world.stranger(), 1_000_000)], rate=8_000, coins=[coin])
    await stuck(house)
    first, child = await house.open_payouts()
    assert len(first.attempts) == 1, "not replaced"
    assert child.move is not None
    assert (child.move.kind, child.move.status) == (MoveKind.CHILD, MoveStatus.BROADCAST)
    assert inputs_of(child.signed) < {f"{parent.tx_hash}:{n}" for n in range(len(outputs))}
    assert await house.waits(child.attempts[0].tx_hash)
    assert {one.script for one in read_transaction(child.signed or b"").outputs} == {
        house.account.script(1, child.replay_number)
    }
    # It is the child that is hurried from now on.
    await stuck(house)
    first, child = await house.open_payouts()
    assert (len(first.attempts), len(child.attempts)) == (1, 2)
    await house.settle()
    await house.settle()
    assert not await house.open_payouts()
    assert await house.status(withdrawal) is Status.CONFIRMED
    ended = await house.payout(child.id)
    assert ended.move is not None
    assert ended.move.status == MoveStatus.DONE
    await house.require_balanced()


async def test_a_child_of_a_version_that_lost_dies_with_proof(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    person = house.world.person
    await house.withdraw(player, 20_000_000, person.address)
    await house.pay()
    await stuck(house)
    house.use(fee_units_max=500_000)
    payout = await house.only_payout()
    second = payout.attempts[1]
    outputs = read_transaction(second.signed or b"").outputs
    vout = next(n for n, one in enumerate(outputs) if one.script == person.script)
    coin = PersonCoin(second.tx_hash or "", vout, outputs[vout].units)
    await person.pay([(house.world.stranger(), 1_000_000)], rate=8_000, coins=[coin])
    await stuck(house)
    _, child = await house.open_payouts()
    assert child.move is not None
    await house.empty_blocks(1, of=[payout.attempts[0].signed or b""])
    await house.mine(DEPTH - 2)
    await house.watch()
    assert len(await house.open_payouts()) == 2, "not final yet"
    await house.settle()
    assert not await house.open_payouts()
    dead = await house.payout(child.id)
    assert dead.move is not None
    assert dead.move.status == MoveStatus.DEAD
    assert payout.attempts[0].tx_hash in (dead.move.proof or "")
    await house.require_balanced()


async def test_where_nothing_helps_staff_are_told_once(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    house.use(fee_units_max=100)
    for _ in range(3):
        await stuck(house)
    assert (await house.told("staff")).count("alert.payout_stuck") == 1
    assert len((await house.only_payout()).attempts) == 1
    await house.settle()
    await house.require_balanced()


async def test_a_fee_that_the_signer_does_not_want_is_not_paid(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    house.fees = type(house.fees)(rate_max=5, units_max=2_000_000, joining_rate_max=1)
    house.restart()
    house.use(bounds=type(TERMS.bounds)(least=60, most=100, fallback=60))
    await stuck(house)
    payout = await house.only_payout()
    assert payout.unsigned is not None
    assert await house.waits(payout.attempts[0].tx_hash), "the first goes on being sent"
    assert "alert.signing_refused" in await house.told("staff")
    await house.settle()
    assert not await house.open_payouts()
    await house.require_balanced()
