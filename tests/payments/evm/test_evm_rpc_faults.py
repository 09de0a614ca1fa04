"""Payouts while nodes lie, lag, forget and fall silent: delayed at worst, never doubled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from casino.errors import OutsideError
from payments.chains.evm_addresses import EvmAddress
from payments.desks import evm_versions
from sandbox.evm.faulty_front import FaultyFront
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.evm.paying import FEE, EvmHouse

pytestmark = [pytest.mark.chain, pytest.mark.faults]


@pytest.fixture
async def front(evm: EvmWorld) -> FaultyFront:
    return await evm.front()


@pytest.fixture
async def house(evm: EvmWorld, db: Database, front: FaultyFront) -> EvmHouse:
    """A house whose every question goes through a door that can fail."""
    house = EvmHouse(evm, db)
    await house.open()
    house.restart(chain=evm.through(front.url, timeout_seconds=2))
    return house


def somebody(house: EvmHouse) -> EvmAddress:
    return house.world.wallet(f"{house.hot.raw} 1").address


async def withdrawn(house: EvmHouse) -> int:
    player = await house.rich_player(100 * USDT)
    return await house.withdraw(player, 40 * USDT, somebody(house))


async def try_to(work: object) -> None:
    try:
        await work  # type: ignore[misc]
    except OutsideError:
        return


async def require_paid_once(house: EvmHouse, withdrawal: int) -> None:
    for _ in range(2):
        await house.followed.step()
        await house.again()
        await house.signer.step()
        await house.again()
        await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.paid(somebody(house)) == 40 * USDT - FEE
    assert (await house.withdrawal(withdrawal)).attempts == 1
    await house.require_balanced()


@pytest.mark.parametrize("fault", ["lost_answers", "silent"])
async def test_hazard_1_a_send_that_was_taken_and_not_answered(
    house: EvmHouse, front: FaultyFront, fault: str
) -> None:
    withdrawal = await withdrawn(house)
    await house.followed.step()
    await house.sender.step()
    await house.signer.step()
    (payout,) = await house.open_payouts()
    assert payout.signed is not None
    setattr(front, fault, 1)
    await house.sender.desk.broadcast(payout.signed)
    assert getattr(front, fault) == 0, "the fault never struck"
    await require_paid_once(house, withdrawal)


@pytest.mark.parametrize("statuses", [[500] * 9, [429] * 9, [302] * 9])
async def test_hazard_1_a_node_that_answers_nothing_useful(
    house: EvmHouse, front: FaultyFront, statuses: list[int]
) -> None:
    withdrawal = await withdrawn(house)
    front.statuses = list(statuses)
    for _ in range(4):
        await try_to(house.sender.step())
        await house.signer.step()
        await try_to(house.settler.step())
    front.statuses = []
    await require_paid_once(house, withdrawal)


async def test_hazard_1_a_receipt_that_is_not_found_is_no_proof(
    house: EvmHouse, front: FaultyFront
) -> None:
    withdrawal = await withdrawn(house)
    await house.send()
    await house.finalize()
    front.forged = {
        "eth_getTransactionReceipt": lambda _found: None,
        "eth_getTransactionByHash": lambda _found: None,
    }
    await house.settler.step()
    assert await house.status(withdrawal) is Status.BROADCAST
    await house.again()
    await house.settler.step()
    assert await house.status(withdrawal) is Status.BROADCAST
    front.forged = {}
    await require_paid_once(house, withdrawal)


async def test_hazard_1_a_lagging_node_confirms_late_and_sends_nothing_new(
    house: EvmHouse, front: FaultyFront
) -> None:
    withdrawal = await withdrawn(house)
    await house.send()
    await house.finalize()
    front.lag = 6
    for _ in range(3):
        await house.settler.step()
        await house.again()
        await house.signer.step()
    assert await house.status(withdrawal) is Status.BROADCAST
    assert len((await house.only_payout()).attempts) == 1
    front.lag = 0
    await require_paid_once(house, withdrawal)


async def test_hazard_1_a_node_that_goes_back_in_height_undoes_nothing(
    house: EvmHouse, front: FaultyFront
) -> None:
    withdrawal = await withdrawn(house)
    await house.send()
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    front.lag = 8
    await house.again()
    await house.settler.step()
    await house.signer.step()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.open_payouts() == []
    front.lag = 0
    await require_paid_once(house, withdrawal)


async def test_a_payment_that_no_node_can_try_holds_up_nobody(
    house: EvmHouse, front: FaultyFront
) -> None:
    player = await house.rich_player(200 * USDT)
    first = await house.withdraw(player, 40 * USDT, somebody(house))
    second = await house.withdraw(player, 50 * USDT, somebody(house))
    front.forged = {"eth_estimateGas": spoilt_once()}
    await house.followed.step()
    await house.sender.step()
    assert await house.status(first) is Status.APPROVED
    assert await house.status(second) is Status.ASSIGNED
    front.forged = {}
    await house.send()
    await house.settle()
    assert {await house.status(one) for one in (first, second)} == {Status.CONFIRMED}
    await house.require_balanced()


def spoilt_once() -> Callable[[object], object]:
    answers = iter(["nonsense"])
    return lambda found: next(answers, found)


async def test_the_sender_waits_for_a_watcher_that_is_behind(house: EvmHouse) -> None:
    withdrawal = await withdrawn(house)
    await house.world.node.mine(20)
    await house.sender.step()
    assert await house.status(withdrawal) is Status.APPROVED
    await house.followed.step()
    await house.sender.step()
    assert await house.status(withdrawal) is Status.ASSIGNED


@pytest.mark.parametrize("shift", [timedelta(days=-3), timedelta(days=3)])
async def test_hazard_12_a_wrong_clock_makes_versions_and_no_second_payment(
    house: EvmHouse, shift: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.bump_after = house.unsigned_after = timedelta(minutes=10)
    house.restart()
    withdrawal = await withdrawn(house)
    await house.send()
    monkeypatch.setattr(evm_versions, "utc_now", lambda: datetime.now(UTC) + shift)
    for _ in range(3):
        await house.again()
        await house.signer.step()
    versions = len((await house.only_payout()).attempts)
    assert (versions > 1) == (shift > timedelta(0))
    await require_paid_once(house, withdrawal)
