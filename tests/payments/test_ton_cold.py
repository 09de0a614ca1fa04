"""TON above the threshold goes to cold storage on the real virtual machine, and nowhere else."""

import pytest
from sqlalchemy import text

from casino.cashier import cold_storage, thresholds
from casino.cashier.moves import MoveKind
from casino.cashier.thresholds import Thresholds
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from payments import sender as sender_module
from payments.signer.errors import KeystoreError
from payments.signer.pens import ton_cold
from tests.payments.conftest import TON, World
from tests.payments.house import RAIL, House

pytestmark = pytest.mark.chain

COLD, THIEF = 900, 901


@pytest.fixture
async def house(world: World, db: Database, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(sender_module, "RESEND_AFTER_SECONDS", 0.0)
    house = House(world, db)
    house.cold_address = house.somebody(COLD).friendly()
    house.restart()
    await house.open()
    return house


async def set_thresholds(house: House, address: str) -> None:
    async with house.database.transaction() as session:
        await thresholds.change(
            session,
            rail=RAIL,
            thresholds=Thresholds(5 * TON, 10 * TON, 50 * TON, address),
            actor="staff:1",
            now=utc_now(),
        )


async def held(house: House) -> int:
    async with house.database.transaction() as session:
        return await cold_storage.held_units(session, rail=RAIL)


async def test_what_is_above_goes_to_cold_storage_once(house: House) -> None:
    cold = house.somebody(COLD)
    await set_thresholds(house, cold.friendly())
    player = await house.rich_player(60 * TON)
    await house.watch()
    await house.sender.step()
    (payout,) = await house.open_payouts()
    assert payout.move is not None
    assert (payout.move.kind, payout.move.units) == (MoveKind.COLD, 50 * TON)
    house.restart()
    await house.signer.step()
    house.restart()
    await house.sender.step()
    await house.world.node.mine()
    house.restart()
    await house.watch()
    assert await house.open_payouts() == []
    assert await house.world.node.balance(cold.raw) == 50 * TON == await held(house)
    await house.require_balanced()
    to = house.somebody(1)
    withdrawal = await house.withdraw(player, 4 * TON, to.friendly())
    await house.turn()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.world.node.balance(cold.raw) == 50 * TON, "once"
    await house.require_balanced()


@pytest.mark.parametrize("configured", [False, True])
async def test_the_signer_pays_no_other_address(house: House, configured: bool) -> None:
    if not configured:
        house.cold_address = ""
        house.restart()
    thief = house.somebody(THIEF)
    await set_thresholds(house, thief.friendly())
    await house.rich_player(60 * TON)
    await house.turn()
    assert await house.world.node.balance(thief.raw) == 0
    async with house.database.transaction() as session:
        reasons = await session.scalars(
            text("SELECT payload->>'reason' FROM outbox WHERE kind = 'alert.move_to_cold'")
        )
    expected = "another_cold_address" if configured else "no_cold_address"
    assert list(reasons) == [expected]


def test_the_signers_own_setting_is_held_against_its_wallets(world: World) -> None:
    wallets = [world.wallet]
    assert ton_cold("", testnet=True, wallets=wallets) == ""
    for bad in ("nonsense", world.wallet.address.friendly()):
        with pytest.raises(KeystoreError):
            ton_cold(bad, testnet=True, wallets=wallets)
