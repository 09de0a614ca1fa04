"""Nobody withdraws to an address of the house: hot wallets, deposit addresses, cold storage."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from casino.cashier import address_pool, cold_storage, house_addresses, rails
from casino.cashier.rails import BTC, TON, USDT_ETH, USDT_TON
from casino.clock import utc_now
from casino.db import Database
from casino.errors import AddressInvalid
from payments.addresses import TonAddress
from payments.builds_evm import EvmAddresses
from payments.builds_ton import TonAddresses
from payments.chains.btc_addresses import NETWORKS, AccountKey
from payments.chains.evm_addresses import DepositAddresses, EvmAddress
from payments.destinations import canonical_destination
from payments.signer.roots import Entropy
from payments.signer.signing_keys import Master

MASTER = Master.of(Entropy(b"\x31" * 32))
BITCOIN = AccountKey(MASTER.btc(NETWORKS["bitcoin"]).xpub, NETWORKS["bitcoin"])
ON_TON = TonAddresses(bytes(range(32)))
ON_EVM = EvmAddresses(DepositAddresses(MASTER.evm_deposits().xpub))


def ton(number: int) -> str:
    return TonAddress(0, bytes([number]) * 32).friendly()


def evm(number: int) -> str:
    return EvmAddress(bytes([number]) * 20).checksummed


OURS = {
    TON: (ton(1), ton(2), ON_TON.between(3, 3)[0].shown),
    USDT_TON: (ton(1), ton(3), ON_TON.between(3, 3)[0].address),
    USDT_ETH: (evm(1), evm(2), ON_EVM.between(3, 3)[0].shown),
    BTC: (
        BITCOIN.change_address(0),
        BITCOIN.change_address(9),
        BITCOIN.deposit_address(3),
    ),
}
"""By rail: the hot wallet, cold storage, and a deposit address."""


@pytest.fixture
async def house(db: Database) -> Database:
    now = utc_now()
    async with db.transaction() as session:
        for name, (hot, cold, _deposit) in OURS.items():
            offered = await rails.get_rail(session, name)
            known = {USDT_ETH: ("1", evm(9)), USDT_TON: ("-239", ton(9)), BTC: ("bitcoin", None)}
            network_id, token = known.get(name, (None, None))
            offered = replace(offered, address=hot, network_id=network_id, token=token)
            await rails.change_rail(session, rail=offered, actor="test", now=now)
            await cold_storage.keep_address(session, rail=name, address=cold, now=now)
        await address_pool.add(session, rail=TON, addresses=ON_TON.between(0, 5), now=now)
        await address_pool.add(session, rail=USDT_ETH, addresses=ON_EVM.between(0, 5), now=now)
        bitcoin = [
            address_pool.PoolAddress(n, BITCOIN.deposit_address(n), BITCOIN.deposit_address(n))
            for n in range(6)
        ]
        await address_pool.add(session, rail=BTC, addresses=bitcoin, now=now)
    return db


async def refused(db: Database, rail: str, address: str) -> str | None:
    """Why a withdrawal to this address is refused, on the way that every edge takes."""
    try:
        async with db.transaction() as session:
            offered = await rails.get_rail(session, rail)
            known = await house_addresses.read(session)
            destination = canonical_destination(offered, address, house=known, testnet=False)
            await house_addresses.require_foreign(session, destination=destination)
    except AddressInvalid as error:
        return str(error.data["reason"])
    return None


@pytest.mark.parametrize("rail", OURS)
@pytest.mark.parametrize("which", [0, 1, 2], ids=["hot wallet", "cold storage", "deposit address"])
async def test_an_address_of_ours_is_refused_as_ours(
    house: Database, rail: str, which: int
) -> None:
    assert await refused(house, rail, OURS[rail][which]) == "own"


@pytest.mark.parametrize(
    ("rail", "address"),
    [(TON, ton(7)), (USDT_TON, ton(7)), (USDT_ETH, evm(7)), (BTC, BITCOIN.deposit_address(70))],
)
async def test_an_address_of_somebody_else_is_taken(
    house: Database, rail: str, address: str
) -> None:
    assert await refused(house, rail, address) is None


async def test_earlier_hot_wallets_stay_ours(house: Database) -> None:
    async with house.transaction() as session:
        await session.execute(
            text("INSERT INTO account_numbers (account, last) VALUES (:one, 5), (:two, 6)"),
            {"one": ton(70), "two": evm(70)},
        )
    assert await refused(house, TON, ton(70)) == "own"
    assert await refused(house, USDT_ETH, evm(70)) == "own"
