"""Bitcoin payouts when things go wrong: hazards 1, 6, 12 and 13, each by its number."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.errors import IllegalMove
from payments.chains.btc_coins import Coin, Target
from payments.chains.btc_wallet import ChangeSpot, draft_payout, sign
from payments.desks import btc, btc_cold, btc_raising
from tests.payments.btc.conftest import BTC, DEPTH
from tests.payments.btc.payouts.house import FEE, PayingHouse, inputs_of
from tests.payments.btc.payouts.settling import lose, send_again

pytestmark = [pytest.mark.chain, pytest.mark.faults]


async def foreign_spend(house: PayingHouse, coin: Coin, *, units: int, rate: int = 50) -> bytes:
    """A transaction that our key signed in another life."""
    draft = draft_payout(
        [Target(units, house.world.stranger(99))],
        [coin],
        change=ChangeSpot(house.account.script(1, 5), 1, 5),
        rate=rate,
        later_rate=5,
    )
    return sign(draft, house.key.sign, script_of=house.account.script, rate_max=1000).raw


async def coins_of(house: PayingHouse) -> list[Coin]:
    async with house.database.transaction() as session:
        return list((await house.book.spendable(session)).values())


@pytest.mark.parametrize("fault", ["silent", "http500", "http429", "empty"])
async def test_hazard_1_an_answer_that_is_lost_pays_nobody_twice(
    house: PayingHouse, fault: str
) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.sender.step()
    await house.signer.step()
    payout = await house.only_payout()
    setattr(house.world.wire, fault, 1)
    await house.desk.broadcast(payout.signed or b"")
    house.restart()
    await house.pay()
    await house.pay()
    assert len((await house.only_payout()).attempts) == 1
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.received(house.somebody()) == 200_000 - FEE
    await house.require_balanced()


async def test_hazard_1_processes_that_forget_everything_at_each_state_pay_once(
    house: PayingHouse,
) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    for step in (
        house.sender.step,
        house.signer.step,
        house.sender.step,
        house.settler.step,
        house.follower.step,
    ):
        await step()
        house.restart()
        await house.pay()
        house.restart()
    payout = await house.only_payout()
    assert len(payout.attempts) == 1
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.received(house.somebody()) == 200_000 - FEE
    await house.require_balanced()


async def test_hazard_1_what_the_mempool_dropped_is_sent_again(house: PayingHouse) -> None:
    """A block took our coin and is abandoned: what spent it is dropped, and so may ours be."""
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    (coin,) = await coins_of(house)
    await house.pay()
    payout = await house.only_payout()
    rival = await foreign_spend(house, coin, units=1000)
    await house.empty_blocks(1, of=[rival])
    assert not await house.waits(payout.attempts[0].tx_hash)
    tip = await house.world.rpc.call("getbestblockhash")
    await house.world.rpc.call("invalidateblock", tip)
    await house.empty_blocks(1)
    await house.follower.step()
    house.restart()
    house.use(bounds=type(house.terms.bounds)(least=80, most=100, fallback=80))
    for _ in range(2):
        await house.empty_blocks(1)
        await house.follower.step()
        await house.pay()
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.received(house.somebody()) == 200_000 - FEE


async def test_hazard_6_a_payout_in_a_lost_block_whose_coin_went_elsewhere(
    house: PayingHouse,
) -> None:
    """Mined, reorganised, and in the other history its coin is spent by a stranger: the payout is
    dead when that is final, not before, and staff may send it again: other coins, new bytes."""
    player = await house.rich_player(BTC, BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    payout = await house.only_payout()
    (spent,) = inputs_of(payout.signed)
    (coin,) = [
        Coin(
            txid=spent[:64],
            vout=int(spent[65:]),
            units=BTC,
            script=house.account.script(0, 0),
            branch=0,
            index=0,
            height=1,
        )
    ]
    rival = await foreign_spend(house, coin, units=1000)
    await house.mine()
    await house.watch()
    tip = await house.world.rpc.call("getbestblockhash")
    await house.world.rpc.call("invalidateblock", tip)
    await house.empty_blocks(2, of=[rival])
    await house.watch()
    assert await house.status(withdrawal) is Status.BROADCAST
    foreign = await house.foreign()
    assert len(foreign) == 1, "and staff are asked who that was"
    await house.mine(DEPTH - 1)
    await house.watch()
    assert await house.status(withdrawal) is Status.DEAD
    await house.pay()
    assert not await house.open_payouts(), "nothing leaves until they have answered"
    await house.acknowledge(foreign[0])
    await house.pay()
    assert not await house.open_payouts(), "nor is it paid again unless a person says so"
    await send_again(house, withdrawal)
    await house.pay()
    again = await house.only_payout()
    assert not inputs_of(again.signed) & inputs_of(payout.signed)
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.received(house.somebody()) == 200_000 - FEE
    assert await house.reconciler.compare() == await house.reconciler.scan() != 0


async def test_hazard_6_a_payout_that_is_mined_again_in_another_block(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    await house.mine()
    await house.watch()
    tip = await house.world.rpc.call("getbestblockhash")
    await house.world.rpc.call("invalidateblock", tip)
    await house.empty_blocks(1)
    await house.mine()
    await house.watch()
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.received(house.somebody()) == 200_000 - FEE
    await house.require_balanced()


@pytest.mark.parametrize("shift", [timedelta(days=-3), timedelta(days=3)])
async def test_hazard_12_a_wrong_clock_raises_nothing_and_pays_once(
    house: PayingHouse, shift: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed bytes never run out, and only blocks make them dearer."""
    player = await house.rich_player(BTC, BTC)
    sent = await house.withdraw(player, 200_000, house.somebody(0))
    await house.pay()
    unsigned = await house.withdraw(player, 300_000, house.somebody(1))
    await house.sender.step()
    for module in (btc, btc_raising, btc_cold):
        monkeypatch.setattr(module, "utc_now", lambda: utc_now() + shift)
    for _ in range(3):
        await house.watch()
        await house.sender.step()
    await house.pay()
    assert all(len(one.attempts) == 1 for one in await house.open_payouts()), "no block has come"
    await house.settle()
    await house.pay()
    await house.settle()
    assert await house.status(sent) is Status.CONFIRMED
    assert await house.received(house.somebody(0)) == 200_000 - FEE
    # Given up as never signed, and its order then seems to have run out: people decide.
    early = shift > timedelta(0)
    assert await house.status(unsigned) is (Status.DEAD if early else Status.CONFIRMED)
    assert await house.received(house.somebody(1)) == (0 if early else 300_000 - FEE)
    await house.require_balanced()


async def test_hazard_13_a_spend_that_nobody_here_made_stops_payouts(house: PayingHouse) -> None:
    """First in the mempool, where it is looked for before anything is claimed; then in a block."""
    player = await house.rich_player(BTC, BTC)
    coin, _ = await coins_of(house)
    rival = await foreign_spend(house, coin, units=BTC // 2)
    await house.world.rpc.call("sendrawtransaction", rival.hex())
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    assert await house.status(withdrawal) is Status.APPROVED
    (txid,) = await house.foreign()
    with pytest.raises(IllegalMove):
        await lose(house, txid)  # nobody knows yet whom it pays, nor whether it will
    await house.mine(DEPTH - 1)
    await house.watch()
    with pytest.raises(IllegalMove):
        await lose(house, txid)  # a reorganisation could take it back
    await house.mine()
    await house.watch()
    assert await house.foreign() == [txid]
    assert (await house.told("staff")).count("alert.foreign_send") == 1
    await house.pay()
    assert await house.status(withdrawal) is Status.APPROVED
    assert (await house.reconciler.compare() or 0) < 0, "the book misses what went"
    for _ in range(2):
        await lose(house, txid)
    await house.require_balanced()
    await house.acknowledge(txid)
    await house.pay()
    assert await house.status(withdrawal) is Status.BROADCAST
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED


async def test_two_senders_at_once_claim_once(house: PayingHouse) -> None:
    player = await house.rich_player(BTC, BTC)
    wanted = [await house.withdraw(player, 200_000, house.somebody(n)) for n in range(4)]
    desks = [house.another_desk(replace(house.terms, members_max=2)) for _ in range(3)]
    await asyncio.gather(*(desk.prepare() for desk in desks))
    await asyncio.gather(*(desk.prepare() for desk in desks))
    payouts = await house.open_payouts()
    members = [one.withdrawal_id for payout in payouts for one in payout.members]
    assert sorted(members) == sorted(wanted)
    coins = [coin[0] for payout in payouts for coin in payout.attempts[0].plan["coins"]]  # type: ignore[union-attr]
    assert len(coins) == len(set(coins))
    await house.pay()
    await house.settle()
    assert {await house.status(one) for one in wanted} == {Status.CONFIRMED}
    await house.require_balanced()


async def test_nothing_leaves_through_a_node_that_lags_or_went_back(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    house.world.wire.lag = 2
    await house.pay()
    assert await house.status(withdrawal) is Status.APPROVED
    house.world.wire.lag = 0
    await house.mine()
    await house.pay()
    assert await house.status(withdrawal) is Status.APPROVED, "the follower has not seen the block"
    await house.watch()
    await house.pay()
    assert await house.status(withdrawal) is Status.BROADCAST
    house.world.wire.lag = 3
    await house.settler.step()
    assert await house.status(withdrawal) is Status.BROADCAST
    house.world.wire.lag = 0
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    await house.require_balanced()


async def test_what_is_never_signed_goes_back_and_is_paid_later(house: PayingHouse) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.sender.step()
    await house.settler.step()
    assert await house.status(withdrawal) is Status.ASSIGNED
    house.use(never_signed_after=timedelta(0))
    await house.settler.step()
    assert not await house.open_payouts()
    await house.signer.step()
    house.use(never_signed_after=timedelta(hours=1))
    await house.pay()
    await house.settle()
    found = await house.withdrawal(withdrawal)
    assert (found.status, found.attempts) == (Status.CONFIRMED, 2)
    assert await house.received(house.somebody()) == 200_000 - FEE
    await house.require_balanced()
    assert utc_now() > found.requested_at
