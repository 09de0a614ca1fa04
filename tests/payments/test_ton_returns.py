"""A deposit that may not be played goes back over a real chain to whoever sent it."""

from datetime import timedelta

import pytest

from casino.cashier import deposits, house_addresses, proof
from casino.cashier.deposits import DepositStatus
from casino.cashier.rails import get_rail
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.errors import AddressInvalid, CoolingOff
from casino.ledger import journal
from casino.ledger.wallet import Wallet
from casino.money import Asset
from casino.players import exclusion
from payments import sender as sender_module
from payments.destinations import sender_destination
from tests.payments.conftest import TON, World
from tests.payments.house import RAIL, House

pytestmark = pytest.mark.chain


@pytest.fixture
async def house(world: World, db: Database, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(sender_module, "RESEND_AFTER_SECONDS", 0.0)
    house = House(world, db)
    await house.open()
    return house


async def held_deposit(house: House, units: int) -> tuple[int, deposits.Deposit]:
    """A deposit that came while its player takes a break."""
    player = await house.player()
    tag = await house.tag(player)
    async with house.database.transaction() as session:
        await exclusion.take_time_out(
            session, player_id=player, duration=timedelta(hours=24), now=utc_now()
        )
    await house.world.pay_in(units, comment=tag)
    await house.watch()
    async with house.database.transaction() as session:
        (found,) = await deposits.list_held(session)
    assert (found.units, found.reason) == (units, CoolingOff.code)
    return player, found


async def where_from(house: House, deposit: deposits.Deposit) -> str:
    async with house.database.transaction() as session:
        rail = await get_rail(session, RAIL)
        found = sender_destination(rail, deposit.sender, house=await house_addresses.read(session))
    assert found is not None
    return found


async def purse(house: House, player: int) -> Wallet:
    async with house.database.transaction() as session:
        return (await journal.balances(session, player))[Asset.TON]


async def require_proven(house: House) -> None:
    await house.require_balanced()
    for prove in (proof.prove_reserved, proof.prove_held, proof.prove_returned):
        found = await prove(house.database)
        assert found.sound, found


async def test_it_comes_back_to_its_sender(house: House) -> None:
    await house.world.pay_in(TON)  # other coins of the house, for what the network takes
    player, deposit = await held_deposit(house, 5 * TON)
    await require_proven(house)
    person = house.world.person.address
    to = await where_from(house, deposit)
    assert to == person.friendly()
    made = await house.send_back(deposit.id, to)
    await require_proven(house)
    before = await house.world.node.balance(person.raw)
    await house.turn()
    assert await house.status(made) is Status.IN_REVIEW, "nobody has approved it"
    await house.approve(made)
    house.restart()
    await house.sender.step()  # claims
    house.restart()
    await house.signer.step()
    house.restart()
    await house.sender.step()  # sends, twice
    await house.sender.step()
    await house.world.node.mine()
    await house.watch()
    done = await house.withdrawal(made)
    assert done.status is Status.CONFIRMED
    got = await house.world.node.balance(person.raw) - before
    assert done.net_units - TON // 1000 < got < done.net_units, "his wallet pays to look at it"
    for _ in range(2):
        await house.turn()
    assert await house.world.node.balance(person.raw) - before == got, "and only once"
    async with house.database.transaction() as session:
        gone = await deposits.get_deposit(session, deposit_id=deposit.id)
    assert gone.status is DepositStatus.RETURNED
    assert (await purse(house, player)).held == (await purse(house, player)).reserved == 0
    await require_proven(house)


async def test_it_never_goes_to_an_address_of_the_house(house: House) -> None:
    player, deposit = await held_deposit(house, 5 * TON)
    with pytest.raises(AddressInvalid) as refused:
        await house.send_back(deposit.id, house.world.wallet.address.friendly())
    assert refused.value.data["reason"] == "own"
    assert (await purse(house, player)).held == 5 * TON
    await require_proven(house)
