"""USDT on TON with the real processes, ended at every status: paid exactly once."""

import signal
from collections.abc import AsyncIterator

import pytest

from casino.cashier.rails import TON, USDT_TON
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from sandbox.ton.jetton import Kind
from tests.payments.conftest import TON as COIN
from tests.payments.conftest import World
from tests.payments.jettons.conftest import DOLLAR, JettonWorld, make_jettons
from tests.payments.jettons.paying import PayingHouse
from tests.payments.jettons.test_paid_jettons import somebody
from tests.payments.test_payments_processes import SENDER, SIGNER, WATCHER, Crew, until

pytestmark = [pytest.mark.chain, pytest.mark.faults]


@pytest.fixture
async def jettons(world: World, request: pytest.FixtureRequest) -> JettonWorld:
    """The governed kind, as USDT is."""
    return await make_jettons(world, Kind.GOVERNED, request.node.name)


@pytest.fixture
async def house(jettons: JettonWorld, db: Database) -> AsyncIterator[PayingHouse]:
    """A hot wallet with coins of the house."""
    await jettons.world.node.faucet(jettons.owner, 20 * COIN)
    house = PayingHouse(jettons, db)
    await house.open()
    yield house
    await house.rpc.close()


@pytest.fixture
async def crew(house: PayingHouse) -> AsyncIterator[Crew]:
    """Processes that know of the jetton."""
    crew = Crew(house.world, house.database)
    crew.environment |= {
        "TON_JETTON_MASTER": house.jettons.jetton.master.friendly(bounceable=True),
        "SIGNER_USDT_TON_WALLETS": house.jettons.wallet,
    }
    yield crew
    crew.end_all()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
async def test_processes_ended_at_every_status_pay_once_on_both_rails(
    house: PayingHouse, crew: Crew, how: signal.Signals
) -> None:
    player = await house.rich(dollars=100 * DOLLAR, coins=10 * COIN)
    to = somebody(house, 1)
    dollars = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    coins = await house.withdraw(player, 2 * COIN, to.friendly(), rail=TON)

    async def both_are(*wanted: Status) -> bool:
        return {await house.status(one) for one in (dollars, coins)} <= set(wanted)

    crew.start(WATCHER, SENDER)
    await until(lambda: both_are(Status.ASSIGNED))
    crew.end(SENDER, how=how)
    crew.start(SIGNER)
    await until(lambda: both_are(Status.SIGNED))
    crew.end(SIGNER, how=how)
    crew.start(SENDER)
    await until(lambda: both_are(Status.BROADCAST))
    crew.end(SENDER, how=how)
    crew.end(WATCHER, how=how)
    await house.world.node.mine()  # they land while nobody looks, if they were sent at all
    crew.start(WATCHER, SENDER, SIGNER)

    async def confirmed() -> bool:
        await house.world.node.mine()
        return await both_are(Status.CONFIRMED)

    await until(confirmed)
    crew.end_all(how)
    assert await house.held_by(to) == 19 * DOLLAR
    assert await house.world.node.balance(to.raw) == 2 * COIN - 50_000_000 + 1
    await house.watch()
    await house.require_balanced()
    assert await house.foreign() == []
    assert await house.under_way(USDT_TON) == []
