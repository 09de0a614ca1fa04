"""The signer's budget of a day outlives its process, under the rights of its own database role."""

import pytest
from sqlalchemy import text

from casino.cashier import signing
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from casino.errors import Conflict
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


async def test_what_is_refused_again_and_again_uses_nothing_up(
    evm: EvmWorld, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = EvmHouse(evm, db)
    await house.open()
    player = await house.rich_player(300 * USDT)
    await claimed(house, player, 1)
    await house.signer.step()
    house.day_wei = await journalled(house) * 5 // 2  # room for one more payment
    house.restart()
    other = await claimed(house, player, 2)

    async def store_nothing(*_: object, **__: object) -> None:
        raise Conflict(reason="somebody was faster")

    with monkeypatch.context() as broken:
        broken.setattr(signing, "store_signed", store_nothing)
        for _ in range(5):
            assert await house.signer.step() == 0
    assert await house.signer.step() == 1
    assert await house.status(other) is Status.SIGNED
    last = await claimed(house, player, 3)
    assert await house.signer.step() == 0, "the day is full"
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM signer_spends"))
    assert await house.signer.step() == 1, "of the two payments this process has made one"
    assert await house.status(last) is Status.SIGNED
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM signer_spends"))
    await claimed(house, player, 4)
    assert await house.signer.step() == 0, "what was stored stays in its memory"
