"""Figures: what the house shows must equal what its players did."""

from datetime import timedelta

import pytest

from casino.betting.floor import GamingFloor
from casino.cashier import payouts, withdrawals
from casino.clock import Window, utc_now, window_start
from casino.db import Database
from casino.ids import new_reference
from casino.money import PLAYERS, Asset
from casino.reporting import gaming
from casino.staff.roles import Role
from games.registry import INSTANT, STEPS
from tests.casino.cashier.cashbox import (
    TON,
    approve,
    ask,
    make_member,
    make_player,
    rich_player,
    signed_payout,
)

NOTHING = dict.fromkeys(PLAYERS, 0)


async def figures(db: Database) -> gaming.Figures:
    async with db.transaction() as session:
        return await gaming.today(session, now=utc_now())


async def summary(db: Database, player_id: int) -> gaming.Summary:
    async with db.transaction() as session:
        return await gaming.player_summary(session, player_id=player_id)


async def play(floor: GamingFloor, player_id: int, stake: int) -> int:
    """One bet on dice; returns what it paid."""
    result = await floor.place_bet(
        player_id=player_id,
        game=INSTANT["dice"],
        asset=Asset.TON,
        stake=stake,
        choice={"target": 5050, "over": True},
        reference=new_reference(),
    )
    return result.answer.payout


async def test_a_house_where_nothing_happened(db: Database) -> None:
    empty = await figures(db)
    assert (empty.players_active, empty.new_players, empty.bets) == (0, 0, 0)
    sums = (empty.stakes, empty.payouts, empty.ggr, empty.deposits, empty.withdrawals)
    assert all(figure == NOTHING for figure in sums)
    assert len(empty.by_hour) == utc_now().hour + 1


async def test_the_day_adds_up(db: Database, floor: GamingFloor) -> None:
    one, other = await rich_player(db, 50 * TON), await rich_player(db, 20 * TON)
    await make_player(db)
    paid = [await play(floor, one, TON), await play(floor, one, 2 * TON)]
    paid.append(await play(floor, other, 4 * TON))
    day = await figures(db)
    assert (day.players_active, day.new_players, day.bets) == (2, 3, 3)
    assert day.stakes[Asset.TON] == 7 * TON
    assert day.payouts[Asset.TON] == sum(paid)
    assert day.ggr[Asset.TON] == 7 * TON - sum(paid)
    assert day.deposits == NOTHING | {Asset.TON: 70 * TON}
    assert sum(hour.stakes[Asset.TON] for hour in day.by_hour) == 7 * TON
    assert sum(hour.ggr[Asset.TON] for hour in day.by_hour) == day.ggr[Asset.TON]
    assert day.by_hour[0].start == window_start(Window.DAY, utc_now())
    mine = await summary(db, one)
    assert mine.staked[Asset.TON] == 3 * TON
    assert mine.paid[Asset.TON] == paid[0] + paid[1]
    assert mine.deposits[Asset.TON] == 50 * TON


async def test_an_open_round_is_nobodys_money_yet(db: Database, floor: GamingFloor) -> None:
    player = await rich_player(db)
    opened = await floor.open_round(
        player_id=player,
        game=STEPS["mines"],
        asset=Asset.TON,
        stake=3 * TON,
        choice={"mines": 3},
        reference=new_reference(),
    )
    during = await figures(db)
    assert (during.bets, during.stakes[Asset.TON], during.ggr[Asset.TON]) == (1, 3 * TON, 0)
    acted = await floor.act(
        player_id=player,
        round_id=opened.answer.id,
        action={"tile": 0},
        reference=new_reference(),
    )
    if acted.answer.status == "open":
        await floor.cash_out(player_id=player, round_id=opened.answer.id, reference=new_reference())
    after = await figures(db)
    assert after.ggr[Asset.TON] == 3 * TON - after.payouts[Asset.TON]
    assert after.ggr[Asset.TON] != 0


@pytest.mark.usefixtures("floor")
async def test_withdrawals_count_when_they_are_paid(db: Database) -> None:
    player, staff = await rich_player(db), await make_member(db, Role.PAYMENTS)
    made = await ask(db, player, 10 * TON)
    await approve(db, made.id, staff)
    payout = await signed_payout(db)
    assert (await figures(db)).withdrawals == NOTHING
    async with db.transaction() as session:
        await payouts.complete_member(
            session, payout_id=payout.id, withdrawal_id=made.id, tx_hash="tx", now=utc_now()
        )
        card = await withdrawals.get(session, withdrawal_id=made.id)
    assert card.status == "confirmed"
    assert (await figures(db)).withdrawals[Asset.TON] == 10 * TON
    assert (await summary(db, player)).withdrawals == NOTHING | {Asset.TON: 10 * TON}


async def test_the_card_of_a_withdrawal_knows_the_turnover(
    db: Database, floor: GamingFloor
) -> None:
    player = await rich_player(db, 10 * TON)
    for _ in range(2):
        await play(floor, player, 2 * TON)
    made = await ask(db, player, TON)
    async with db.transaction() as session:
        card = await withdrawals.card(
            session, withdrawal_id=made.id, now=utc_now() + timedelta(seconds=1)
        )
    (turnover,) = [fact for fact in card.facts if fact.code == "turnover"]
    # 4 TON at 3 EUR, of the 10 TON that came in.
    assert turnover.params == {"reference": 12_000_000, "of_deposits_bp": 4000}
