"""Bitcoin above the threshold goes to cold storage on a real node, and nowhere else."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import cold_returns, cold_storage, deposits
from casino.cashier.moves import MoveKind
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.errors import IllegalMove, NotFound
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.staff import people
from payments.btc_units import BTC_SCALE
from payments.chains.btc_addresses import NETWORKS, parse
from payments.signer.errors import KeystoreError
from payments.signer.pens import btc_cold
from tests.payments.btc.conftest import BTC, DEPTH
from tests.payments.btc.payouts.house import RAIL, PayingHouse

pytestmark = pytest.mark.chain

COLD, THIEF = 900, 901


async def held(house: PayingHouse) -> int:
    async with house.database.transaction() as session:
        return await cold_storage.held_units(session, rail=RAIL)


async def test_what_is_above_goes_to_cold_storage_once(house: PayingHouse) -> None:
    cold = house.somebody(COLD)
    house.pen.cold_address = cold
    player = await house.rich_player(BTC, BTC // 4)
    await house.keep_a_tenth(cold)
    await house.pay()
    move = (await house.only_payout()).move
    assert move is not None
    assert (move.kind, move.units) == (MoveKind.COLD, 115 * BTC // 100 * BTC_SCALE)
    await house.pay()
    assert len(await house.open_payouts()) == 1
    await house.settle()
    assert await house.open_payouts() == []
    assert await house.received(cold) == 115 * BTC // 100
    assert await held(house) == 115 * BTC // 100 * BTC_SCALE
    await house.require_balanced()
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.received(cold) == 115 * BTC // 100, "what is kept is below the threshold"
    await house.require_balanced()


@pytest.mark.parametrize("configured", [False, True])
async def test_the_signer_pays_no_other_address(house: PayingHouse, configured: bool) -> None:
    house.pen.cold_address = house.somebody(COLD) if configured else ""
    thief = house.somebody(THIEF)
    await house.rich_player(BTC)
    await house.keep_a_tenth(thief)
    await house.sender.step()
    assert await house.signer.step() == 0
    assert (await house.told("staff"))[-1] == "alert.move_to_cold"
    await house.settle()
    assert await house.received(thief) == 0


def test_the_signers_own_setting_is_an_address_of_its_network(house: PayingHouse) -> None:
    network = house.world.network
    assert btc_cold("", network) == ""
    assert btc_cold(house.somebody(COLD).upper(), network) == house.somebody(COLD)
    for bad in ("nonsense", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"):
        assert network is not NETWORKS["bitcoin"]
        with pytest.raises(KeystoreError):
            btc_cold(bad, network)


async def test_what_came_back_is_booked_by_people_once_it_is_final(house: PayingHouse) -> None:
    """Nobody sees by a payment on Bitcoin which wallet made it."""
    house.pen.cold_address = house.somebody(COLD)
    player = await house.rich_player(BTC, BTC // 4)
    await house.keep_a_tenth(house.somebody(COLD))
    await house.pay()
    await house.settle()
    await house.require_balanced()
    hot = parse(house.book.hot_wallet, house.world.network)
    txid = (await house.world.person.pay([(hot, BTC // 10)])).txid
    await house.mine()
    await house.watch()
    with pytest.raises(IllegalMove):
        await book_return(house, txid)
    await house.mine(DEPTH)
    await house.watch()
    assert await house.reconciler.compare() == BTC // 10 * BTC_SCALE, "in no book yet"
    before = await held(house)
    assert await book_return(house, txid.upper()) == BTC // 10 * BTC_SCALE
    assert await held(house) == before - BTC // 10 * BTC_SCALE
    await house.require_balanced()
    with pytest.raises(NotFound):
        await book_return(house, txid)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    (payout,) = [one for one in await house.open_payouts() if one.members]
    await house.settle()
    assert await house.status(withdrawal) is Status.CONFIRMED
    for ours in (payout.attempts[-1].tx_hash, "ab" * 32):
        with pytest.raises(NotFound):  # our own change, and what nobody has seen
            await book_return(house, str(ours))
    await house.require_balanced()


async def test_the_first_coins_of_a_house_become_its_capital(house: PayingHouse) -> None:
    """What comes to the hot wallet is no transfer without an owner here; people name it."""
    hot = parse(house.book.hot_wallet, house.world.network)
    txid = (await house.world.person.pay([(hot, BTC)])).txid
    await house.mine(DEPTH)
    await house.watch()
    async with house.database.transaction() as session:
        assert not await deposits.list_unclaimed(session)
        assert await capital(session) == 0
    assert await book_return(house, txid) == BTC * BTC_SCALE
    async with house.database.transaction() as session:
        assert await capital(session) == BTC * BTC_SCALE
    assert await held(house) == 0
    await house.require_balanced()


async def capital(session: AsyncSession) -> int:
    return await totals.account_balance(session, Account.HOUSE_CAPITAL, Asset.BTC)


async def book_return(house: PayingHouse, txid: str) -> int:
    async with house.database.transaction() as session:
        owner = await people.find_member(session, telegram_id=1)
        assert owner is not None
        return await cold_returns.book(
            session, rail=RAIL, tx_hash=txid, member=owner, now=utc_now()
        )
