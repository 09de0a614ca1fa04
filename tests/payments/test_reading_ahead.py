"""Reading ahead: what was read is used on its own block only, and nothing is left running."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from casino.cashier import blocks
from casino.cashier import following as cashier
from casino.cashier.coins import CoinMoves
from casino.db import Database
from casino.errors import OutsideUnavailable
from payments import follower
from payments.chains.blocks import Header, Incoming, Watched
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
    chain.mine(empty=2 * PAGE + 1)
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


class CoinsInOrder:
    """Stands for our coins: notes how far the book was when blocks were read for them."""

    hot_wallet = "hot"

    def __init__(self, chain: SimulatedChain) -> None:
        self.chain = chain
        self.read_on: list[tuple[int, int]] = []

    async def read(
        self, database: Database, headers: Sequence[Header], watched: Watched
    ) -> tuple[Sequence[Incoming], CoinMoves]:
        async with database.transaction() as session:
            place = await blocks.read_place(session, chain=self.chain.name)
        assert place is not None
        if headers:
            self.read_on.append((place.top.height, headers[0].height))
        return await self.chain.incoming(headers, watched), None  # type: ignore[return-value]


async def test_our_coins_are_read_only_where_the_blocks_below_are_booked(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "PAGE_BLOCKS", PAGE)
    monkeypatch.setattr(follower.Follower, "_fill_pool", nothing_to_fill)
    chain = SimulatedChain()
    house = FollowedHouse(db, chain)
    coins = CoinsInOrder(chain)
    house.follower.followed = replace(house.follower.followed, coins=coins)
    await house.open()
    chain.mine(empty=3 * PAGE)
    await house.step()
    assert len(coins.read_on) == 4
    assert all(first == top + 1 for top, first in coins.read_on)


async def nothing_to_fill(_follower: follower.Follower) -> None:
    """The rail stays as it is."""
