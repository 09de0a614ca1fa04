"""TON above the threshold goes to cold storage on the real virtual machine, and nowhere else."""

import base64

import pytest
from sqlalchemy import text

from casino.cashier import cold_storage, foreign_payments, foreign_sends, thresholds
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.moves import MoveKind
from casino.cashier.thresholds import Thresholds
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.staff import people
from payments import sender as sender_module
from payments.chains.ton_wallet import Payment
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


async def test_what_comes_back_is_nobodys_deposit(house: House) -> None:
    """Whatever comment it has; and it leaves cold storage in the book."""
    player = await house.rich_player(60 * TON)
    async with house.database.transaction() as session:
        await cold_storage.book_move(
            session, rail=RAIL, units=20 * TON, reference="x", tx_hash="x", now=utc_now()
        )
        await cold_storage.keep_address(
            session,
            rail=RAIL,
            address=house.world.person.address.friendly(),
            now=utc_now(),
        )
    drift = await house.drift()
    await house.world.pay_in(15 * TON, comment=await house.tag(player))
    await house.watch()
    assert await house.cash(player) == 60 * TON
    assert await held(house) == 5 * TON
    assert drift == 0, "read before"
    assert await house.drift() == 20 * TON, "the move of twenty happened in the book alone"
    house.restart()
    await house.watch()
    assert await held(house) == 5 * TON


async def test_a_person_moves_coins_to_cold_storage_and_says_so(house: House) -> None:
    """The key of the hot wallet, used by hand: a foreign send that only its owner can explain."""
    await house.rich_player(60 * TON)
    cold = house.somebody(COLD)
    house.world.next_query = 5000
    sent = await house.world.payout([Payment(cold.friendly(), 25 * TON, "")])
    await house.world.rpc.send(base64.b64encode(sent.signed).decode())
    await house.world.node.mine()
    await house.watch()
    async with house.database.transaction() as session:
        (send,) = await foreign_sends.waiting(session)
        owner = await people.find_member(session, telegram_id=1)
        assert owner is not None
        assert send.payments == (SentPayment(RAIL, cold.friendly(), 25 * TON),)
        await foreign_payments.book_cold(
            session,
            account=send.account,
            tx_hash=send.tx_hash,
            position=0,
            member=owner,
            now=utc_now(),
        )
    assert await held(house) == 25 * TON
    await house.explain()
    await house.world.pay_in(TON)
    await house.watch()
    await house.require_balanced()
