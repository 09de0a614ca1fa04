"""Reading ahead: what was read is used on its own block only, and nothing is left running."""

import asyncio

import pytest

from casino.cashier import following as cashier
from casino.db import Database
from casino.errors import OutsideUnavailable
from payments import follower
from payments.reading_ahead import Read, ReadingAhead
from tests.factories import USDT
from tests.payments.followed import FollowedHouse
from tests.payments.simulated import SimulatedChain, pay

NOTHING = Read((), ())
PAGE = 5


async def read() -> Read | None:
    return NOTHING


async def fail() -> Read | None:
    raise OutsideUnavailable(source="test", reason="told to")


async def test_what_was_read_is_given_once_and_for_its_own_block_only() -> None:
    ahead = ReadingAhead()
    ahead.begin("a", read())
    assert await ahead.take("a") is NOTHING
    assert await ahead.take("a") is None
    ahead.begin("a", read())
    assert await ahead.take("b") is None
    assert await ahead.take("a") is None


async def test_trouble_is_raised_to_whoever_wanted_it_and_to_nobody_else() -> None:
    ahead = ReadingAhead()
    ahead.begin("a", fail())
    with pytest.raises(OutsideUnavailable):
        await ahead.take("a")
    ahead.begin("a", fail())
    await asyncio.sleep(0)
    await ahead.stop()


async def test_stopping_ends_what_runs() -> None:
    ended = asyncio.Event()

    async def endless() -> Read | None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return None

    ahead = ReadingAhead()
    ahead.begin("a", endless())
    await asyncio.sleep(0)
    await ahead.stop()
    assert ended.is_set()


async def test_the_next_stretch_is_read_while_one_is_booked(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "PAGE_BLOCKS", PAGE)
    chain = SimulatedChain()
    house = FollowedHouse(db, chain)
    await house.open()
    chain.mine(empty=2 * PAGE)
    read_meanwhile = []
    book = cashier.book

    async def slow_book(*given: object, **named: object) -> object:
        before = chain.asked.count("headers")
        await asyncio.sleep(0.2)
        read_meanwhile.append(chain.asked.count("headers") - before)
        return await book(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(cashier, "book", slow_book)
    await house.step()
    # Three stretches: the third has nothing behind it.
    assert read_meanwhile == [1, 1, 0]
    await house.require_sound()


async def test_what_was_read_ahead_on_a_branch_that_is_lost_is_never_booked(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "PAGE_BLOCKS", PAGE)
    chain = SimulatedChain()
    house = FollowedHouse(db, chain)
    await house.open()
    player, address = await house.player()
    chain.mine(empty=PAGE)
    chain.mine(pay(address, 100 * USDT), empty=2)
    book, forked = cashier.book, False

    async def book_and_fork(*given: object, **named: object) -> object:
        nonlocal forked
        await asyncio.sleep(0.2)  # the next stretch, with the payment, is read by now
        if not forked:
            forked = True
            chain.fork(chain.height)
            chain.mine(empty=PAGE + 6)
        return await book(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(cashier, "book", book_and_fork)
    await house.step()
    await house.step()
    await house.step()
    told = await house.deposits(player)
    assert [deposit.status for deposit in told] in ([], ["orphaned"])
    assert (await house.wallet(player)).cash == 0
    await house.require_sound()
