"""Explaining what left without us lets payouts go on, and pays nobody again whom it may have paid."""

import asyncio

import pytest
from sqlalchemy import text

from casino.cashier import (
    acknowledging,
    blocks,
    foreign_payments,
    foreign_sends,
    payouts,
    rails,
    recovery,
    withdrawals,
)
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.errors import IllegalMove, WithdrawalUnderWay
from casino.staff.people import Member
from casino.staff.roles import Role
from tests.casino.cashier.cashbox import (
    DESTINATION,
    HOT_WALLET,
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    claim,
    make_clerk,
    rich_player,
    sent,
    signed_payout,
    status_of,
)
from tests.casino.cashier.foreign import TX, dies, explain, left, payment_of

OTHER = "cd" * 32
BTC_WALLET = "bcrt1qhot"
COIN = f"{'11' * 32}:0"


async def explain_all(db: Database, member: Member, *, account: str = HOT_WALLET) -> int:
    async with db.transaction() as session:
        return await acknowledging.acknowledge_all(
            session, account=account, until=NOW, member=member, note="backup", now=NOW
        )


async def approved(
    db: Database, owner: Member, units: int = 10 * TON, destination: str = DESTINATION
) -> Withdrawal:
    withdrawal = await ask(db, await rich_player(db), units, destination=destination)
    await approve(db, withdrawal.id, owner)
    return withdrawal


async def again(db: Database, withdrawal_id: int, **by: str) -> None:
    async with db.transaction() as session:
        await recovery.reassign(session, withdrawal_id=withdrawal_id, now=NOW, **by)


async def row_of(db: Database, withdrawal_id: int) -> tuple[object, ...]:
    async with db.transaction() as session:
        found = await session.execute(
            text("SELECT reason, order_text, retry_at FROM withdrawals WHERE id = :id"),
            {"id": withdrawal_id},
        )
        return tuple(found.one())


async def explanations(db: Database) -> int:
    async with db.transaction() as session:
        return int(
            await session.scalar(
                text("SELECT count(*) FROM audit_log WHERE action = 'foreign_send.acknowledged'")
            )
            or 0
        )


@pytest.mark.parametrize("every", [False, True])
async def test_what_it_may_have_paid_is_looked_at_again(
    db: Database, owner: Member, every: bool
) -> None:
    """A restored backup, explained as a whole by somebody who settled nothing."""
    paid = await approved(db, owner)
    other = await approved(db, owner, 11 * TON)
    elsewhere = await approved(db, owner, destination="UQ-elsewhere")
    await left(db, payment_of(paid), SentPayment(None, DESTINATION, 1))
    if every:
        assert await explain_all(db, owner) == 1
    else:
        await explain(db, owner)
    assert await status_of(db, paid.id) == "in_review"
    assert await row_of(db, paid.id) == (recovery.MAYBE_PAID, None, None)
    assert (await sent(db, "staff", paid.id)).count("withdrawal.review") == 2
    payout = await claim(db)
    assert payout is not None
    assert {one.withdrawal_id for one in payout.members} == {other.id, elsewhere.id}
    async with db.transaction() as session:
        assert await foreign_payments.book_withdrawal(
            session,
            account=HOT_WALLET,
            tx_hash=TX,
            position=0,
            withdrawal_id=paid.id,
            member=owner,
            now=NOW,
        )
    assert await status_of(db, paid.id) == "confirmed"
    await assert_sound(db)


async def test_what_was_settled_sends_nobody_else_back(db: Database, owner: Member) -> None:
    first, second = [await approved(db, owner) for _ in range(2)]
    await left(db, payment_of(first))
    async with db.transaction() as session:
        await foreign_payments.book_withdrawal(
            session,
            account=HOT_WALLET,
            tx_hash=TX,
            position=0,
            withdrawal_id=first.id,
            member=owner,
            now=NOW,
        )
    await explain(db, owner)
    assert await status_of(db, second.id) == "approved"


async def test_a_yes_from_before_the_explanation_does_not_count(
    db: Database, owner: Member
) -> None:
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    player = await rich_player(db, 2000 * TON)
    async with db.transaction() as session:
        await session.execute(text("UPDATE players SET kyc_level = 2"))
    withdrawal = await ask(db, player, 1000 * TON)
    await approve(db, withdrawal.id, owner)
    await left(db, payment_of(withdrawal))
    await explain(db, owner)
    await approve(db, withdrawal.id, clerk)
    assert await status_of(db, withdrawal.id) == "in_review"
    await approve(db, withdrawal.id, owner)
    assert await status_of(db, withdrawal.id) == "approved", "two people have looked since"


async def test_where_nobody_knows_whom_it_paid_everything_is_looked_at_again(
    db: Database, owner: Member
) -> None:
    dead = await approved(db, owner)
    await dies(db, dead.id)
    await again(db, dead.id)
    waiting = [await approved(db, owner, units) for units in (10 * TON, 12 * TON)]
    await left(db, tx_hash="nonce 7", evidence={"nonce": 7})
    await explain(db, owner, "nonce 7")
    assert [await status_of(db, one.id) for one in waiting] == ["in_review", "in_review"]
    assert await status_of(db, dead.id) == "dead"
    for one in (dead, *waiting):
        reason, _order, retry_at = await row_of(db, one.id)
        assert (reason, retry_at) == (recovery.MAYBE_PAID, None)
    assert await claim(db) is None
    await approve(db, waiting[0].id, owner)
    payout = await claim(db)
    assert payout is not None, "people have looked"
    assert [one.withdrawal_id for one in payout.members] == [waiting[0].id]


async def test_what_dies_after_the_explanation_is_not_tried_again_by_itself(
    db: Database, owner: Member
) -> None:
    """The backup had a payout of its own for what was then paid by another."""
    withdrawal = await approved(db, owner)
    other = await approved(db, owner, 11 * TON)
    payout = await signed_payout(db)
    await left(db, payment_of(withdrawal))
    await explain(db, owner)
    assert await status_of(db, withdrawal.id) == "signed"
    async with db.transaction() as session:
        for one in (withdrawal, other):
            await payouts.member_dead(
                session, payout_id=payout.id, withdrawal_id=one.id, proof="expired", now=NOW
            )
    with pytest.raises(IllegalMove):
        await again(db, withdrawal.id)
    await again(db, other.id)
    taken = await claim(db)
    assert taken is not None
    assert [one.withdrawal_id for one in taken.members] == [other.id]
    await again(db, withdrawal.id, actor=f"staff:{owner.id}")
    assert await claim(db) is not None, "people may"


async def test_twice_and_two_people_at_once_are_once(db: Database, owner: Member) -> None:
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    withdrawals = [await approved(db, owner, units * TON) for units in (10, 11, 12)]
    await left(db, *(payment_of(one) for one in withdrawals))
    await left(db, *(payment_of(one) for one in reversed(withdrawals)), tx_hash=OTHER)
    await asyncio.gather(
        explain_all(db, owner),
        explain_all(db, clerk),
        explain(db, owner),
        explain(db, clerk, OTHER),
    )
    assert await explanations(db) == 2
    for one in withdrawals:
        assert (await sent(db, "staff", one.id)).count("withdrawal.review") == 2
        await approve(db, one.id, owner)
    await explain(db, clerk)
    assert await explain_all(db, clerk) == 0
    assert {await status_of(db, one.id) for one in withdrawals} == {"approved"}
    assert await explanations(db) == 2


async def test_the_sender_at_once_claims_nothing_that_it_paid(db: Database, owner: Member) -> None:
    for round_ in range(4):
        withdrawal = await approved(db, owner)
        tx_hash = f"{round_:02x}" * 32
        await left(db, payment_of(withdrawal), tx_hash=tx_hash)
        _, claimed = await asyncio.gather(explain(db, owner, tx_hash), claim(db))
        assert claimed is None
        assert await claim(db) is None
        assert await status_of(db, withdrawal.id) == "in_review"


async def coin(db: Database, *, spent_by: str | None, height: int | None) -> None:
    async with db.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO own_coins (rail, outpoint, units, branch, number, parent, height,"
                " block_hash, spent_by, spent_height, spent_hash) VALUES ('btc', :coin, 5, 0, 0,"
                " '', 1, 'aa', :by, :height, :in_block)"
                " ON CONFLICT (rail, outpoint) DO UPDATE SET spent_by = excluded.spent_by,"
                " spent_height = excluded.spent_height, spent_hash = excluded.spent_hash"
            ),
            {"coin": COIN, "by": spent_by, "height": height, "in_block": spent_by and "bb"},
        )


async def bitcoin_waits(db: Database, *, read_to: int, **evidence: object) -> None:
    """A Bitcoin transaction that spends COIN was seen, and the chain is final up to a height."""
    async with db.transaction() as session:
        await rails.set_hot_wallet(session, rail="btc", address=BTC_WALLET, now=NOW)
        await blocks.begin(
            session, chain="bitcoin", first=blocks.Block(read_to, "aa", "99", NOW), now=NOW
        )
    await left(
        db, evidence={"coins": [COIN], "block": None, **evidence}, rail="btc", account=BTC_WALLET
    )


@pytest.mark.parametrize("height", [None, 101])
async def test_what_the_chain_may_take_back_cannot_be_explained(
    db: Database, owner: Member, height: int | None
) -> None:
    """In no block yet, or in one that is not final."""
    await coin(db, spent_by=TX if height else None, height=height)
    await bitcoin_waits(db, read_to=100)
    for attempt in (
        explain(db, owner, account=BTC_WALLET),
        explain_all(db, owner, account=BTC_WALLET),
    ):
        with pytest.raises(IllegalMove, match="not_final"):
            await attempt
    async with db.transaction() as session:
        (send,) = await foreign_sends.waiting(session, account=BTC_WALLET)
        assert not await acknowledging.is_decided(session, send)
    assert await explanations(db) == 0
    await coin(db, spent_by=TX, height=100)
    await explain(db, owner, account=BTC_WALLET)
    assert await explanations(db) == 1


async def test_what_can_never_land_can_be_explained_and_has_paid_nobody(
    db: Database, owner: Member
) -> None:
    await coin(db, spent_by=OTHER, height=101)
    await bitcoin_waits(db, read_to=100)
    with pytest.raises(IllegalMove, match="not_final"):
        await explain(db, owner, account=BTC_WALLET)
    await coin(db, spent_by=OTHER, height=100)
    waiting = await approved(db, owner)
    async with db.transaction() as session:
        await session.execute(text("UPDATE withdrawals SET rail = 'btc'"))
    await explain(db, owner, account=BTC_WALLET)
    assert await status_of(db, waiting.id) == "approved"


async def test_a_player_cannot_take_back_what_may_have_been_paid(
    db: Database, owner: Member
) -> None:
    player = await rich_player(db)
    paid, other = await ask(db, player), await ask(db, player, 3 * TON)
    await left(db, payment_of(paid))
    with pytest.raises(WithdrawalUnderWay):
        async with db.transaction() as session:
            await withdrawals.cancel(session, withdrawal_id=paid.id, player_id=player, now=NOW)
    async with db.transaction() as session:
        await withdrawals.cancel(session, withdrawal_id=other.id, player_id=player, now=NOW)
    assert (await status_of(db, paid.id), await status_of(db, other.id)) == (
        "in_review",
        "cancelled",
    )
    await assert_sound(db)
    assert owner
