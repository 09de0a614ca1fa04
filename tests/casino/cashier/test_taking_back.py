"""Taking a withdrawal back: until the sender has claimed it, and never both ways."""

import asyncio

import pytest
from sqlalchemy import text

from casino.cashier import history, signing, withdrawals
from casino.cashier.batches import Payout
from casino.cashier.withdrawal_states import ALLOWED, CANCELLABLE, UNDER_WAY, WithdrawalStatus
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.errors import IllegalMove, NotFound, WithdrawalUnderWay
from tests.casino.cashier.cashbox import (
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    claim,
    make_member,
    rich_player,
    sent,
    status_of,
    wallet,
)

S = WithdrawalStatus


async def cancel(db: Database, withdrawal_id: int, player: int) -> Withdrawal:
    async with db.transaction() as session:
        return await withdrawals.cancel(
            session, withdrawal_id=withdrawal_id, player_id=player, now=NOW
        )


async def is_offered(db: Database, player: int) -> bool:
    """Whether the newest movement has the button."""
    async with db.transaction() as session:
        (movement,) = await history.list_movements(session, player_id=player, limit=1)
    return movement.detail["cancellable"] is True


def test_every_open_status_can_be_taken_back_or_is_under_way() -> None:
    assert set(CANCELLABLE) == {S.REQUESTED, S.IN_REVIEW, S.APPROVED}
    assert not CANCELLABLE & UNDER_WAY
    assert {status for status in S if ALLOWED[status]} == CANCELLABLE | UNDER_WAY


async def test_an_approved_withdrawal_is_taken_back_and_its_order_pays_nothing(
    house: Database,
) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    await approve(house, made.id, staff)
    assert await is_offered(house, player)
    for _ in range(2):
        assert (await cancel(house, made.id, player)).status is S.CANCELLED
    assert (await wallet(house, player)).cash == 100 * TON
    assert not await is_offered(house, player)
    assert await claim(house) is None
    async with house.transaction() as session:
        assert await signing.unsigned_payouts(session, rail="ton") == []
    assert (await sent(house, "player", player)).count("withdrawal.cancelled") == 1
    assert (await sent(house, "staff", made.id))[-1] == "withdrawal.decided"
    with pytest.raises(IllegalMove):
        await approve(house, made.id, staff)
    await assert_sound(house)


async def test_a_claimed_one_says_that_it_is_on_its_way_and_open_apps_learn_of_it(
    house: Database,
) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    await approve(house, made.id, staff)
    told = len(await sent(house, "live", player))
    assert await claim(house) is not None
    assert len(await sent(house, "live", player)) == told + 1
    async with house.transaction() as session:
        because = await session.scalar(
            text(
                "SELECT payload->>'because' FROM outbox WHERE consumer = 'live' AND key = :key"
                " ORDER BY id DESC LIMIT 1"
            ),
            {"key": player},
        )
    assert because == "withdrawal.assigned"
    assert not await is_offered(house, player)
    with pytest.raises(WithdrawalUnderWay) as caught:
        await cancel(house, made.id, player)
    assert caught.value.data["status"] == "assigned"
    assert (await wallet(house, player)).reserved == 10 * TON


async def test_what_has_ended_or_is_anothers_is_not_taken_back(house: Database) -> None:
    player, staff = await rich_player(house), await make_member(house)
    made = await ask(house, player)
    with pytest.raises(NotFound):
        await cancel(house, made.id, await rich_player(house))
    async with house.transaction() as session:
        await withdrawals.reject(session, withdrawal_id=made.id, member=staff, reason="no", now=NOW)
    with pytest.raises(IllegalMove):
        await cancel(house, made.id, player)


async def test_of_a_claim_and_a_cancel_exactly_one_wins(house: Database) -> None:
    """The sender and the player at the same moment, again and again, the lead changing."""
    player, staff = await rich_player(house, 1_000 * TON), await make_member(house)
    won = {"claimed": 0, "cancelled": 0}
    for turn in range(60):
        made = await ask(house, player, TON)
        await approve(house, made.id, staff)
        lead = (turn % 6) * 0.002

        async def take_back(withdrawal_id: int = made.id, wait: float = lead) -> bool:
            await asyncio.sleep(wait)
            try:
                await cancel(house, withdrawal_id, player)
            except WithdrawalUnderWay:
                return False
            return True

        async def send(wait: float = 0.01 - lead) -> Payout | None:
            await asyncio.sleep(wait)
            return await claim(house)

        cancelled, payout = await asyncio.gather(take_back(), send())
        claimed = payout is not None
        assert cancelled != claimed
        assert await status_of(house, made.id) == ("cancelled" if cancelled else "assigned")
        won["cancelled" if cancelled else "claimed"] += 1
        purse = await wallet(house, player)
        assert purse.reserved == won["claimed"] * TON
        assert purse.cash + purse.reserved == 1_000 * TON
    assert min(won.values()) > 0
    await assert_sound(house)
