"""Movements: one list of deposits and withdrawals, in pages without gaps or repeats."""

from casino.cashier import history
from casino.db import Database
from casino.money import Asset, Money
from tests.casino.cashier.cashbox import (
    DESTINATION,
    NOW,
    TON,
    approve,
    arrive,
    ask,
    make_member,
    make_player,
    rich_player,
    signed_payout,
    tag_of,
    transfer,
)


async def page(
    db: Database, player_id: int, before_id: int | None = None, limit: int = 3
) -> list[history.Movement]:
    async with db.transaction() as session:
        return list(
            await history.list_movements(
                session, player_id=player_id, before_id=before_id, limit=limit
            )
        )


async def test_movements_of_both_kinds_stand_in_the_order_of_time(house: Database) -> None:
    player, other = await make_player(house), await rich_player(house)
    tag = await tag_of(house, player)
    for number in range(3):
        await arrive(house, transfer((10 + number) * TON, tag))
        await ask(house, player, (1 + number) * TON)
    await ask(house, other)
    first = await page(house, player)
    second = await page(house, player, first[-1].id)
    assert await page(house, player, second[-1].id) == []
    found = [(movement.kind, movement.amount.units // TON) for movement in (*first, *second)]
    assert found == [
        ("withdrawal", 3),
        ("deposit", 12),
        ("withdrawal", 2),
        ("deposit", 11),
        ("withdrawal", 1),
        ("deposit", 10),
    ]


async def test_a_movement_says_where_to_look(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player, 10 * TON)
    withdrawal, deposit = await page(house, player)
    assert deposit.status == "credited"
    assert deposit.amount == Money(100 * TON, Asset.TON)
    assert str(deposit.detail["url"]).endswith(str(deposit.detail["tx_hash"]))
    assert (withdrawal.id, withdrawal.status, withdrawal.at) == (made.id, "in_review", NOW)
    assert withdrawal.detail == {
        "rail": "ton",
        "network": "ton",
        "reason": None,
        "tx_hash": None,
        "url": None,
        "destination": DESTINATION,
        "memo": "",
        "fee_units": 50_000_000,
        "net_units": 10 * TON - 50_000_000,
        "cancellable": True,
        "returns": False,
    }
    await approve(house, made.id, staff)
    await signed_payout(house)
    assert (await page(house, player))[0].status == "signed"
