"""USDT on TON above the threshold goes to cold storage, carried by coins, and nowhere else."""

from collections.abc import AsyncIterator

import pytest

import payments.sender as sender_module
from casino.cashier import cold_storage, thresholds
from casino.cashier.moves import MoveKind
from casino.cashier.rails import USDT_TON
from casino.cashier.thresholds import Thresholds
from casino.clock import utc_now
from casino.db import Database
from payments.addresses import TonAddress
from sandbox.ton.jetton import Kind
from tests.payments.conftest import TON as COIN
from tests.payments.conftest import World
from tests.payments.jettons.conftest import DOLLAR, make_jettons
from tests.payments.jettons.paying import PayingHouse

pytestmark = pytest.mark.chain

COLD, THIEF = TonAddress(0, b"\xc0" * 32), TonAddress(0, b"\x7f" * 32)


@pytest.fixture
async def house(
    world: World, db: Database, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PayingHouse]:
    monkeypatch.setattr(sender_module, "RESEND_AFTER_SECONDS", 0.0)
    jettons = await make_jettons(world, Kind.GOVERNED, request.node.name)
    await world.node.faucet(jettons.owner, 100 * COIN)
    house = PayingHouse(jettons, db, cold_address=COLD.friendly())
    await house.open()
    yield house
    await house.rpc.close()


async def set_thresholds(house: PayingHouse, cold: TonAddress) -> None:
    async with house.database.transaction() as session:
        await thresholds.change(
            session,
            rail=USDT_TON,
            thresholds=Thresholds(5 * DOLLAR, 20 * DOLLAR, 50 * DOLLAR, cold.friendly()),
            actor="staff:1",
            now=utc_now(),
        )


async def test_what_is_above_goes_to_cold_storage_once(house: PayingHouse) -> None:
    await set_thresholds(house, COLD)
    await house.rich(dollars=100 * DOLLAR)
    await house.watch()
    await house.send()
    (payout,) = await house.under_way()
    assert payout.move is not None
    assert (payout.move.kind, payout.move.units) == (MoveKind.COLD, 80 * DOLLAR)
    house.restart()
    await house.sign()
    house.restart()
    await house.send()
    await house.world.node.mine()
    await house.watch()
    assert await house.under_way() == []
    async with house.database.transaction() as session:
        assert await cold_storage.held_units(session, rail=USDT_TON) == 80 * DOLLAR
    assert await house.held_by(COLD) == 80 * DOLLAR
    await house.require_balanced()
    await house.turn()
    assert await house.held_by(COLD) == 80 * DOLLAR
    assert await house.foreign() == []


async def test_the_signer_pays_no_other_address(house: PayingHouse) -> None:
    await set_thresholds(house, THIEF)
    await house.rich(dollars=100 * DOLLAR)
    await house.turn()
    assert await house.held_by(THIEF) == 0
    assert "alert.move_to_cold" in await house.effects()
