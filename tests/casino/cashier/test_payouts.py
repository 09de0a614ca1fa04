"""Payouts: one replay key, one signature, one payment, and no way back without a proven death."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from casino import flags, switches
from casino.cashier import batches, claiming, payouts, recovery, signing, treasury, withdrawals
from casino.cashier.batches import Payout
from casino.cashier.withdrawals import Withdrawal
from casino.db import Database
from casino.errors import (
    IdempotencyConflict,
    IllegalMove,
    InvariantViolation,
    NotFound,
)
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.players import identity
from casino.staff.people import Member
from tests.casino.cashier.cashbox import (
    DESTINATION,
    HOT_WALLET,
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    claim,
    make_member,
    moves,
    rich_player,
    sent,
    signed_payout,
    status_of,
    wallet,
)

FEE = 50_000_000


@pytest.fixture
async def staff(house: Database) -> Member:
    return await make_member(house)


async def approved(db: Database, staff: Member, player: int, units: int = 10 * TON) -> int:
    made = await ask(db, player, units)
    await approve(db, made.id, staff)
    return made.id


async def complete(
    db: Database, payout: Payout, withdrawal_id: int, tx_hash: str = "tx"
) -> Withdrawal:
    async with db.transaction() as session:
        return await payouts.complete_member(
            session,
            payout_id=payout.id,
            withdrawal_id=withdrawal_id,
            tx_hash=tx_hash,
            now=NOW,
        )


async def bury(
    db: Database, payout: Payout, withdrawal_id: int, proof: str = "expired"
) -> Withdrawal:
    async with db.transaction() as session:
        return await payouts.member_dead(
            session,
            payout_id=payout.id,
            withdrawal_id=withdrawal_id,
            proof=proof,
            now=NOW,
        )


async def broadcast(db: Database, payout: Payout) -> None:
    async with db.transaction() as session:
        await payouts.mark_broadcast(session, payout_id=payout.id, now=NOW)


async def store(db: Database, payout: Payout, boc: bytes) -> Payout:
    async with db.transaction() as session:
        return await signing.store_signed(
            session, payout_id=payout.id, signed=boc, tx_hash="h", now=NOW
        )


async def open_payouts(db: Database) -> list[Payout]:
    async with db.transaction() as session:
        return list(await batches.open_payouts(session, rail="ton"))


async def house_account(db: Database, account: Account) -> int:
    async with db.transaction() as session:
        return await totals.account_balance(session, account, Asset.TON)


async def test_a_withdrawal_travels_to_its_confirmation(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    withdrawal = await approved(house, staff, player)
    payout = await signed_payout(house)
    assert payout.timeout_seconds == 3600
    await broadcast(house, payout)
    async with house.transaction() as session:
        await payouts.payout_seen(session, payout_id=payout.id, tx_hash="carrier", now=NOW)
    assert (await wallet(house, player)).reserved == 10 * TON
    done = await complete(house, payout, withdrawal)
    assert (done.status, done.tx_hash) == ("confirmed", "tx")
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (90 * TON, 0)
    assert await house_account(house, Account.HOUSE_FEES) == FEE
    assert await house_account(house, Account.HOT_WALLET_TON) == -(90 * TON + FEE)
    assert await moves(house, withdrawal) == [
        "requested",
        "in_review",
        "approved",
        "assigned",
        "signed",
        "broadcast",
        "confirmed",
    ]
    news = [kind for kind in await sent(house, "player", player) if "withdrawal" in kind]
    assert news == [
        "withdrawal.requested",
        "withdrawal.approved",
        "withdrawal.sent",
        "withdrawal.confirmed",
    ]
    assert not await open_payouts(house)
    await assert_sound(house)


async def test_completing_twice_pays_once(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    withdrawal = await approved(house, staff, player)
    payout = await signed_payout(house)
    await asyncio.gather(*(complete(house, payout, withdrawal) for _ in range(6)))
    assert await house_account(house, Account.HOT_WALLET_TON) == -(90 * TON + FEE)
    news = await sent(house, "player", player)
    assert (news.count("withdrawal.sent"), news.count("withdrawal.confirmed")) == (1, 1)
    with pytest.raises(IdempotencyConflict):
        await complete(house, payout, withdrawal, "another transfer")
    with pytest.raises(IllegalMove):
        await bury(house, payout, withdrawal)
    await assert_sound(house)


async def test_a_payment_that_landed_before_it_was_marked_is_booked(
    house: Database, staff: Member
) -> None:
    """The process died between sending and saying so; the chain knows better."""
    withdrawal = await approved(house, staff, await rich_player(house))
    payout = await signed_payout(house)
    await complete(house, payout, withdrawal)
    await broadcast(house, payout)
    assert await status_of(house, withdrawal) == "confirmed"
    assert (await moves(house, withdrawal))[-2:] == ["broadcast", "confirmed"]


async def test_a_payment_that_nobody_signed_cannot_be_complete(
    house: Database, staff: Member
) -> None:
    withdrawal = await approved(house, staff, await rich_player(house))
    payout = await claim(house)
    assert payout is not None
    for impossible in (broadcast(house, payout), complete(house, payout, withdrawal)):
        with pytest.raises(IllegalMove):
            await impossible
    with pytest.raises(NotFound):
        await complete(house, payout, (await ask(house, await rich_player(house))).id)


async def test_each_withdrawal_is_claimed_by_one_payout(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    made = [await approved(house, staff, player, TON) for _ in range(6)]
    claimed = await asyncio.gather(*(claim(house, limit=2) for _ in range(6)))
    members = [member.withdrawal_id for each in claimed if each for member in each.members]
    assert sorted(members) == made
    keys = [each.replay_number for each in claimed if each]
    assert len(set(keys)) == len(keys)
    assert await claim(house) is None


async def test_claim_pays_what_fits_the_oldest_first(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    made = [await approved(house, staff, player, units * TON) for units in (5, 50, 3, 2)]
    # 5 and 3 fit with their network fees; 50 never did, 2 does not any more.
    payout = await claim(house, available=9 * TON, member_fee_units=100_000_000)
    assert payout is not None
    assert [member.withdrawal_id for member in payout.members] == [made[0], made[2]]
    assert [member.units for member in payout.members] == [5 * TON - FEE, 3 * TON - FEE]
    assert await claim(house, available=TON) is None


async def test_nothing_is_claimed_while_stopped_or_for_a_blocked_player(
    house: Database, staff: Member
) -> None:
    blocked, player = await rich_player(house), await rich_player(house)
    await approved(house, staff, blocked)
    mine = await approved(house, staff, player)
    async with house.transaction() as session:
        await identity.block(session, player_id=blocked, reason="x", actor="staff:1", now=NOW)
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=True, reason="x", actor="staff:1", now=NOW
        )
    assert await claim(house) is None
    async with house.transaction() as session:
        await flags.set_flag(
            session, name=switches.WITHDRAWALS, stop=False, reason="x", actor="staff:1", now=NOW
        )
    payout = await claim(house)
    assert payout is not None
    assert [member.withdrawal_id for member in payout.members] == [mine]


async def test_without_a_wallet_nothing_is_claimed(db: Database) -> None:
    assert await claim(db) is None


async def test_an_order_that_ran_out_goes_back_to_staff(house: Database, staff: Member) -> None:
    withdrawal = await approved(house, staff, await rich_player(house))
    late = NOW + timedelta(hours=72)
    assert await claim(house, now=late) is None
    assert await status_of(house, withdrawal) == "in_review"
    assert (await sent(house, "staff", withdrawal)).count("withdrawal.review") == 2
    async with house.transaction() as session:
        card = await withdrawals.card(session, withdrawal_id=withdrawal, now=late)
    assert card.approved_by == ()
    await approve(house, withdrawal, staff, now=late)
    payout = await claim(house, now=late)
    assert payout is not None


async def test_signed_bytes_are_kept_once(house: Database, staff: Member) -> None:
    withdrawal = await approved(house, staff, await rich_player(house))
    async with house.transaction() as session:
        assert not await signing.unsigned_payouts(session, rail="ton")
    payout = await claim(house)
    assert payout is not None
    async with house.transaction() as session:
        (waiting,) = await signing.unsigned_payouts(session, rail="ton")
    assert waiting == payout
    stored = await asyncio.gather(*(store(house, payout, b"bytes") for _ in range(5)))
    assert {each.signed for each in stored} == {b"bytes"}
    with pytest.raises(IdempotencyConflict):
        await store(house, payout, b"other bytes")
    assert await status_of(house, withdrawal) == "signed"
    async with house.transaction() as session:
        assert not await signing.unsigned_payouts(session, rail="ton")
        total = await signing.signed_units(session, rail="ton", since=NOW - timedelta(days=1))
        later = await signing.signed_units(session, rail="ton", since=NOW + timedelta(days=1))
    assert (total, later) == (10 * TON - FEE, 0)


async def test_the_journal_refuses_an_order_that_another_payout_may_still_pay(
    house: Database, staff: Member
) -> None:
    """Even if somebody who can write to the database puts the withdrawal into a second payout."""
    withdrawal = await approved(house, staff, await rich_player(house))
    first = await signed_payout(house)
    async with house.transaction() as session:
        await session.execute(text("DROP INDEX uq_payout_members_living"))
        await session.execute(
            text("UPDATE withdrawals SET status = 'approved' WHERE id = :id"),
            {"id": withdrawal},
        )
    second = await claim(house)
    assert second is not None
    with pytest.raises(IdempotencyConflict):
        await store(house, second, b"again")
    assert first.id != second.id


async def test_a_dead_payment_waits_for_a_decision(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    withdrawal = await approved(house, staff, player)
    payout = await signed_payout(house)
    with pytest.raises(InvariantViolation):
        await bury(house, payout, withdrawal, proof=" ")
    await asyncio.gather(*(bury(house, payout, withdrawal) for _ in range(4)))
    assert await status_of(house, withdrawal) == "dead"
    assert (await wallet(house, player)).reserved == 10 * TON
    assert (await sent(house, "staff", withdrawal)).count("withdrawal.dead") == 1
    assert not await open_payouts(house)
    assert await claim(house) is None
    with pytest.raises(IllegalMove):
        await complete(house, payout, withdrawal)
    async with house.transaction() as session:
        (waiting,) = await withdrawals.queue(session)
    assert waiting.id == withdrawal


async def test_a_dead_payment_is_tried_again_under_a_new_key(
    house: Database, staff: Member
) -> None:
    player = await rich_player(house)
    withdrawal = await approved(house, staff, player)
    first = await signed_payout(house)
    await broadcast(house, first)
    await bury(house, first, withdrawal)
    for _ in range(2):
        async with house.transaction() as session:
            await recovery.reassign(session, withdrawal_id=withdrawal, now=NOW)
    second = await signed_payout(house, b"new bytes")
    assert second.replay_number != first.replay_number
    assert second.members[0].order_text == first.members[0].order_text
    with pytest.raises(IllegalMove):
        await complete(house, first, withdrawal)
    done = await complete(house, second, withdrawal)
    assert done.attempts == 2
    assert (await wallet(house, player)).reserved == 0
    await assert_sound(house)


async def test_a_dead_payment_is_given_back_once(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    withdrawal = await approved(house, staff, player)
    payout = await signed_payout(house)
    await bury(house, payout, withdrawal)

    async def give_back() -> bool:
        try:
            async with house.transaction() as session:
                await recovery.refund(
                    session, withdrawal_id=withdrawal, member=staff, reason="gone", now=NOW
                )
        except IllegalMove:
            return False
        return True

    assert sum(await asyncio.gather(*(give_back() for _ in range(5)))) == 1
    purse = await wallet(house, player)
    assert (purse.cash, purse.reserved) == (100 * TON, 0)
    with pytest.raises(IllegalMove):
        async with house.transaction() as session:
            await recovery.reassign(session, withdrawal_id=withdrawal, now=NOW)
    assert await claim(house) is None
    await assert_sound(house)


async def test_of_refund_and_another_try_one_wins(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    withdrawal = await approved(house, staff, player)
    await bury(house, await signed_payout(house), withdrawal)
    async with house.transaction() as session:
        await recovery.reassign(
            session, withdrawal_id=withdrawal, actor=f"staff:{staff.id}", now=NOW
        )

    async def give_back() -> None:
        async with house.transaction() as session:
            await recovery.refund(
                session, withdrawal_id=withdrawal, member=staff, reason="x", now=NOW
            )

    claimed, refunded = await asyncio.gather(claim(house), give_back(), return_exceptions=True)
    end = await status_of(house, withdrawal)
    if isinstance(refunded, IllegalMove):
        assert isinstance(claimed, Payout)
        assert end == "assigned"
        assert (await wallet(house, player)).reserved == 10 * TON
    else:
        assert claimed is None
        assert end == "refunded"
        assert (await wallet(house, player)).cash == 100 * TON
    await assert_sound(house)


async def test_a_dead_payment_whose_order_ran_out_can_only_be_refunded(
    house: Database, staff: Member
) -> None:
    withdrawal = await approved(house, staff, await rich_player(house))
    await bury(house, await signed_payout(house), withdrawal)
    late = NOW + timedelta(hours=73)
    with pytest.raises(IllegalMove):
        async with house.transaction() as session:
            await recovery.reassign(session, withdrawal_id=withdrawal, now=late)
    async with house.transaction() as session:
        await recovery.reassign(session, withdrawal_id=withdrawal, now=NOW)
    assert await claim(house, now=late) is None
    assert (await sent(house, "staff", withdrawal)).count("withdrawal.dead") == 2
    assert await status_of(house, withdrawal) == "dead"


async def test_members_of_a_batch_end_each_in_its_own_way(house: Database, staff: Member) -> None:
    players = [await rich_player(house) for _ in range(4)]
    made = [await approved(house, staff, player) for player in players]
    payout = await signed_payout(house)
    await asyncio.gather(
        broadcast(house, payout),
        bury(house, payout, made[1], "no out message"),
        *(complete(house, payout, each, f"tx-{each}") for each in (made[0], made[2], made[3])),
    )
    assert [await status_of(house, each) for each in made] == [
        "confirmed",
        "dead",
        "confirmed",
        "confirmed",
    ]
    assert not await open_payouts(house)
    async with house.transaction() as session:
        closed = await batches.get_payout(session, payout_id=payout.id)
    assert [member.outcome for member in closed.members] == ["paid", "dead", "paid", "paid"]
    assert closed.closed_at is not None
    await assert_sound(house)


async def test_a_member_that_died_unsigned_keeps_the_batch_from_being_signed(
    house: Database, staff: Member
) -> None:
    player = await rich_player(house)
    made = [await approved(house, staff, player, TON) for _ in range(2)]
    payout = await claim(house)
    assert payout is not None
    await bury(house, payout, made[0], "key expired")
    with pytest.raises(IllegalMove):
        await store(house, payout, b"bytes")
    await bury(house, payout, made[1], "key expired")
    with pytest.raises(IllegalMove):
        await store(house, payout, b"bytes")


async def test_paid_addresses_are_known_afterwards(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    first, second = await approved(house, staff, player), await ask(house, player)
    await complete(house, await signed_payout(house), first)
    third = await ask(house, player)
    async with house.transaction() as session:
        cards = [
            await withdrawals.card(session, withdrawal_id=each, now=NOW)
            for each in (second.id, third.id)
        ]
    codes = [{fact.code for fact in card.facts} for card in cards]
    assert "address_first_use" in codes[0]
    assert "address_known" in codes[1]
    assert cards[1].withdrawal.destination == DESTINATION


async def test_network_fees_are_booked_once(house: Database, staff: Member) -> None:
    withdrawal = await approved(house, staff, await rich_player(house))
    payout = await signed_payout(house)
    for _ in range(2):
        async with house.transaction() as session:
            await payouts.book_network_fee(
                session, rail="ton", units=7_000_000, reference="tx1", now=NOW
            )
            await payouts.complete_member(
                session,
                payout_id=payout.id,
                withdrawal_id=withdrawal,
                tx_hash="tx",
                fee_units=3_000_000,
                now=NOW,
            )
    assert await house_account(house, Account.HOUSE_NETWORK_FEES) == -10_000_000
    await assert_sound(house)


async def test_coins_that_came_back_are_booked_once_in_reverse(house: Database) -> None:
    await rich_player(house)
    for _ in range(2):
        for units, reference in ((-7, "tx1"), (5, "tx2"), (0, "tx3")):
            async with house.transaction() as session:
                await payouts.book_network_fee(
                    session, rail="ton", units=units, reference=reference, now=NOW
                )
    assert await house_account(house, Account.HOUSE_NETWORK_FEES) == 2
    async with house.transaction() as session:
        with pytest.raises(IdempotencyConflict):
            await payouts.book_network_fee(session, rail="ton", units=7, reference="tx1", now=NOW)
    await assert_sound(house)


async def test_the_chain_and_the_book_are_compared(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    await approved(house, staff, player)

    async def record(units: int, block: int) -> int:
        async with house.transaction() as session:
            return await treasury.record_chain_balance(
                session, rail="ton", units=units, block=block, now=NOW
            )

    assert await record(100 * TON, 1) == 0
    assert [await record(101 * TON, block) for block in (2, 3)] == [TON, TON]
    assert await record(5 * TON, 1) == TON  # an old answer changes nothing
    async with house.transaction() as session:
        seen = await treasury.hot_wallet_view(session, rail="ton")
    assert (seen.book_units, seen.chain_units, seen.drift_units) == (100 * TON, 101 * TON, TON)
    assert seen.to_pay_units == 10 * TON - FEE
    for _ in range(2):
        async with house.transaction() as session:
            await treasury.fund_house(session, rail="ton", units=TON, reference="r", now=NOW)
    assert await record(101 * TON, 4) == 0
    assert await sent(house, "staff", int(Account.HOT_WALLET_TON)) == [
        "alert.reconcile",
        "alert.reconciled",
    ]
    assert await house_account(house, Account.HOUSE_CAPITAL) == TON
    await assert_sound(house)


async def test_replay_keys_go_on_where_they_stopped(house: Database, staff: Member) -> None:
    player = await rich_player(house)
    async with house.transaction() as session:
        await session.execute(
            text("INSERT INTO account_numbers (account, last) VALUES (:account, 1022)"),
            {"account": HOT_WALLET},
        )
    await approved(house, staff, player)
    payout = await claim(house)
    assert payout is not None
    assert payout.replay_number == 1024


@given(st.integers(0, claiming.QUERY_IDS - 1))
def test_a_replay_key_never_uses_the_forbidden_place(last: int) -> None:
    following = claiming.next_query_id(last)
    assert 0 <= following < claiming.QUERY_IDS
    assert following & 1023 != 1023
    assert following != last
    assert (following - last) % claiming.QUERY_IDS in (1, 2)
