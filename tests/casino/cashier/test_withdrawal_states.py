"""The status table: every path ends, and money is never both given back and paid."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from casino.cashier import crediting, withdrawal_states
from casino.cashier.crediting import DepositStatus
from casino.cashier.withdrawal_states import ALLOWED, WithdrawalStatus
from casino.db import Database
from casino.errors import IllegalMove
from casino.ledger.chart import Account
from tests.casino.cashier.cashbox import NOW, ask, assert_sound, rich_player

S = WithdrawalStatus


def paths(start: WithdrawalStatus) -> set[WithdrawalStatus]:
    """Everything that can be reached from a status."""
    reached: set[WithdrawalStatus] = set()
    waiting = [start]
    while waiting:
        for following in ALLOWED[waiting.pop()] - reached:
            reached.add(following)
            waiting.append(following)
    return reached


@pytest.mark.parametrize(
    ("table", "statuses"),
    [(ALLOWED, WithdrawalStatus), (crediting.ALLOWED, DepositStatus)],
)
def test_every_status_is_in_the_table_and_can_be_reached(
    table: Mapping[str | None, frozenset[str]], statuses: type
) -> None:
    assert set(table) == {None, *statuses}
    assert frozenset().union(*table.values()) == set(statuses)


def test_every_withdrawal_can_end() -> None:
    ends = {S.CONFIRMED, S.REJECTED, S.CANCELLED, S.REFUNDED}
    assert {status for status in S if not ALLOWED[status]} == ends
    assert all(paths(status) & ends for status in set(S) - ends)


def test_once_bytes_may_exist_money_comes_back_only_from_death() -> None:
    for status in (S.ASSIGNED, S.SIGNED, S.BROADCAST):
        assert not ALLOWED[status] & {S.REJECTED, S.CANCELLED, S.REFUNDED, S.IN_REVIEW}
    assert [status for status in S if S.REFUNDED in ALLOWED[status]] == [S.DEAD]
    paid = {status for status in S if S.CONFIRMED in ALLOWED[status]}
    # Paid by bytes of ours, or, where none can pay it any more or none exist, by something else.
    assert paid == {S.BROADCAST, S.IN_REVIEW, S.APPROVED, S.DEAD}
    assert S.CONFIRMED not in paths(S.REFUNDED)


@given(st.lists(st.sampled_from(S), max_size=12))
def test_no_walk_leaves_the_table(wanted: list[WithdrawalStatus]) -> None:
    current: WithdrawalStatus | None = None
    for following in wanted:
        if following in ALLOWED[current]:
            current = following
    walked = paths(S.REQUESTED) | {S.REQUESTED}
    assert current is None or current in walked


async def test_the_database_row_moves_only_along_the_table(house: Database) -> None:
    player = await rich_player(house)
    withdrawal = (await ask(house, player)).id
    async with house.transaction() as session:
        for current in S:
            await session.execute(
                text("UPDATE withdrawals SET status = :status WHERE id = :id"),
                {"status": current.value, "id": withdrawal},
            )
            row = await withdrawal_states.lock(session, withdrawal_id=withdrawal)
            for wanted in set(S) - ALLOWED[current]:
                with pytest.raises(IllegalMove):
                    await withdrawal_states.move(session, row, wanted, now=NOW)
            assert row.status == current


async def test_the_book_refuses_to_end_a_withdrawal_both_ways(house: Database) -> None:
    """Whatever the status says: one key in the book stands for both ends."""
    player = await rich_player(house)
    withdrawal = (await ask(house, player)).id

    async def give_back() -> None:
        async with house.transaction() as session:
            row = await withdrawal_states.lock(session, withdrawal_id=withdrawal)
            await withdrawal_states.give_back(session, row, now=NOW)

    async def pay() -> None:
        async with house.transaction() as session:
            row = await withdrawal_states.lock(session, withdrawal_id=withdrawal)
            await withdrawal_states.pay_out(session, row, wallet=Account.HOT_WALLET_TON, now=NOW)

    outcomes = await asyncio.gather(give_back(), pay(), pay(), give_back(), return_exceptions=True)
    assert sum(outcome is not None for outcome in outcomes) == 2
    await assert_sound(house)
