"""Hazard 18 on Bitcoin: a database that is older than the chain, on a real copy of it, and versions
of a payout that somebody has signed elsewhere, pay nobody again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from casino.cashier.moves import MoveKind, MoveStatus
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from casino.errors import BadChoice
from payments.chains.btc_addresses import parse
from payments.chains.btc_coins import Target
from payments.chains.btc_plan import draft_from, read_plan
from payments.chains.btc_wallet import sign
from tests.payments.btc.conftest import BTC
from tests.payments.btc.payouts.house import FEE, TERMS, PayingHouse, inputs_of
from tests.payments.btc.payouts.settling import (
    give_back,
    lose,
    paid_by,
    send_again,
    went_to_cold,
)
from tests.servers import in_database

pytestmark = [pytest.mark.chain, pytest.mark.faults]


@asynccontextmanager
async def older_copy(house: PayingHouse) -> AsyncIterator[Database]:
    """A copy of the database as it is now."""
    name = "older_" + house.database.url.rpartition("/")[2]
    await house.database.close()
    connection = await asyncpg.connect(in_database(house.database.dsn, "postgres"))
    older = Database(in_database(house.database.url, name))
    try:
        source = house.database.url.rpartition("/")[2]
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        yield older
    finally:
        await older.close()
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.close()


async def whole_round(house: PayingHouse) -> None:
    """Everybody works as long as there could be anything to do."""
    for _ in range(2):
        await house.watch()
        await house.pay()
    await house.settle()


async def raise_fee(house: PayingHouse) -> None:
    """Blocks leave what waits where it is, until there is a dearer version of it."""
    await house.empty_blocks(TERMS.bump_after_blocks)
    await house.watch()
    await house.pay()


async def test_hazard_18_a_restored_old_backup_pays_nothing_again(house: PayingHouse) -> None:
    """The copy was made before a payout that has happened since: in blocks, or still waiting."""
    player = await house.rich_player(BTC, BTC, BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    async with older_copy(house) as older:
        await house.pay()
        payout = await house.only_payout()
        present = house.database
        house.restart(older)
        await house.follower.step()
        for _ in range(2):
            await house.pay()
        assert await house.status(withdrawal) is Status.APPROVED, "it waits in the mempool"
        assert await house.foreign() == [payout.attempts[0].tx_hash]
        house.restart(present)
        await house.settle()
        assert await house.status(withdrawal) is Status.CONFIRMED
        house.restart(older)
        await house.watch()
        for _ in range(2):
            await house.pay()
        assert await house.status(withdrawal) is Status.APPROVED
        assert await house.received(house.somebody()) == 200_000 - FEE
        (txid,) = await house.foreign()
        await paid_by(house, txid, withdrawal)
        assert await house.status(withdrawal) is Status.CONFIRMED
        await house.require_balanced()
        await house.acknowledge(txid)
        await house.pay()
        await house.settle()
        assert await house.received(house.somebody()) == 200_000 - FEE
        house.restart(present)


async def test_hazard_18_a_backup_that_knows_the_bytes_sends_them_again(
    house: PayingHouse,
) -> None:
    player = await house.rich_player(BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.sender.step()
    await house.signer.step()
    async with older_copy(house) as older:
        await house.pay()
        await house.settle()
        present = house.database
        house.restart(older)
        await house.watch()
        assert not await house.foreign(), "its own bytes explain it"
        await house.watch()
        assert await house.status(withdrawal) is Status.CONFIRMED
        assert await house.received(house.somebody()) == 200_000 - FEE
        await house.require_balanced()
        house.restart(present)


@pytest.mark.parametrize("explained", ["first", "last"])
async def test_hazard_18_a_payment_that_was_under_way_in_the_backup_is_paid_once(
    house: PayingHouse, explained: str
) -> None:
    """The backup knows the first version; a dearer one, which it does not know, was mined."""
    player = await house.rich_player(BTC, BTC)
    wanted = [await house.withdraw(player, 200_000, house.somebody(n)) for n in range(2)]
    await house.pay()
    assert len((await house.only_payout()).members) == 2
    async with older_copy(house) as older:
        present = house.database
        house.restart()
        await raise_fee(house)
        _, mined = (await house.only_payout()).attempts
        await house.settle()
        assert {await house.status(one) for one in wanted} == {Status.CONFIRMED}
        house.restart(older)
        assert len((await house.only_payout()).attempts) == 1
        await whole_round(house)
        assert not await house.open_payouts()
        assert {await house.status(one) for one in wanted} == {Status.DEAD}
        assert await house.foreign() == [mined.tx_hash]
        assert mined.tx_hash is not None
        if explained == "first":
            await house.acknowledge(mined.tx_hash)
            await whole_round(house)
            assert {await house.status(one) for one in wanted} == {Status.DEAD}, "by itself never"
        for one in wanted:
            await paid_by(house, mined.tx_hash, one)
        assert {await house.status(one) for one in wanted} == {Status.CONFIRMED}
        await house.require_balanced()
        if explained == "last":
            await house.acknowledge(mined.tx_hash)
        await whole_round(house)
        assert [await house.received(house.somebody(n)) for n in range(2)] == [200_000 - FEE] * 2
        await house.require_balanced()
        house.restart(present)


async def test_hazard_18_a_move_that_was_under_way_in_the_backup_is_made_once(
    house: PayingHouse,
) -> None:
    """To cold storage; the version that was mined is not the one that the backup knows."""
    cold, moved = house.somebody(900), 115 * BTC // 100
    house.pen.cold_address = cold
    await house.rich_player(BTC, BTC // 4)
    await house.keep_a_tenth(cold)
    await house.pay()
    async with older_copy(house) as older:
        present = house.database
        house.restart()
        house.pen.cold_address = cold
        await raise_fee(house)
        _, mined = (await house.only_payout()).attempts
        await house.settle()
        assert await house.received(cold) == moved
        house.restart(older)
        house.pen.cold_address = cold
        known = await house.only_payout()
        assert len(known.attempts) == 1
        await whole_round(house)
        ended = (await house.payout(known.id)).move
        assert ended is not None
        assert (ended.kind, ended.status) == (MoveKind.COLD, MoveStatus.DEAD)
        assert await house.foreign() == [mined.tx_hash]
        assert mined.tx_hash is not None
        await went_to_cold(house, mined.tx_hash)
        await house.acknowledge(mined.tx_hash)
        await whole_round(house)
        assert not await house.open_payouts()
        assert await house.received(cold) == moved
        await house.require_balanced()
        house.restart(present)


@pytest.mark.parametrize("then", ["back", "again"])
async def test_a_version_that_a_person_has_altered_is_not_paid_again_by_itself(
    house: PayingHouse, then: str
) -> None:
    """Signed elsewhere with the same coins, and with another amount for the same address."""
    player = await house.rich_player(BTC, BTC)
    withdrawal = await house.withdraw(player, 200_000, house.somebody())
    await house.pay()
    payout = await house.only_payout()
    less = 150_000
    altered = draft_from(
        read_plan(payout.attempts[0].plan),
        [Target(less, parse(house.somebody(), house.world.network))],
        script_of=house.account.script,
    )
    signed = sign(altered, house.key.sign, script_of=house.account.script, rate_max=100_000)
    assert inputs_of(signed.raw) == inputs_of(payout.signed)
    await house.empty_blocks(1, of=[signed.raw])
    await whole_round(house)
    assert not await house.open_payouts()
    assert await house.status(withdrawal) is Status.DEAD
    assert await house.foreign() == [signed.txid]
    with pytest.raises(BadChoice):
        await paid_by(house, signed.txid, withdrawal)
    await house.acknowledge(signed.txid)
    await whole_round(house)
    assert await house.status(withdrawal) is Status.DEAD
    assert await house.received(house.somebody()) == less
    await lose(house, signed.txid)
    before = await house.cash(player)
    if then == "back":
        await give_back(house, withdrawal)
        assert await house.status(withdrawal) is Status.REFUNDED
        assert await house.cash(player) > before
        arrived = less
    else:
        await send_again(house, withdrawal)
        arrived = less + 200_000 - FEE
    await whole_round(house)
    assert await house.received(house.somebody()) == arrived
    await house.require_balanced()
