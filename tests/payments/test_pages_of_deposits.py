"""Many deposits booked together: each as if it were alone, all of them or none, each once."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text

from casino import outbox
from casino.cashier import blocks, crediting, unclaimed
from casino.clock import Window, utc_now
from casino.db import Database
from casino.errors import IdempotencyConflict
from casino.ledger import journal
from casino.players import facts, limits
from casino.players.rules import LimitKind
from payments import follower
from payments.chains.blocks import Header, Incoming
from tests.factories import USDT
from tests.payments.followed import ENOUGH, FollowedHouse
from tests.payments.simulated import SimulatedChain, pay

HUNDRED = 100 * USDT
EUR = 10**6


@dataclass
class Stammering(SimulatedChain):
    """Tells every payment so often, the later ones with so many units more."""

    times: int = 2
    more: int = 0
    from_height: int = 0
    """Says again what older blocks brought, from here on."""
    told: list[Incoming] = field(default_factory=list)

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        found = list(await super().incoming(headers, watched))
        again = [
            replace(one, units=one.units + self.more)
            for one in found
            for _ in range(self.times - 1)
        ]
        if self.from_height and headers and headers[-1].height >= self.from_height:
            found, self.told = self.told + found, []
        self.told += found
        return found + again


async def stammering(db: Database, **said: int) -> tuple[FollowedHouse, Stammering]:
    chain = Stammering(**said)
    house = FollowedHouse(db, chain)
    await house.open()
    return house, chain


@pytest.fixture
def chain() -> SimulatedChain:
    return SimulatedChain()


@pytest.fixture
async def house(db: Database, chain: SimulatedChain) -> FollowedHouse:
    house = FollowedHouse(db, chain)
    await house.open()
    return house


async def lines(house: FollowedHouse, player_id: int) -> list[tuple[int, str | None, str]]:
    """The history of a player's deposits: units, from and to."""
    async with house.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT d.units, h.from_status, h.to_status FROM deposit_history h"
                " JOIN deposits d ON d.id = h.deposit_id WHERE d.player_id = :id ORDER BY h.id"
            ),
            {"id": player_id},
        )
        return [(units, before, after) for units, before, after in rows]


async def news(house: FollowedHouse, player_id: int) -> list[tuple[str, int]]:
    """What a player was told in his chat, with the amounts, in order."""
    async with house.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT kind, (payload->'amount'->>'units')::bigint FROM outbox"
                " WHERE consumer = 'player' AND key = :id ORDER BY id"
            ),
            {"id": player_id},
        )
        return [(kind, units) for kind, units in rows]


async def height_of(house: FollowedHouse) -> int:
    async with house.database.transaction() as session:
        place = await blocks.read_place(session, chain=house.chain.name)
    assert place is not None
    return place.top.height


async def test_deposits_of_one_page_use_up_a_limit_in_the_order_of_the_chain(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    other, elsewhere = await house.player()
    async with house.database.transaction() as session:
        await limits.set_limit(
            session,
            player_id=player,
            kind=LimitKind.DEPOSIT,
            window=Window.DAY,
            units=140 * EUR,
            now=utc_now(),
        )
    units = [60 * USDT, 100 * USDT, 90 * USDT]
    chain.mine(*(pay(address, one) for one in units), pay(elsewhere, HUNDRED), empty=ENOUGH)
    await house.step()
    told = await house.deposits(player)
    # 54 and 81 EUR fit; the 90 EUR between them do not.
    assert [(one.units, one.status) for one in told] == [
        (60 * USDT, "credited"),
        (100 * USDT, "held"),
        (90 * USDT, "credited"),
    ]
    assert await news(house, player) == [
        *(("deposit.seen", one) for one in units),
        ("deposit.credited", units[0]),
        ("deposit.held", units[1]),
        ("deposit.credited", units[2]),
    ]
    assert (await house.wallet(player)).cash == 150 * USDT
    assert (await house.wallet(other)).cash == HUNDRED
    async with house.database.transaction() as session:
        counted = (await facts.load_one(session, player_id=player)).counters
    assert counted.day.deposited == 135 * EUR
    await house.require_sound()


async def test_dust_of_one_page_adds_up_to_what_may_be_played(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    dust = [2 * USDT, 2 * USDT, 3 * USDT, 1 * USDT]
    chain.mine(*(pay(address, one) for one in dust), empty=chain.final_after)
    await house.step()
    told = await house.deposits(player)
    assert [one.status for one in told] == ["credited"] * 3 + ["below_minimum"]
    assert all(one.final_at is not None for one in told)
    assert [kind for kind, _ in await news(house, player)] == [
        *["deposit.seen"] * 4,
        *["deposit.below_minimum"] * 2,
        *["deposit.credited"] * 3,
        "deposit.below_minimum",
    ]
    assert (2 * USDT, "seen", "below_minimum") in await lines(house, player)
    assert (await house.wallet(player)).withdrawable == 7 * USDT
    chain.mine(pay(address, 4 * USDT), empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == 12 * USDT
    await house.require_sound()


async def test_many_small_deposits_of_one_page_are_one_large_risk(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    chain.mine(*(pay(address, 400 * USDT) for _ in range(4)), empty=ENOUGH)
    await house.step()
    # The tier ends at a thousand: the third of them would be above it.
    assert [one.status for one in await house.deposits(player)] == [
        "credited",
        "credited",
        "confirming",
        "confirming",
    ]
    wallet = await house.wallet(player)
    assert (wallet.cash, wallet.withdrawable) == (800 * USDT, 0)
    await house.require_sound()
    chain.mine(empty=chain.final_after)
    await house.step()
    assert (await house.wallet(player)).withdrawable == 1_600 * USDT
    await house.require_sound()


async def test_three_times_the_deposits_take_no_more_statements(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    people = [await house.player() for _ in range(4)]
    stored = []

    async def statements(payments: int) -> int:
        for number in range(payments):
            chain.mine(pay(people[number % 4][1], 10 * USDT))
        chain.mine(pay("address7", HUNDRED), empty=ENOUGH)
        stored.clear()
        await house.step()
        return len(stored)

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        stored.append(statement)

    await statements(1)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        some, many = await statements(25), await statements(75)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert many <= some
    assert len(await house.told(outbox.STAFF)) == 3
    await house.require_sound()


async def test_one_transfer_told_twice_in_a_page_is_one(db: Database) -> None:
    house, chain = await stammering(db, times=3)
    player, address = await house.player()
    again = pay(address, HUNDRED)
    chain.mine(again, pay(address, HUNDRED), pay("address5", HUNDRED), empty=1)
    await house.step()
    chain.fork(2)
    chain.mine(empty=1)
    chain.mine(again, empty=ENOUGH)
    await house.step()
    told = await house.deposits(player)
    assert [one.status for one in told] == ["credited", "orphaned"]
    assert (await house.wallet(player)).cash == HUNDRED
    assert (await house.told(outbox.STAFF)).count("deposit.unclaimed") == 1
    await house.require_sound()


@pytest.mark.parametrize("to", ["somebody", "nobody"])
async def test_one_that_contradicts_itself_in_a_page_leaves_nothing_of_it(
    db: Database, to: str
) -> None:
    house, chain = await stammering(db)
    player, address = await house.player()
    chain.mine(pay(address, HUNDRED), empty=ENOUGH)
    await house.step()
    before = await height_of(house)
    chain.mine(pay(address, HUNDRED), pay(address if to == "somebody" else "address5", 7 * USDT))
    chain.more = 1
    with pytest.raises(IdempotencyConflict):
        await house.step()
    assert await height_of(house) == before
    assert len(await house.deposits(player)) == 1
    chain.more = 0
    await house.step()
    assert await height_of(house) == chain.height
    await house.require_sound()


async def test_one_told_again_in_a_later_page_contradicts_its_own_block(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "PAGE_BLOCKS", 3)
    house, chain = await stammering(db, times=1)
    player, address = await house.player()
    first = chain.mine(pay(address, HUNDRED), empty=2)
    await house.step()
    assert len(await house.deposits(player)) == 1
    chain.from_height = first + 1
    chain.mine(pay(address, HUNDRED))
    # The same words as before, about the same block: nothing new.
    await house.step()
    assert len(await house.deposits(player)) == 2
    chain.told = [replace(chain.told[-1], block_hash="another")]
    chain.mine(pay(address, HUNDRED))
    with pytest.raises(IdempotencyConflict):
        await house.step()
    assert len(await house.deposits(player)) == 2
    await house.require_sound()


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (journal, "post_all"),
        (crediting, "move_all"),
        (crediting, "note_all"),
        (outbox, "write_all"),
        (unclaimed, "keep_all"),
        (facts, "store_counters_of"),
    ],
)
async def test_a_crash_between_any_two_statements_leaves_nothing(
    house: FollowedHouse,
    chain: SimulatedChain,
    monkeypatch: pytest.MonkeyPatch,
    part: object,
    name: str,
) -> None:
    player, address = await house.player()
    before = await height_of(house)
    paid = [pay(address, HUNDRED), pay(address, 2 * USDT), pay("address5", HUNDRED)]
    chain.mine(*paid, empty=chain.final_after)
    works = getattr(part, name)
    for after in (False, True):

        async def crash(*given: object, after: bool = after, **named: object) -> None:
            if after:
                await works(*given, **named)
            raise ConnectionError

        monkeypatch.setattr(part, name, crash)
        with pytest.raises(ConnectionError):
            await house.step()
        assert await house.deposits(player) == []
        assert await height_of(house) == before
    monkeypatch.setattr(part, name, works)
    await house.step()
    assert [one.status for one in await house.deposits(player)] == ["credited", "below_minimum"]
    assert (await house.wallet(player)).withdrawable == HUNDRED
    await house.require_sound()


async def test_ids_rise_with_the_order_of_the_chain(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    amounts = [(10 + number) * USDT for number in range(30)]
    for units in amounts:
        chain.mine(pay(address, units))
    await house.step()
    assert [one.units for one in await house.deposits(player)] == amounts
    assert all(one.seen_at > utc_now() - timedelta(hours=1) for one in await house.deposits(player))


async def test_a_block_on_top_of_ours_is_known_from_the_tip_alone(
    house: FollowedHouse, chain: SimulatedChain
) -> None:
    player, address = await house.player()
    await house.step()
    chain.asked.clear()
    await house.step()
    assert chain.asked == ["tip"]
    chain.mine(pay(address, HUNDRED))
    await house.step()
    assert chain.asked == ["tip", "tip", "incoming"]
    assert len(await house.deposits(player)) == 1
    chain.fork(1)
    chain.mine(empty=1)
    await house.step()
    assert [one.status for one in await house.deposits(player)] == ["orphaned"]
