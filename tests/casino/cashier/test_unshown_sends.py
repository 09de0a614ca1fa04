"""Sends of which only the nonce is known: searched where they must lie, shown once, never guessed."""

import asyncio

import pytest
from sqlalchemy import text

from casino.cashier import foreign_sends, unshown_sends
from casino.cashier.foreign_sends import PAID
from casino.cashier.unshown_sends import BLOCKS_MAX, Unshown
from casino.db import Database
from casino.errors import NotFound
from casino.staff.people import Member
from tests.casino.cashier.cashbox import (
    HOT_WALLET,
    NOW,
    approve,
    ask,
    rich_player,
    sent,
    status_of,
)
from tests.casino.cashier.foreign import explain, left, payment_of

REAL = "0x" + "ef" * 32


async def noted(db: Database, nonce: int) -> None:
    await left(db, tx_hash=unshown_sends.name_of(nonce), evidence={"nonce": nonce})


async def unshown(db: Database) -> list[Unshown]:
    async with db.transaction() as session:
        return list(await unshown_sends.unshown(session, rail="ton"))


async def paid_before(db: Database, *, nonce: int, since_height: int) -> None:
    async with db.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO payouts (rail, account, replay_number, created_at, since_height,"
                " claimed_at, closed_at) VALUES ('ton', :account, :nonce, :at, :since, :at, :at)"
            ),
            {"account": HOT_WALLET, "nonce": nonce, "since": since_height, "at": NOW},
        )


async def show(db: Database, search: Unshown, *paid: foreign_sends.SentPayment) -> bool:
    async with db.transaction() as session:
        return await unshown_sends.shown(
            session,
            search=search,
            tx_hash=REAL,
            evidence={"nonce": search.nonce, PAID: [one.as_evidence() for one in paid]},
            now=NOW,
        )


async def test_a_search_begins_after_the_last_payout_before_it_and_goes_on_where_it_was(
    db: Database,
) -> None:
    await paid_before(db, nonce=4, since_height=100)
    await paid_before(db, nonce=6, since_height=200)
    await paid_before(db, nonce=9, since_height=300)
    for nonce in (7, 8, 5):
        await noted(db, nonce)
    found = await unshown(db)
    assert [(one.nonce, one.first, one.last) for one in found] == [
        (5, 101, None),
        (7, 201, None),
        (8, 201, None),
    ]
    begun = [one.until(5_000) for one in found]
    async with db.transaction() as session:
        await unshown_sends.read_to(session, searches=begun[:2], height=1_200)
    assert [(one.first, one.last) for one in await unshown(db)] == [
        (1_201, 5_000),
        (1_201, 5_000),
        (201, None),
    ]
    async with db.transaction() as session:
        await unshown_sends.read_to(session, searches=begun, height=5_000)
    assert await unshown(db) == []
    assert found[0].until(BLOCKS_MAX + 5_000).first == 5_000, "no search without an end"


async def test_what_is_shown_is_told_and_kept_once(house: Database) -> None:
    db = house
    withdrawal = await ask(db, await rich_player(db))
    await noted(db, 7)
    (search,) = await unshown(db)
    paid = payment_of(withdrawal)
    news = await asyncio.gather(*(show(db, search, paid) for _ in range(2)))
    assert sorted(news) == [False, True]
    assert not await show(db, search)
    assert (await sent(db, "staff", 0)).count("alert.foreign_send_shown") == 1
    assert await unshown(db) == []
    async with db.transaction() as session:
        await unshown_sends.read_to(session, searches=[search.until(9)], height=9)
        for mark in ("nonce 7", REAL, REAL.upper()):
            send = await foreign_sends.find(session, mark=mark)
            assert (send.tx_hash, send.chain_hash, send.payments) == ("nonce 7", REAL, (paid,))
            assert not unshown_sends.is_searched_for(send)
        with pytest.raises(NotFound):
            await foreign_sends.find(session, mark=REAL[:-1])


async def test_what_was_explained_before_it_was_shown_is_looked_at_again(
    db: Database, owner: Member
) -> None:
    withdrawal = await ask(db, await rich_player(db))
    other = await ask(db, await rich_player(db))
    await noted(db, 7)
    await explain(db, owner, "nonce 7")
    for one in (withdrawal, other):
        await approve(db, one.id, owner)
    (search,) = await unshown(db)
    paid = foreign_sends.SentPayment("ton", withdrawal.destination, withdrawal.net_units)
    assert await show(db, search, paid)
    assert await status_of(db, withdrawal.id) == "in_review"


async def test_a_nonce_is_not_taken_for_one_that_begins_like_it(
    db: Database, owner: Member
) -> None:
    await noted(db, 70)
    await noted(db, 7)
    await explain(db, owner, "nonce 7")
    async with db.transaction() as session:
        found = await foreign_sends.find(session, mark="nonce 7")
    assert found.tx_hash == "nonce 7"
