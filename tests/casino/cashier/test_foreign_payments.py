"""What a foreign send paid: booked once, by people who may, and never beside a payment of ours."""

import asyncio

import pytest
from sqlalchemy import text

from casino.cashier import (
    claiming,
    cold_storage,
    foreign_payments,
    foreign_sends,
    house_addresses,
    proof,
    saved_addresses,
    withdrawals,
)
from casino.cashier.foreign_sends import SentPayment
from casino.db import Database
from casino.errors import (
    AddressInvalid,
    BadChoice,
    Conflict,
    IdempotencyConflict,
    IllegalMove,
    NotFound,
    NotPermitted,
)
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
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
    hot_units,
    make_clerk,
    rich_player,
    save_address,
    sent,
    status_of,
    wallet,
)
from tests.casino.cashier.foreign import TX, dies, explain, left, payment_of

FEE = 50_000_000


async def book(
    db: Database, withdrawal_id: int, member: Member, *, position: int = 0, tx_hash: str = TX
) -> bool:
    async with db.transaction() as session:
        return await foreign_payments.book_withdrawal(
            session,
            account=HOT_WALLET,
            tx_hash=tx_hash,
            position=position,
            withdrawal_id=withdrawal_id,
            member=member,
            now=NOW,
        )


async def book_cold(db: Database, member: Member) -> None:
    async with db.transaction() as session:
        await foreign_payments.book_cold(
            session, account=HOT_WALLET, tx_hash=TX, position=0, member=member, now=NOW
        )


@pytest.mark.parametrize("state", ["in_review", "approved", "dead"])
async def test_it_is_booked_like_any_payment_once(db: Database, owner: Member, state: str) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    if state != "in_review":
        await approve(db, withdrawal.id, owner)
    if state == "dead":
        await dies(db, withdrawal.id)
    assert await status_of(db, withdrawal.id) == state
    await left(db, payment_of(withdrawal))
    before = await hot_units(db)
    for _ in range(2):
        assert await book(db, withdrawal.id, owner)
    assert await status_of(db, withdrawal.id) == "confirmed"
    purse = await wallet(db, player)
    assert (purse.cash, purse.reserved) == (90 * TON, 0)
    assert before - await hot_units(db) == withdrawal.net_units
    assert (await sent(db, "player", player)).count("withdrawal.confirmed") == 1
    assert (await proof.prove_reserved(db)).sound
    await assert_sound(db)
    async with db.transaction() as session:
        lines = await session.scalars(
            text("SELECT action FROM audit_log WHERE actor = :who ORDER BY id"),
            {"who": f"staff:{owner.id}"},
        )
        assert list(lines)[-2:] == ["withdrawal.confirmed", "foreign_send.withdrawal"]
    await explain(db, owner)
    assert await claim(db) is None, "nothing is left to be paid"


async def test_what_its_own_bytes_may_still_pay_is_not_booked(db: Database, owner: Member) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    await approve(db, withdrawal.id, owner)
    payout = await claim(db)
    assert payout is not None
    await left(db, payment_of(withdrawal))
    with pytest.raises(IllegalMove):
        await book(db, withdrawal.id, owner)
    async with db.transaction() as session:
        fitting = await foreign_payments.candidates(session, paid=payment_of(withdrawal))
    assert [one.id for one in fitting] == [withdrawal.id], "and people see why"
    assert await status_of(db, withdrawal.id) == "assigned"


async def test_only_the_same_rail_address_and_amount_fit(db: Database, owner: Member) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    net = withdrawal.net_units
    wrong = (
        SentPayment("usdt_ton", DESTINATION, net),
        SentPayment("ton", HOT_WALLET, net),
        SentPayment("ton", DESTINATION, net - 1),
        SentPayment(None, DESTINATION, net),
    )
    await left(db, *wrong)
    for position, paid in enumerate(wrong):
        with pytest.raises(BadChoice):
            await book(db, withdrawal.id, owner, position=position)
        async with db.transaction() as session:
            assert not await foreign_payments.candidates(session, paid=paid)
    for unknown in (4, -1):
        with pytest.raises(NotFound):
            await book(db, withdrawal.id, owner, position=unknown)
    with pytest.raises(NotFound):
        await book(db, withdrawal.id, owner, tx_hash="cd" * 32)
    assert await status_of(db, withdrawal.id) == "in_review"


async def test_one_payment_is_one_withdrawal_and_one_withdrawal_one_payment(
    db: Database, owner: Member
) -> None:
    player = await rich_player(db)
    first, second = [await ask(db, player) for _ in range(2)]
    await left(db, payment_of(first))
    await left(db, payment_of(first), tx_hash="cd" * 32)
    assert await book(db, first.id, owner)
    with pytest.raises(IdempotencyConflict):
        await book(db, second.id, owner)
    with pytest.raises(IllegalMove):
        await book(db, first.id, owner, tx_hash="cd" * 32)
    assert await book(db, second.id, owner, tx_hash="cd" * 32)


async def test_above_the_ceiling_two_people_have_to_say_so(db: Database, owner: Member) -> None:
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    player = await rich_player(db, 2000 * TON)
    async with db.transaction() as session:
        await session.execute(text("UPDATE players SET kyc_level = 2"))
    withdrawal = await ask(db, player, 1000 * TON)
    await left(db, payment_of(withdrawal))
    for _ in range(2):
        assert not await book(db, withdrawal.id, owner), "the same person twice is one person"
    assert await status_of(db, withdrawal.id) == "in_review"
    assert await sent(db, "staff", withdrawal.id) == [
        "withdrawal.review",
        "alert.foreign_payment_second",
    ]
    assert await book(db, withdrawal.id, clerk)
    assert await status_of(db, withdrawal.id) == "confirmed"
    await assert_sound(db)


async def test_nobody_settles_his_own_and_roles_count(db: Database, owner: Member) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    await left(db, payment_of(withdrawal))
    support = await make_clerk(db, owner, Role.SUPPORT)
    with pytest.raises(NotPermitted):
        await book(db, withdrawal.id, support)
    async with db.transaction() as session:
        await session.execute(
            text("UPDATE players SET telegram_id = :his WHERE id = :id"),
            {"his": owner.telegram_id, "id": player},
        )
    with pytest.raises(NotPermitted):
        await book(db, withdrawal.id, owner)
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    async with db.transaction() as session:
        with pytest.raises(NotPermitted):
            await foreign_payments.book_loss(
                session, account=HOT_WALLET, tx_hash=TX, member=clerk, reason="x", now=NOW
            )


async def test_people_and_the_sender_at_once_pay_once(db: Database, owner: Member) -> None:
    """Whoever is first: booked and never claimed, or claimed and not booked."""
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    for round_ in range(4):
        player = await rich_player(db)
        withdrawal = await ask(db, player)
        await approve(db, withdrawal.id, owner)
        tx = f"{round_:02x}" * 32
        await left(db, payment_of(withdrawal), tx_hash=tx)
        async with db.transaction() as session:
            await session.execute(
                text("UPDATE foreign_sends SET acknowledged_by = 'x', acknowledged_at = now()")
            )
        results = await asyncio.gather(
            book(db, withdrawal.id, owner, tx_hash=tx),
            book(db, withdrawal.id, clerk, tx_hash=tx),
            claim(db),
            return_exceptions=True,
        )
        for one in results:
            assert not isinstance(one, BaseException) or isinstance(one, Conflict), results
        claimed = results[2] is not None
        status = await status_of(db, withdrawal.id)
        assert status == ("assigned" if claimed else "confirmed")
        async with db.transaction() as session:
            ends = await session.scalar(
                text(
                    "SELECT count(*) FROM withdrawal_history WHERE withdrawal_id = :id"
                    " AND to_status = 'confirmed'"
                ),
                {"id": withdrawal.id},
            )
        assert ends == (0 if claimed else 1)
    await assert_sound(db)


async def test_a_move_to_cold_storage_by_hand_makes_the_address_ours(
    db: Database, owner: Member
) -> None:
    cold = "UQ-our-cold-storage"
    await rich_player(db)
    await left(db, SentPayment("ton", cold, 30 * TON))
    for _ in range(2):
        await book_cold(db, owner)
    async with db.transaction() as session:
        assert await cold_storage.held_units(session, rail="ton") == 30 * TON
        (booking,) = await cold_storage.latest(session, rail="ton")
        assert (booking.units, booking.tx_hash) == (30 * TON, TX)
        with pytest.raises(AddressInvalid, match="own"):
            await house_addresses.require_foreign(session, destination=cold)
        with pytest.raises(IdempotencyConflict):
            await foreign_payments.book_withdrawal(
                session,
                account=HOT_WALLET,
                tx_hash=TX,
                position=0,
                withdrawal_id=(await ask(db, await rich_player(db))).id,
                member=owner,
                now=NOW,
            )
    assert await hot_units(db) == 170 * TON
    await assert_sound(db)


async def test_an_address_of_a_player_never_becomes_cold_storage(
    db: Database, owner: Member
) -> None:
    player = await rich_player(db)
    paid = SentPayment("ton", "UQ-his", TON)
    await left(db, paid)
    saved = await save_address(db, player, paid.to)
    with pytest.raises(IllegalMove, match="cold"):
        await book_cold(db, owner)
    async with db.transaction() as session:
        await saved_addresses.remove(session, player_id=player, address_id=saved.id, now=NOW)
    withdrawal = await ask(db, player, destination=paid.to)
    async with db.transaction() as session:
        await withdrawals.cancel(session, withdrawal_id=withdrawal.id, player_id=player, now=NOW)
    with pytest.raises(IllegalMove, match="cold"):
        await book_cold(db, owner)
    async with db.transaction() as session:
        assert not await cold_storage.addresses(session, rail="ton")
    await ask(db, player, destination=paid.to)


async def test_what_paid_nobody_of_ours_lowers_the_capital_once(
    db: Database, owner: Member
) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    thief = SentPayment("ton", "UQ-thief", 7 * TON)
    junk = SentPayment(None, "UQ-thief", 9)
    await left(db, thief, payment_of(withdrawal), junk)
    assert await book(db, withdrawal.id, owner, position=1)
    lost = []
    for _ in range(2):
        async with db.transaction() as session:
            found = await foreign_payments.book_loss(
                session, account=HOT_WALLET, tx_hash=TX, member=owner, reason="stolen", now=NOW
            )
            lost.append(dict(found))
    assert lost == [{"ton": 7 * TON}, {}]
    assert await hot_units(db) == 100 * TON - withdrawal.net_units - 7 * TON
    async with db.transaction() as session:
        capital = await totals.account_balance(session, Account.HOUSE_CAPITAL, Asset.TON)
        note = await session.scalar(text("SELECT note FROM foreign_payments WHERE what = 'loss'"))
    assert (capital, note) == (-7 * TON, "stolen")
    await assert_sound(db)


async def test_whom_it_paid_may_become_known_later(db: Database, owner: Member) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    async with db.transaction() as session:
        await foreign_sends.note(
            session, rail="ton", account=HOT_WALLET, tx_hash=TX, evidence={"payout_id": 1}, now=NOW
        )
        with pytest.raises(IllegalMove):
            await foreign_payments.book_loss(
                session, account=HOT_WALLET, tx_hash=TX, member=owner, reason="x", now=NOW
            )
    await left(db, payment_of(withdrawal))
    await left(db, SentPayment("ton", DESTINATION, 1))  # what was shown once stays
    async with db.transaction() as session:
        found = await foreign_sends.find(session, mark=TX[:24].upper())
    assert found.payments == (payment_of(withdrawal),)
    assert found.evidence["payout_id"] == 1
    assert await book(db, withdrawal.id, owner)


async def test_claims_wait_until_it_is_acknowledged(db: Database, owner: Member) -> None:
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    await approve(db, withdrawal.id, owner)
    await left(db, SentPayment("ton", "UQ-thief", TON))
    assert await claim(db) is None
    await explain(db, owner)
    payout = await claim(db)
    assert payout is not None
    assert claiming.MEMBERS_MAX > len(payout.members) == 1
