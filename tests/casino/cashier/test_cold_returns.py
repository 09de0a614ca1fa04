"""Coins that come back from cold storage: nobody's deposit, in the book once, whoever says so."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import (
    cold_returns,
    cold_storage,
    deposits,
    house_addresses,
    payouts,
    thresholds,
    treasury,
    unclaimed,
)
from casino.cashier.thresholds import Thresholds
from casino.cashier.unclaimed import ChainDeposit
from casino.db import Database
from casino.errors import AddressInvalid, IllegalMove, NotFound, NotPermitted
from casino.ledger import totals
from casino.ledger.chart import Account, hot_wallet
from casino.money import Asset
from casino.staff.people import Member
from casino.staff.roles import Role
from tests.casino.cashier.cashbox import (
    NOW,
    TON,
    arrive,
    ask,
    assert_sound,
    make_clerk,
    rich_player,
    tag_of,
    transfer,
    wallet,
)
from tests.casino.players.races import overlapping

COLD = "UQ-cold"


@pytest.fixture
async def owner(db: Database, owner: Member) -> Member:
    """Of a house with a hundred coins, forty of them in cold storage."""
    await rich_player(db)
    async with db.transaction() as session:
        await cold_storage.keep_address(session, rail="ton", address=COLD, now=NOW)
        await cold_storage.book_move(
            session, rail="ton", units=40 * TON, reference="1", tx_hash="tx", now=NOW
        )
    return owner


async def hot_and_cold(db: Database) -> tuple[int, int, int]:
    async with db.transaction() as session:
        view = await treasury.hot_wallet_view(session, rail="ton")
        capital = await totals.account_balance(session, Account.HOUSE_CAPITAL, Asset.TON)
        return view.book_units, await cold_storage.held_units(session, rail="ton"), capital


def back(units: int, comment: str | None = None) -> ChainDeposit:
    return replace(transfer(units, comment), sender=COLD, from_cold=True)


async def test_it_is_booked_once_and_is_no_deposit_whatever_its_comment(
    db: Database, owner: Member
) -> None:
    player = await rich_player(db)
    came = back(15 * TON, await tag_of(db, player))
    for _ in range(2):
        await arrive(db, came)
    assert await hot_and_cold(db) == (175 * TON, 25 * TON, 0)
    assert (await wallet(db, player)).cash == 100 * TON
    async with db.transaction() as session:
        assert not await deposits.list_unclaimed(session)
        newest, _first = await cold_storage.latest(session, rail="ton")
        assert (newest.way, newest.units, newest.booked_by) == ("from_cold", 15 * TON, "system")
    await assert_sound(db)
    assert owner


async def test_before_it_is_final_nothing_is_booked(db: Database, owner: Member) -> None:
    await arrive(db, back(15 * TON), final_block=9)
    assert await hot_and_cold(db) == (60 * TON, 40 * TON, 0)
    await arrive(db)
    assert await hot_and_cold(db) == (75 * TON, 25 * TON, 0)
    assert owner


async def test_more_than_the_book_has_there_is_capital(db: Database, owner: Member) -> None:
    await arrive(db, back(50 * TON), back(5 * TON))
    assert await hot_and_cold(db) == (115 * TON, 0, 15 * TON)
    await assert_sound(db)
    assert owner


async def test_people_book_what_was_not_recognised(db: Database, owner: Member) -> None:
    stranger = transfer(12 * TON, None)
    await arrive(db, stranger)
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    for wrong, error in ((clerk, NotPermitted), (owner, NotFound)):
        tx_hash = stranger.tx_hash if wrong is clerk else "another"
        with pytest.raises(error):
            async with db.transaction() as session:
                await cold_returns.book(session, rail="ton", tx_hash=tx_hash, member=wrong, now=NOW)
    async with db.transaction() as session:
        booked = await cold_returns.book(
            session, rail="ton", tx_hash=stranger.tx_hash, member=owner, now=NOW
        )
    assert booked == 12 * TON
    assert await hot_and_cold(db) == (72 * TON, 28 * TON, 0)
    with pytest.raises(NotFound):
        async with db.transaction() as session:
            await cold_returns.book(
                session, rail="ton", tx_hash=stranger.tx_hash, member=owner, now=NOW
            )
    async with db.transaction() as session:
        unclaimed_units = await totals.account_balance(session, Account.HOUSE_UNCLAIMED, Asset.TON)
    assert unclaimed_units == 0
    await assert_sound(db)


async def test_what_is_somebodys_or_not_final_cannot_be_taken(db: Database, owner: Member) -> None:
    player = await rich_player(db)
    his = transfer(3 * TON, await tag_of(db, player))
    adopted, early = transfer(4 * TON, None), transfer(5 * TON, None, block=20)
    await arrive(db, his, adopted, early, final_block=19)
    async with db.transaction() as session:
        (waiting,) = await deposits.list_unclaimed(session)
        await treasury.adopt_unclaimed(session, unclaimed_id=waiting.id, actor="staff:1", now=NOW)
    for tx_hash, error in (
        (his.tx_hash, NotFound),
        (adopted.tx_hash, NotFound),
        (early.tx_hash, IllegalMove),
    ):
        with pytest.raises(error):
            async with db.transaction() as session:
                await cold_returns.book(session, rail="ton", tx_hash=tx_hash, member=owner, now=NOW)
    with pytest.raises(IllegalMove):
        async with db.transaction() as session:
            await cold_returns.book_unclaimed(
                session, unclaimed_id=waiting.id, member=owner, now=NOW
            )


async def test_what_only_arrived_is_in_no_book_until_people_say(
    db: Database, owner: Member
) -> None:
    """On chains where the owner's capital is booked by hand."""
    came = replace(transfer(8 * TON, None), to_hot=True)
    await arrive(db, came)
    assert await hot_and_cold(db) == (60 * TON, 40 * TON, 0)
    async with db.transaction() as session:
        (listed,) = await unclaimed.list_waiting(session, before_id=None, limit=9)
        assert (listed.units, listed.reason) == (8 * TON, "at_hot_wallet")
        await cold_returns.book(session, rail="ton", tx_hash=came.tx_hash, member=owner, now=NOW)
    assert await hot_and_cold(db) == (68 * TON, 32 * TON, 0)
    await assert_sound(db)


async def test_cold_storage_is_an_address_of_ours_for_ever(db: Database, owner: Member) -> None:
    async with db.transaction() as session:
        with pytest.raises(AddressInvalid) as refused:
            await house_addresses.require_foreign(session, destination=COLD)
        assert refused.value.data["reason"] == "own"
        assert COLD in (await house_addresses.read(session)).accounts
        await house_addresses.require_foreign(session, destination=COLD, with_cold=False)
    assert owner


async def test_what_thresholds_name_is_not_forgotten_and_the_rest_is_anybodys_again(
    db: Database, owner: Member
) -> None:
    clerk = await make_clerk(db, owner, Role.PAYMENTS)
    set_on = partial(thresholds.change, rail="ton", actor="staff:1", now=NOW)
    async with db.transaction() as session:
        await set_on(session, thresholds=Thresholds(1, 2, 3, COLD))
    forget = partial(cold_storage.forget_address, address=COLD, now=NOW)
    for member, error in ((owner, IllegalMove), (clerk, NotPermitted)):
        with pytest.raises(error):
            async with db.transaction() as session:
                await forget(session, member=member)
    async with db.transaction() as session:
        assert [one.in_force for one in await cold_storage.known(session)] == [True]
        await set_on(session, thresholds=None)
        await forget(session, member=owner)
    async with db.transaction() as session:
        assert not await cold_storage.known(session)
        assert await cold_storage.held_units(session, rail="ton") == 40 * TON, "as it was booked"
        line = await session.scalar(
            text("SELECT before FROM audit_log WHERE action = 'treasury.cold_address_forgotten'")
        )
        assert line == {"address": COLD, "rails": ["ton"]}
        with pytest.raises(NotFound):
            await forget(session, member=owner)
    withdrawal = await ask(db, await rich_player(db), destination=COLD)
    assert withdrawal.destination == COLD
    await assert_sound(db)


@pytest.mark.parametrize("first", ["named", "forgotten"])
async def test_an_address_that_is_named_and_forgotten_at_once_stays_known(
    db: Database, owner: Member, first: str
) -> None:
    async with db.transaction() as session:
        await cold_storage.keep_address(session, rail="ton", address="UQ-new", now=NOW)
    done = asyncio.Event()

    async def name() -> None:
        async with db.transaction() as session:
            wanted = Thresholds(1, 2, 3, "UQ-new")
            await thresholds.change(
                session, rail="ton", thresholds=wanted, actor="staff:1", now=NOW
            )
            await hold(first == "named")

    async def forget() -> None:
        async with db.transaction() as session:
            await cold_storage.forget_address(session, address="UQ-new", member=owner, now=NOW)
            await hold(first == "forgotten")

    async def hold(mine: bool) -> None:
        if mine:
            done.set()
            await asyncio.sleep(0.3)

    early, late = (name, forget) if first == "named" else (forget, name)
    task = asyncio.create_task(early())
    await done.wait()
    if first == "named":
        with pytest.raises(IllegalMove):
            await late()
    else:
        await late()
    await task
    async with db.transaction() as session:
        assert "UQ-new" in await cold_storage.addresses(session)


@pytest.mark.usefixtures("owner")
async def test_moves_both_ways_at_once_take_turns_at_the_house_alone(
    db: Database,
) -> None:
    """Whoever books a page, or what people say of a transaction, may hold the house before."""
    way = {"rail": "ton", "units": TON, "tx_hash": "tx", "now": NOW}
    await overlapping(
        db,
        lambda session: payouts.book_network_fee(
            session, rail="ton", units=1, reference="fee", now=NOW
        ),
        lambda session: cold_storage.book_move(session, reference="there", **way),
        then=lambda session: cold_storage.book_return(
            session, reference="back", source=Account.HOUSE_UNCLAIMED, **way
        ),
    )
    assert (await hot_and_cold(db))[1] == 40 * TON


@pytest.mark.usefixtures("owner")
async def test_two_returns_at_once_take_from_cold_storage_what_is_there(
    db: Database,
) -> None:
    def came(reference: str) -> Callable[[AsyncSession], Awaitable[bool]]:
        return lambda session: cold_storage.book_return(
            session,
            rail="ton",
            units=30 * TON,
            reference=reference,
            tx_hash="tx",
            source=hot_wallet("ton"),
            now=NOW,
        )

    assert await overlapping(db, came("1"), came("2"))
    _hot, cold, capital = await hot_and_cold(db)
    assert (cold, capital) == (0, 20 * TON)
