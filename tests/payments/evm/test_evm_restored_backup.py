"""Hazard 18: a database that is older than the chain pays nobody again, on a real copy of it; what
a node has forgotten too is found again by the token's records."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from casino.cashier import foreign_payments, foreign_sends, unshown_sends
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.staff import people
from payments.chains import evm_takers
from payments.chains.evm_addresses import EvmAddress
from payments.chains.evm_wallet import coin_transfer, sign_transaction
from sandbox.evm.chain import CHAIN_ID
from sandbox.evm.faulty_front import FaultyFront
from tests.payments.evm.conftest import FEES, USDT, EvmWorld
from tests.payments.evm.paying import FEE, EvmHouse

LOOKED_THROUGH, FORGOTTEN_BLOCKS = 20, 120
"""Blocks that are looked through where old states are missing; and how many came since."""

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


@pytest.fixture
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few blocks are as good as the thousands of a real chain."""
    monkeypatch.setattr(evm_takers, "SEARCH_BLOCKS_MAX", LOOKED_THROUGH)


async def forget(house: EvmHouse) -> FaultyFront:
    """So many blocks later, asked through a node that keeps no old states."""
    await house.world.node.ask("anvil_mine", hex(FORGOTTEN_BLOCKS))
    front = await house.world.front()
    front.states_kept = 10
    house.restart(chain=house.world.through(front.url))
    await house.finalize()
    return front


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
    """Staff say which withdrawals the forgotten transactions have paid, explained or not."""
    async with house.database.transaction() as session:
        before = await foreign_sends.explained(session, now=utc_now(), limit=8)
    for one in (*await house.foreign(), *before):
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


@pytest.mark.usefixtures("short_look")
@pytest.mark.parametrize("forgotten", [False, True])
async def test_hazard_18_a_payment_that_was_under_way_in_the_backup_is_paid_once(
    house: EvmHouse, *, forgotten: bool
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
        if forgotten:
            await forget(house)
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


@asynccontextmanager
async def long_after(
    house: EvmHouse, player: int, *units: int
) -> AsyncIterator[tuple[FaultyFront, list[int]]]:
    """A backup is restored when the node has long forgotten the states in which withdrawals of
    these units were paid, whose ids are given; one that the backup knows was paid before."""
    known = await house.withdraw(player, 20 * USDT, somebody(house, 0))
    await house.send()
    await house.settle()
    assert await house.status(known) is Status.CONFIRMED
    asked = [
        await house.withdraw(player, each, somebody(house, number))
        for number, each in enumerate(units, start=1)
    ]
    async with older_copy(house) as older:
        await house.send()
        await house.settle()
        present = house.database
        house.restart(database=older)
        front = await forget(house)
        await whole_round(house)
        yield front, asked
        house.database = present


async def search(house: EvmHouse, front: FaultyFront) -> int:
    """Search to the end, each page in a new process; returns how many pages there were."""
    pages = 0
    while await house.search.step():
        pages += 1
        house.restart(chain=house.world.through(front.url))
    return pages


@pytest.mark.usefixtures("short_look")
async def test_hazard_18_what_was_paid_longer_ago_than_the_node_remembers_is_found_and_settled(
    house: EvmHouse,
) -> None:
    player = await house.rich_player(300 * USDT)
    async with long_after(house, player, 40 * USDT, 50 * USDT) as (front, asked):
        noted = await house.foreign()
        assert [one.tx_hash for one in noted] == ["nonce 1", "nonce 2"]
        assert not any(one.payments for one in noted)
        assert all(map(unshown_sends.is_searched_for, noted))
        assert await search(house, front) > 1
        assert {paid.to for one in await house.foreign() for paid in one.payments} == {
            somebody(house, number).checksummed for number in (1, 2)
        }
        assert (await house.told()).count("alert.foreign_send_shown") == 2
        await settle(house)
        for withdrawal_id in asked:
            found = await house.withdrawal(withdrawal_id)
            assert found.status is Status.CONFIRMED
            assert found.tx_hash is not None
            assert found.tx_hash.startswith("0x"), "what players see is the transaction"
        await house.acknowledge()
        fresh = await house.withdraw(player, 60 * USDT, somebody(house, 3))
        await whole_round(house)
        assert await house.status(fresh) is Status.CONFIRMED
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE
        await house.require_balanced()


@pytest.mark.usefixtures("short_look")
async def test_hazard_18_what_is_found_after_it_was_explained_is_looked_at_again(
    house: EvmHouse,
) -> None:
    player = await house.rich_player(300 * USDT)
    async with long_after(house, player, 40 * USDT) as (front, asked):
        await house.acknowledge()
        assert await house.status(asked[0]) is Status.IN_REVIEW
        await house.approve(asked[0])
        assert await house.status(asked[0]) is Status.APPROVED
        await search(house, front)
        assert await house.status(asked[0]) is Status.IN_REVIEW, "that was a mistake"
        await settle(house)
        assert await house.status(asked[0]) is Status.CONFIRMED
        await whole_round(house)
        assert await house.paid(somebody(house, 1)) == 40 * USDT - FEE


@pytest.mark.usefixtures("short_look")
async def test_a_search_that_finds_nothing_ends_and_stays_unknown(house: EvmHouse) -> None:
    player = await house.rich_player(300 * USDT)
    async with long_after(house, player) as (front, _):
        key = house.master.evm_hot()
        by_hand = coin_transfer(
            chain_id=CHAIN_ID, nonce=1, fees=FEES, to=house.world.person.address, wei=1
        )
        signed = sign_transaction(by_hand, account=key.address, sign=key.sign)
        await house.world.node.send(signed.signed)
        await house.world.node.ask("anvil_mine", hex(FORGOTTEN_BLOCKS))
        await whole_round(house)
        (noted,) = await house.foreign()
        assert await search(house, front) > 1
        (noted,) = await house.foreign()
        assert not unshown_sends.is_searched_for(noted)
        assert foreign_sends.PAID not in noted.evidence, "not found is no proof"
        front.asked.clear()
        assert not await house.search.step()
        assert front.asked == []
