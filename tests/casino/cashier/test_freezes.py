"""A player whose credited deposit vanished is paid nothing until staff have decided."""

import pytest
from sqlalchemy import text

from casino.cashier import freezes
from casino.db import Database
from casino.errors import WithdrawalsFrozen
from casino.staff.roles import Role
from tests.casino.cashier.cashbox import (
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    claim,
    make_member,
    rich_player,
    status_of,
)


async def freeze(house: Database, player: int) -> None:
    async with house.transaction() as session:
        deposit = await session.scalar(
            text("SELECT id FROM deposits WHERE player_id = :player"), {"player": player}
        )
        assert deposit is not None
        await freezes.freeze(session, player_id=player, deposit_id=deposit, now=NOW)


async def thaw(house: Database, player: int) -> None:
    async with house.transaction() as session:
        await freezes.lift(session, player_id=player, actor="staff:1", now=NOW)


async def test_nothing_is_approved_while_withdrawals_are_frozen(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house, Role.PAYMENTS)
    asked = await ask(house, player)
    await freeze(house, player)
    with pytest.raises(WithdrawalsFrozen):
        await approve(house, asked.id, staff)
    assert await status_of(house, asked.id) == "in_review"
    await thaw(house, player)
    await approve(house, asked.id, staff)
    assert await status_of(house, asked.id) == "approved"
    await assert_sound(house)


async def test_what_was_approved_before_is_not_sent_and_holds_nobody_else_up(
    house: Database,
) -> None:
    frozen, other = await rich_player(house), await rich_player(house)
    staff = await make_member(house, Role.PAYMENTS)
    his, others = await ask(house, frozen, 5 * TON), await ask(house, other, 5 * TON)
    for one in (his, others):
        await approve(house, one.id, staff)
    await freeze(house, frozen)
    payout = await claim(house)
    assert payout is not None
    assert [member.withdrawal_id for member in payout.members] == [others.id]
    assert await claim(house) is None
    await thaw(house, frozen)
    later = await claim(house)
    assert later is not None
    assert [member.withdrawal_id for member in later.members] == [his.id]
    await assert_sound(house)
