"""Money moves once, balanced, never below zero, whoever repeats or races."""

import asyncio

import pytest
from sqlalchemy import text

from casino.clock import utc_now
from casino.db import Database
from casino.errors import (
    IdempotencyConflict,
    InsufficientFunds,
    InvariantViolation,
    NegativeBalance,
)
from casino.ids import PlayerId, new_reference
from casino.ledger import journal
from casino.ledger.chart import Account, Kind
from casino.ledger.reconcile import reconcile
from casino.ledger.wallet import Posting
from casino.money import Asset
from tests.factories import TON, fund, make_player

DEPOSIT = Posting(Account.HOT_WALLET_TON, Account.PLAYER_CASH, TON, Asset.TON, Kind.DEPOSIT)


async def post(
    database: Database, player_id: PlayerId, reference: str, *postings: Posting, units=1
):
    async with database.transaction() as session:
        return await journal.post(
            session,
            player_id=player_id,
            source="test",
            kind_key="move",
            reference=reference,
            request={"units": units},
            postings=postings,
            subject_id=7,
            now=utc_now(),
        )


async def cash(database: Database, player_id: PlayerId) -> int:
    async with database.transaction() as session:
        return (await journal.balances(session, player_id))[Asset.TON].cash


async def test_a_repeat_answers_with_the_first_entry_and_moves_nothing(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
    first = await post(db, player_id, "r1", DEPOSIT)
    again = await post(db, player_id, "r1", DEPOSIT)
    assert (again.answer, again.replayed) == (first.answer, True)
    assert await cash(db, player_id) == TON


async def test_the_same_reference_with_other_content_is_a_conflict(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
    await post(db, player_id, "r1", DEPOSIT)
    with pytest.raises(IdempotencyConflict):
        await post(db, player_id, "r1", DEPOSIT, units=2)
    assert await cash(db, player_id) == TON


async def test_the_same_reference_for_another_player_is_a_conflict(db):
    async with db.transaction() as session:
        ann, bob = await make_player(session), await make_player(session)
    await post(db, ann, "r1", DEPOSIT)
    with pytest.raises(IdempotencyConflict):
        await post(db, bob, "r1", DEPOSIT)


async def test_eight_repeats_at_once_move_money_once(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
    answers = await asyncio.gather(*(post(db, player_id, "r1", DEPOSIT) for _ in range(8)))
    assert len({answer.answer for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await cash(db, player_id) == TON


async def test_an_overdraft_is_refused_with_what_is_there(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
        await fund(session, player_id, 5)
    spend = Posting(
        Account.PLAYER_CASH, Account.PLAYER_RESERVED, 6, Asset.TON, Kind.WITHDRAWAL_RESERVE
    )
    with pytest.raises(InsufficientFunds) as refusal:
        await post(db, player_id, "r1", spend)
    assert refusal.value.data["available"] == 5
    assert await cash(db, player_id) == 5


async def test_two_spends_race_for_the_last_coin(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
        await fund(session, player_id, TON)
    spend = Posting(
        Account.PLAYER_CASH, Account.PLAYER_RESERVED, TON, Asset.TON, Kind.WITHDRAWAL_RESERVE
    )
    answers = await asyncio.gather(
        *(post(db, player_id, new_reference(), spend) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(answer, InsufficientFunds) for answer in answers) == 5
    assert await cash(db, player_id) == 0


async def test_past_the_rules_the_wallet_itself_stays_above_zero(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
    release = Posting(
        Account.PLAYER_RESERVED, Account.PLAYER_CASH, 1, Asset.TON, Kind.WITHDRAWAL_RELEASE
    )
    with pytest.raises(NegativeBalance):
        await post(db, player_id, "r1", release)


async def test_a_deficit_is_paid_first_by_what_comes_in(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
    owed = Posting(
        Account.PLAYER_DEFICIT, Account.HOT_WALLET_TON, 300, Asset.TON, Kind.DEPOSIT_REVERSAL
    )
    await post(db, player_id, "r1", owed)
    await post(
        db, player_id, "r2", Posting(DEPOSIT.debit, DEPOSIT.credit, 1000, Asset.TON, Kind.DEPOSIT)
    )
    async with db.transaction() as session:
        wallet = (await journal.balances(session, player_id))[Asset.TON]
    assert (wallet.cash, wallet.deficit) == (700, 0)


async def test_house_money_may_not_touch_a_players_account(db):
    with pytest.raises(InvariantViolation):
        async with db.transaction() as session:
            await journal.post_house(
                session,
                source="test",
                kind_key="x",
                reference="1",
                request={},
                postings=[DEPOSIT],
                subject_id=1,
                now=utc_now(),
            )


async def test_reconcile_finds_a_wallet_that_was_tampered_with(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
        await fund(session, player_id, TON)
    async with db.transaction() as session:
        assert (await reconcile(session)).sound
    async with db.transaction() as session:
        await session.execute(text("UPDATE wallets SET cash = cash + 1 WHERE cash > 0"))
    async with db.transaction() as session:
        report = await reconcile(session)
    assert not report.sound
    assert report.differences[0].in_wallet - report.differences[0].from_transfers == 1
    assert report.sums["TON"] == 1


async def test_reconcile_finds_a_transfer_that_no_command_made(db):
    async with db.transaction() as session:
        player_id = await make_player(session)
        await fund(session, player_id, TON)
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM money_keys"))
    async with db.transaction() as session:
        report = await reconcile(session)
    assert report.transfers_without_key == 1
    assert not report.sound
