"""Payouts that were mined with another amount: each answer leaves the book where the chain is."""

from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import (
    batches,
    claiming,
    cold_storage,
    moves,
    signing,
    treasury,
    unclear_payments,
)
from casino.cashier.moves import MoveIntent, MoveKind
from casino.cashier.unclear_payments import Answer, Landed
from casino.db import Database
from casino.errors import BadChoice, IdempotencyConflict, IllegalMove, NotFound, NotPermitted
from casino.ledger import totals
from casino.ledger.chart import Account
from casino.money import Asset
from casino.staff.people import Member
from casino.staff.roles import Role
from tests.casino.cashier.cashbox import (
    HOT_WALLET,
    NOW,
    TON,
    approve,
    ask,
    assert_sound,
    make_clerk,
    rich_player,
    signed_payout,
    status_of,
    wallet,
)
from tests.casino.players.races import overlapping

NET = 10 * TON - 50_000_000
_numbers = count(100)


async def landed(db: Database, owner: Member, *, arrived: int, left: int) -> tuple[int, int, int]:
    """A payout whose bytes are final and moved so much; the player, withdrawal and payout."""
    player = await rich_player(db)
    withdrawal = await ask(db, player)
    await approve(db, withdrawal.id, owner)
    payout = await signed_payout(db)
    for expected in (True, False):
        async with db.transaction() as session:
            new = await unclear_payments.note(
                session,
                payout_id=payout.id,
                rail="ton",
                withdrawal_id=withdrawal.id,
                wanted_units=NET,
                landed=Landed("hash", 77, arrived, left),
                now=NOW,
            )
        assert new is expected
    return player, withdrawal.id, payout.id


async def decide(db: Database, payout_id: int, answer: Answer, member: Member) -> None:
    async with db.transaction() as session:
        await unclear_payments.decide(
            session, payout_id=payout_id, answer=answer, member=member, now=NOW
        )


async def answers(db: Database, payout_id: int) -> tuple[Answer, ...]:
    async with db.transaction() as session:
        return (await unclear_payments.get(session, payout_id=payout_id)).answers


async def require_drift(db: Database, *, left: int) -> None:
    """The chain has lost so much of the deposit, and the book says the same."""
    async with db.transaction() as session:
        view = await treasury.hot_wallet_view(session, rail="ton")
    assert view.book_units == 100 * TON - left
    await assert_sound(db)


@pytest.mark.parametrize(
    ("arrived", "left"),
    [(NET - TON, NET), (NET - TON, NET - TON), (NET - TON, NET + TON), (NET + TON, NET + TON)],
)
async def test_accepted_the_difference_is_the_houses(
    db: Database, owner: Member, arrived: int, left: int
) -> None:
    player, withdrawal, payout = await landed(db, owner, arrived=arrived, left=left)
    for _ in range(2):
        await decide(db, payout, Answer.ACCEPTED, owner)
    assert await status_of(db, withdrawal) == "confirmed"
    purse = await wallet(db, player)
    assert (purse.cash, purse.reserved) == (90 * TON, 0)
    async with db.transaction() as session:
        fees = await totals.account_balance(session, Account.HOUSE_NETWORK_FEES, Asset.TON)
        assert not await unclear_payments.waiting(session)
    assert fees == NET - left
    await require_drift(db, left=left)
    with pytest.raises(IdempotencyConflict):
        await decide(db, payout, Answer.MADE_GOOD, owner)


@pytest.mark.parametrize("left", [NET, NET - TON])
async def test_made_good_what_is_missing_returns_to_the_player(
    db: Database, owner: Member, left: int
) -> None:
    player, withdrawal, payout = await landed(db, owner, arrived=NET - TON, left=left)
    for _ in range(2):
        await decide(db, payout, Answer.MADE_GOOD, owner)
    assert await status_of(db, withdrawal) == "confirmed"
    purse = await wallet(db, player)
    assert (purse.cash, purse.reserved) == (91 * TON, 0)
    await require_drift(db, left=left)


@pytest.mark.parametrize("left", [0, NET])
async def test_not_paid_it_may_be_sent_again(db: Database, owner: Member, left: int) -> None:
    player, withdrawal, payout = await landed(db, owner, arrived=0, left=left)
    assert await answers(db, payout) == (Answer.NOT_PAID,), "nothing by which it counts as paid"
    for _ in range(2):
        await decide(db, payout, Answer.NOT_PAID, owner)
    assert await status_of(db, withdrawal) == "dead"
    assert (await wallet(db, player)).reserved == 10 * TON
    await require_drift(db, left=left)


async def test_what_arrived_can_never_be_paid_again(db: Database, owner: Member) -> None:
    _player, withdrawal, payout = await landed(db, owner, arrived=1, left=NET)
    assert Answer.NOT_PAID not in await answers(db, payout)
    with pytest.raises(BadChoice):
        await decide(db, payout, Answer.NOT_PAID, owner)
    assert await status_of(db, withdrawal) == "signed"


async def test_only_those_who_decide_and_not_on_their_own(db: Database, owner: Member) -> None:
    player, _withdrawal, payout = await landed(db, owner, arrived=1, left=NET)
    support = await make_clerk(db, owner, Role.SUPPORT)
    with pytest.raises(NotPermitted):
        await decide(db, payout, Answer.ACCEPTED, support)
    async with db.transaction() as session:
        await session.execute(
            text("UPDATE players SET telegram_id = :his WHERE id = :id"),
            {"his": owner.telegram_id, "id": player},
        )
    with pytest.raises(NotPermitted):
        await decide(db, payout, Answer.ACCEPTED, owner)
    with pytest.raises(NotFound):
        await decide(db, 5, Answer.ACCEPTED, owner)


async def test_a_move_to_cold_storage_that_arrived_short(db: Database, owner: Member) -> None:
    await rich_player(db)
    async with db.transaction() as session:
        payout = await claiming.claim_move(
            session,
            rail="ton",
            account=HOT_WALLET,
            intent=MoveIntent(MoveKind.COLD, HOT_WALLET, "UQ-cold", 60 * TON),
            numbering=claiming.next_query_id,
            created_at=NOW,
            expires_at=None,
            now=NOW,
            plan={},
        )
    assert payout is not None
    async with db.transaction() as session:
        await signing.store_signed(
            session, payout_id=payout.id, signed=b"bytes", tx_hash="hash", now=NOW
        )
        await unclear_payments.note(
            session,
            payout_id=payout.id,
            rail="ton",
            withdrawal_id=None,
            wanted_units=60 * TON,
            landed=Landed("hash", 77, 57 * TON, 60 * TON),
            now=NOW,
        )
    assert await answers(db, payout.id) == (Answer.ACCEPTED,)
    await decide(db, payout.id, Answer.ACCEPTED, owner)
    async with db.transaction() as session:
        assert await cold_storage.held_units(session, rail="ton") == 57 * TON
        assert not await moves.living(session, rail="ton")
    await require_drift(db, left=60 * TON)
    with pytest.raises(IllegalMove):
        async with db.transaction() as session:
            await moves.bury(session, payout_id=payout.id, proof="late", now=NOW)


async def test_an_answer_and_a_sighting_at_once_both_come_through(
    db: Database, owner: Member
) -> None:
    """Whoever sees the payout again locks it and then its withdrawal."""
    _player, withdrawal, payout = await landed(db, owner, arrived=NET - TON, left=NET)

    async def answer(session: AsyncSession) -> None:
        await unclear_payments.decide(
            session, payout_id=payout, answer=Answer.ACCEPTED, member=owner, now=NOW
        )

    await overlapping(
        db,
        lambda session: batches.lock_payout(session, payout),
        answer,
        then=lambda session: batches.lock_members(session, payout_id=payout),
    )
    assert await status_of(db, withdrawal) == "confirmed"
    await assert_sound(db)
