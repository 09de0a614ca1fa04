"""Hazard 18: a database that is older than the chain pays nobody again, on a real copy of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from casino.cashier import foreign_payments
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.staff import people
from payments.chains.evm_addresses import EvmAddress
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.evm.paying import FEE, EvmHouse

pytestmark = [pytest.mark.chain, pytest.mark.faults]


@pytest.fixture
async def house(evm: EvmWorld, db: Database) -> EvmHouse:
    house = EvmHouse(evm, db)
    await house.open()
    return house


@asynccontextmanager
async def older_copy(house: EvmHouse) -> AsyncIterator[Database]:
    """A copy of the database as it is now; the house goes on with the present one."""
    present = house.database.url
    await house.database.close()
    dsn = urlsplit(house.database.dsn)
    name = dsn.path.lstrip("/")
    copy = f"{name}_older"
    administrator = await asyncpg.connect(dsn._replace(path="/postgres").geturl())
    await administrator.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
    house.restart(database=Database(present))
    older = Database(present.replace(name, copy))
    try:
        yield older
    finally:
        await older.close()
        await house.database.close()
        await administrator.execute(f"DROP DATABASE {copy} WITH (FORCE)")
        await administrator.close()


def somebody(house: EvmHouse, number: int) -> EvmAddress:
    return house.world.wallet(f"{house.hot.raw} {number}").address


async def whole_round(house: EvmHouse) -> None:
    """Everybody works as long as there could be anything to do."""
    for _ in range(3):
        await house.send()
        await house.again()
        await house.settle()
        await house.sweeper.step()
        await house.signer.step()


async def settle(house: EvmHouse) -> None:
    """Staff say which withdrawals the forgotten transactions have paid."""
    for one in await house.foreign():
        async with house.database.transaction() as session:
            owner = await people.find_member(session, telegram_id=1)
            assert owner is not None
            (paid,) = one.payments
            (fitting,) = await foreign_payments.candidates(session, paid=paid)
            assert await foreign_payments.book_withdrawal(
                session,
                account=one.account,
                tx_hash=one.tx_hash,
                position=0,
                withdrawal_id=fitting.id,
                member=owner,
                now=utc_now(),
            )


@pytest.mark.parametrize("landed", ["in the pool", "mined", "final"])
async def test_hazard_18_what_was_paid_since_the_backup_is_not_paid_again(
    house: EvmHouse, landed: str
) -> None:
    player = await house.rich_player(300 * USDT)
    first = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    second = await house.withdraw(player, 50 * USDT, somebody(house, 2))
    async with older_copy(house) as older:
        await house.send()
        if landed != "in the pool":
            await house.world.node.mine()
        if landed == "final":
            await house.settle()
            assert await house.status(first) is Status.CONFIRMED
        present = house.database
        house.restart(database=older)
        await house.send()
        await whole_round(house)
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        assert await house.paid(somebody(house, 2)) == 50 * USDT - FEE
        wei = await house.wei()
        await whole_round(house)
        assert await house.wei() == wei, "not one more wei leaves"
        foreign = await house.foreign()
        assert len(foreign) == 2
        assert {paid.to for one in foreign for paid in one.payments} == {
            somebody(house, number).checksummed for number in (1, 2)
        }
        assert (await house.told()).count("alert.foreign_send") == 2
        assert {await house.status(one) for one in (first, second)} == {Status.APPROVED}
        await settle(house)
        assert {await house.status(one) for one in (first, second)} == {Status.CONFIRMED}
        await house.acknowledge()
        fresh = await house.withdraw(player, 60 * USDT, somebody(house, 3))
        await whole_round(house)
        assert await house.status(fresh) is Status.CONFIRMED
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        assert await house.paid(somebody(house, 3)) == 60 * USDT - FEE
        await house.require_balanced()
        house.database = present


async def test_hazard_18_what_is_explained_and_not_settled_is_not_paid_again(
    house: EvmHouse,
) -> None:
    player = await house.rich_player(300 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    async with older_copy(house) as older:
        await house.send()
        await house.settle()
        assert await house.status(withdrawal) is Status.CONFIRMED
        present = house.database
        house.restart(database=older)
        await whole_round(house)
        assert await house.status(withdrawal) is Status.APPROVED
        await house.acknowledge()
        await whole_round(house)
        assert await house.status(withdrawal) is Status.IN_REVIEW
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        fresh = await house.withdraw(player, 60 * USDT, somebody(house, 3))
        await whole_round(house)
        assert await house.status(fresh) is Status.CONFIRMED
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        house.database = present


async def test_hazard_18_a_payment_that_was_under_way_in_the_backup_is_paid_once(
    house: EvmHouse,
) -> None:
    """The backup knows the nonce; a dearer version, which it does not know, has landed."""
    player = await house.rich_player(300 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    await house.send()
    async with older_copy(house) as older:
        present = house.database
        house.bump_after = house.bump_after.__class__(0)
        house.restart()
        await house.again()
        await house.signer.step()
        await house.again()
        assert len([one for one in (await house.only_payout()).attempts if one.signed]) >= 2
        await house.settle()
        assert await house.status(withdrawal) is Status.CONFIRMED
        house.restart(database=older)
        await whole_round(house)
        wei = await house.wei()
        await whole_round(house)
        assert await house.wei() == wei
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        assert await house.status(withdrawal) is Status.DEAD, (
            "a stranger that paid the same person: people decide"
        )
        assert len(await house.foreign()) == 1
        await settle(house)
        await house.acknowledge()
        await whole_round(house)
        assert await house.status(withdrawal) is Status.CONFIRMED, "as people have said"
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        await house.require_balanced()
        house.database = present


async def test_hazard_18_two_processes_with_two_memories_pay_once(house: EvmHouse) -> None:
    """The old database is started while the present one still works."""
    player = await house.rich_player(300 * USDT)
    withdrawal = await house.withdraw(player, 40 * USDT, somebody(house, 1))
    async with older_copy(house) as older:
        twin = EvmHouse(house.world, older)
        twin.followed.follower = twin.followed.another_follower()
        for _ in range(3):
            await asyncio.gather(house.send(), twin.send())
            await house.again()
            await twin.again()
            await house.world.node.mine()
        await house.settle()
        await house.settle()
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        statuses = {await house.status(withdrawal), await twin.status(withdrawal)}
        assert Status.CONFIRMED in statuses or await house.foreign()
