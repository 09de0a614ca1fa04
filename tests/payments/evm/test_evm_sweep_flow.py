"""Sweeps on a real node: by delegation and by fuel, each with its own life; nobody's deposit waits."""

import asyncio
from dataclasses import replace

import pytest

from casino.cashier.batches import Payout
from casino.cashier.moves import MoveKind
from casino.db import Database
from payments.chains.evm_delegate import delegate_of, delegated_code
from payments.config import EvmSweeps
from payments.desks.evm_versions import FeeCaps
from sandbox.evm.usdt import deploy_delegate
from tests.payments.evm.conftest import ETH, GWEI, USDT, EvmWorld
from tests.payments.evm.paying import RULES, EvmHouse

pytestmark = pytest.mark.chain


@pytest.fixture
async def house(evm: EvmWorld, db: Database) -> EvmHouse:
    house = EvmHouse(evm, db)
    await house.open(units=0)
    await deploy_delegate(evm.node, treasury=house.hot)
    return house


@pytest.fixture
async def fuelled(evm: EvmWorld, db: Database) -> EvmHouse:
    """A house on a network without delegation."""
    house = EvmHouse(evm, db, rules=replace(RULES, mode=EvmSweeps.FUEL))
    await house.open(units=0)
    return house


async def work(house: EvmHouse) -> int:
    """Plan, sign, send."""
    await house.followed.step()
    planned = await house.sweeper.step()
    await house.again()
    await house.signer.step()
    await house.again()
    return planned


async def only_move(house: EvmHouse, kind: MoveKind) -> Payout:
    payout = await house.only_payout()
    assert payout.move is not None
    assert payout.move.kind == kind
    return payout


async def deposit(house: EvmHouse, units: int) -> tuple[int, str]:
    player = await house.rich_player(units)
    return player, await house.followed.address(player)


async def test_a_deposit_is_swept_by_delegation_and_the_next_without_a_permission(
    house: EvmHouse,
) -> None:
    player, address = await deposit(house, 100 * USDT)
    assert await work(house) == 1
    first = await only_move(house, MoveKind.SWEEP)
    assert first.attempts[0].plan["authorization"] == 0
    await house.settle()
    assert await house.open_payouts() == []
    assert await house.world.usdt.units(address) == 0
    assert await house.paid(house.hot) == 100 * USDT
    assert await house.world.node.coins(address) == 0
    await house.require_balanced()
    await house.world.usdt.give(address, 60 * USDT)
    await house.finalize()
    await house.finalize()
    assert await work(house) == 1
    second = await only_move(house, MoveKind.SWEEP)
    assert "authorization" not in second.attempts[0].plan
    await house.settle()
    assert await house.paid(house.hot) == 160 * USDT
    assert (await house.followed.wallet(player)).cash == 160 * USDT, "credited once each"
    await house.require_balanced()
    code = await house.world.node.ask("eth_getCode", address, "latest")
    assert code == delegated_code(delegate_of(house.hot))


async def test_many_addresses_are_swept_fullest_first_and_so_many_at_once(
    house: EvmHouse,
) -> None:
    house.rules = replace(RULES, batch=2)
    house.restart()
    for units in (30, 90, 60):
        await deposit(house, units * USDT)
    assert await work(house) == 2
    moves = [payout.move for payout in await house.open_payouts()]
    assert sorted(move.units for move in moves if move is not None) == [60 * USDT, 90 * USDT]
    assert await work(house) == 0, "no room"
    await house.settle()
    assert await work(house) == 1
    await house.settle()
    assert await house.paid(house.hot) == 180 * USDT
    await house.require_balanced()


async def test_what_is_not_worth_its_gas_stays(house: EvmHouse) -> None:
    await deposit(house, 9 * USDT)
    assert await work(house) == 0, "below the least"
    _, address = await deposit(house, 11 * USDT)
    house.rules = replace(RULES, cost_times=10**9)
    house.restart()
    assert await work(house) == 0, "too dear for so little"
    house.rules = replace(RULES, caps=FeeCaps(1, 1))
    house.restart()
    assert await work(house) == 0, "gas is dear"
    house.rules = RULES
    house.restart()
    assert await work(house) == 1
    await house.settle()
    assert await house.world.usdt.units(address) == 0


async def test_without_its_contract_delegation_waits_and_staff_are_told_once(
    evm: EvmWorld, db: Database
) -> None:
    house = EvmHouse(evm, db)
    await house.open(units=0)
    await deposit(house, 100 * USDT)
    assert await work(house) == 0
    assert await work(house) == 0
    assert (await house.told()).count("alert.delegate_missing") == 1
    assert await evm.chain.has_delegation()
    await deploy_delegate(evm.node, treasury=house.hot)
    assert await work(house) == 1


async def test_a_network_that_does_not_show_delegation_is_swept_by_fuel(
    evm: EvmWorld, db: Database
) -> None:
    front = await evm.front()
    front.forged = {"eth_getBlockByNumber": older_block}
    house = EvmHouse(evm, db)
    await house.open(units=0)
    await deposit(house, 100 * USDT)
    house.restart(chain=evm.through(front.url))
    assert await work(house) == 1
    await only_move(house, MoveKind.FUEL)


def older_block(block: dict[str, object]) -> dict[str, object]:
    return {name: found for name, found in block.items() if name != "requestsHash"}


@pytest.mark.parametrize("at", ["planned", "sent", "mined"])
async def test_hazard_1_an_address_is_never_swept_twice_at_once(house: EvmHouse, at: str) -> None:
    await deposit(house, 100 * USDT)
    other = EvmHouse(house.world, house.database)
    await house.followed.step()
    planned = await asyncio.gather(house.sweeper.step(), other.sweeper.step())
    assert sum(planned) == 1
    if at != "planned":
        await work(house)
    if at == "mined":
        await house.finalize()
    assert await other.sweeper.step() == 0
    await work(house)
    await house.settle()
    assert await other.sweeper.step() == 0
    assert await house.paid(house.hot) == 100 * USDT
    await house.require_balanced()


async def test_a_sweep_that_moved_nothing_is_dead_and_made_again(house: EvmHouse) -> None:
    """Its permission was for another nonce: mined, a success, and nothing came."""
    await deposit(house, 100 * USDT)
    await house.sweeper.step()
    await house.followed.run(
        "UPDATE payout_attempts SET plan = plan || '{\"authorization\": 5}'::jsonb"
    )
    await work(house)
    await house.settle()
    assert await house.open_payouts() == []
    assert await house.paid(house.hot) == 0
    assert await work(house) == 1
    await house.settle()
    assert await house.paid(house.hot) == 100 * USDT
    await house.require_balanced()


async def test_hazard_2_a_paused_token_is_not_swept(house: EvmHouse) -> None:
    await deposit(house, 100 * USDT)
    await house.world.usdt.pause(on=True)
    assert await work(house) == 0
    assert await work(house) == 0
    assert (await house.told()).count("alert.sweep_refused") == 1
    await house.world.usdt.pause(on=False)
    assert await work(house) == 1


async def test_hazard_2_a_sweep_that_reverts_is_dead_and_its_gas_is_booked(
    house: EvmHouse,
) -> None:
    _, address = await deposit(house, 100 * USDT)
    await house.sweeper.step()
    await house.signer.step()
    await house.world.usdt.pause(on=True)
    await house.again()
    await house.settle()
    assert await house.open_payouts() == []
    await house.world.usdt.pause(on=False)
    assert await house.world.usdt.units(address) == 100 * USDT
    await house.require_balanced()
    assert await work(house) == 1
    assert "authorization" not in (await house.only_payout()).attempts[0].plan, (
        "the permission stayed given"
    )
    await house.settle()
    await house.require_balanced()


async def test_hazard_13_payments_and_sweeps_share_the_nonces_of_the_wallet(
    house: EvmHouse,
) -> None:
    player, _ = await deposit(house, 300 * USDT)
    await work(house)
    await house.settle()
    await house.finalize()
    await deposit(house, 100 * USDT)
    to = house.world.wallet(f"paid by {house.hot.raw}").address
    for _ in range(2):
        await house.withdraw(player, 50 * USDT, to)
    await house.followed.step()
    await asyncio.gather(house.sender.step(), house.sweeper.step())
    await house.signer.step()
    await house.again()
    assert sorted(one.replay_number for one in await house.open_payouts()) == [1, 2, 3]
    await house.settle()
    assert await house.open_payouts() == []
    assert await house.paid(to) == 90 * USDT
    await house.require_balanced()


async def test_fuel_first_then_the_address_pays_for_its_own_sweep(fuelled: EvmHouse) -> None:
    house = fuelled
    player, address = await deposit(house, 100 * USDT)
    assert await work(house) == 1
    await only_move(house, MoveKind.FUEL)
    assert await work(house) == 0, "the fuel is on its way: neither more of it nor the sweep"
    await house.settle()
    assert await house.world.node.coins(address) > 0
    assert await work(house) == 1
    move = await only_move(house, MoveKind.SWEEP)
    assert (move.account, move.replay_number) == (address, 0)
    await house.settle()
    assert await house.paid(house.hot) == 100 * USDT
    await house.require_balanced()
    await house.world.usdt.give(address, 50 * USDT)
    await house.finalize()
    await house.finalize()
    assert await work(house) == 1
    await only_move(house, MoveKind.SWEEP), "what is left of the fuel is enough"
    await house.settle()
    assert await house.paid(house.hot) == 150 * USDT
    assert (await house.followed.wallet(player)).cash == 150 * USDT
    await house.require_balanced()


async def test_hazard_1_fuel_that_is_lost_is_sent_again_and_not_doubled(fuelled: EvmHouse) -> None:
    house = fuelled
    _, address = await deposit(house, 100 * USDT)
    await work(house)
    fuel = await only_move(house, MoveKind.FUEL)
    await house.world.node.drop_waiting()
    assert await work(house) == 0
    assert (await house.only_payout()).id == fuel.id
    await house.settle()
    wanted = fuel.attempts[0].plan["wei"]
    assert await house.world.node.coins(address) == wanted
    await work(house)
    await house.settle()
    await house.require_balanced()


async def test_hazard_6_fuel_lost_in_a_reorganisation_makes_its_sweep_wait(
    fuelled: EvmHouse,
) -> None:
    """Settled fuel cannot be lost; what is mined and not settled lets no sweep begin."""
    house = fuelled
    _, address = await deposit(house, 100 * USDT)
    await work(house)
    await house.world.node.mine()
    await house.settler.step()
    assert await work(house) == 0
    await house.world.node.reorg(1)
    assert await house.world.node.coins(address) == 0
    await work(house)
    await house.settle()
    assert await work(house) == 1
    await only_move(house, MoveKind.SWEEP)
    await house.world.node.mine()
    await house.settler.step()
    await house.world.node.reorg(1)
    assert await house.paid(house.hot) == 0
    await work(house)
    await house.settle()
    assert await house.paid(house.hot) == 100 * USDT
    await house.require_balanced()


async def test_a_crash_between_fuel_and_sweep_goes_on_where_it_was(fuelled: EvmHouse) -> None:
    house = fuelled
    await deposit(house, 100 * USDT)
    for _ in range(2):
        await house.sweeper.step()
        house.restart()
        await house.followed.step()
        await house.signer.step()
        house.restart()
        await house.sender.step()
        house.restart()
        await house.settle()
    assert await house.paid(house.hot) == 100 * USDT
    await house.require_balanced()


async def test_an_address_with_a_delegate_takes_fuel_all_the_same(
    house: EvmHouse,
) -> None:
    """21,000 of gas would be too little there: its code wants to run."""
    _, address = await deposit(house, 100 * USDT)
    await work(house)
    await house.settle()
    await house.world.usdt.give(address, 50 * USDT)
    await house.finalize()
    await house.finalize()
    house.rules = replace(RULES, mode=EvmSweeps.FUEL)
    house.restart()
    await work(house)
    await only_move(house, MoveKind.FUEL)
    await house.settle()
    assert await house.world.node.coins(address) > 0
    await work(house)
    payout = await only_move(house, MoveKind.SWEEP)
    assert (payout.account, payout.replay_number) == (address, 1), "the permission took 0"
    await house.settle()
    assert await house.paid(house.hot) == 150 * USDT
    await house.require_balanced()


async def test_the_wallet_keeps_what_payments_under_way_need(house: EvmHouse) -> None:
    await deposit(house, 100 * USDT)
    await house.world.node.give(house.hot.raw, 1000 * GWEI)
    await house.finalize()
    assert await work(house) == 0
    await house.world.node.give(house.hot.raw, ETH)
    await house.finalize()
    assert await work(house) == 1
