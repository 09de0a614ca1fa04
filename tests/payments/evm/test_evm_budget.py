"""The signer's budget of a day outlives its process, under the rights of its own database role."""

import pytest
from sqlalchemy import text

from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.evm.paying import EvmHouse

pytestmark = pytest.mark.chain


async def claimed(house: EvmHouse, player: int, number: int) -> int:
    """A withdrawal that waits for its signature."""
    to = house.world.wallet(f"{house.hot.raw} {number}").address
    withdrawal = await house.withdraw(player, 40 * USDT, to)
    await house.followed.step()
    await house.sender.step()
    assert await house.status(withdrawal) is Status.ASSIGNED
    return withdrawal


async def journalled(house: EvmHouse) -> int:
    async with house.database.transaction() as session:
        found = await session.scalar(text("SELECT sum(units) FROM signer_spends"))
    return int(found)


async def test_what_was_spent_before_a_restart_counts_until_its_day_is_over(
    evm: EvmWorld, db: Database, as_signer: Database
) -> None:
    house = EvmHouse(evm, db)
    await house.open()
    player = await house.rich_player(300 * USDT)
    first = await claimed(house, player, 1)
    house.signer.database = as_signer
    assert await house.signer.step() == 1
    assert await house.status(first) is Status.SIGNED
    spent = await journalled(house)
    assert spent > 0
    house.day_wei = spent * 3 // 2  # room for one payment, not for two
    house.restart()
    second = await claimed(house, player, 2)
    house.signer.database = as_signer
    assert await house.signer.step() == 0
    assert await house.status(second) is Status.ASSIGNED
    async with db.transaction() as session:
        reason = await session.scalar(
            text("SELECT payload->>'reason' FROM outbox WHERE kind = 'alert.signing_refused'")
        )
        assert reason == "day_gas_limit"
        await session.execute(text("UPDATE signer_spends SET at = at - interval '1 day'"))
    assert await house.signer.step() == 1, "the day is over"
    assert await house.status(second) is Status.SIGNED
    assert await journalled(house) > spent
