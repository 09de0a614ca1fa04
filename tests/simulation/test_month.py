"""Short months from a few seeds: the house does what the model foretells, and does it again."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from casino.money import Asset
from tests.servers import TEMPLATE, asyncpg_url, in_database
from tests.simulation.faults import Point
from tests.simulation.model import CASH, Wish
from tests.simulation.month import Month, first_day
from tests.simulation.run import Outcome, simulate
from tests.simulation.world import SimulationFailed, World, open_world

# One worker: the last test adds up what the seeds before it met.
pytestmark = pytest.mark.xdist_group("simulation")

SEEDS = (1, 2, 3)
DAYS, STEPS = 3, 110
# What a month that deserves its name has seen, refused or not.
SEEN = (
    *("bet", "open", "act", "cash_out", "rotate", "debit", "credit", "rollback", "limit"),
    *("bet refused", "open refused", "debit refused", "switch", "quote", "exclude"),
    *("deposit.arrive", "deposit.confirm", "deposit.faucet", "deposit.resolve"),
    *("withdrawal.ask", "withdrawal.ask refused", "withdrawal.approve", "withdrawal.claim"),
    *("withdrawal.signed", "withdrawal.broadcast", "withdrawal.end"),
)
INJECTED: Counter[Point] = Counter()
HAPPENED: Counter[str] = Counter()
DIGESTS: set[str] = set()

Play = Callable[[int, int], Awaitable[Outcome]]


@asynccontextmanager
async def _fresh(postgres_dsn: str, administrator: asyncpg.Connection) -> AsyncIterator[str]:
    name = f"simulation_{random.getrandbits(64):x}"
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield asyncpg_url(in_database(postgres_dsn, name))
    finally:
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def play(postgres_dsn: str, administrator: asyncpg.Connection) -> Play:
    """Run a seed in a database of its own."""

    async def run(seed: int, days: int) -> Outcome:
        async with _fresh(postgres_dsn, administrator) as url:
            return await simulate(url, seed=seed, days=days, steps_a_day=STEPS)

    return run


@pytest.fixture
async def world(postgres_dsn: str, administrator: asyncpg.Connection) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_fresh(postgres_dsn, administrator))
        yield await stack.enter_async_context(
            open_world(url, seed=7, start=first_day(1), fault_share=0)
        )


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_house_does_what_the_model_foretells(play: Play, seed: int) -> None:
    outcome = await play(seed, DAYS)
    assert not outcome.failure, outcome.failure
    INJECTED.update(outcome.injected)
    HAPPENED.update(outcome.deeds)
    assert outcome.digest not in DIGESTS
    DIGESTS.add(outcome.digest)


async def test_the_seeds_met_every_deed_and_every_fault() -> None:
    """The runs above would prove nothing in a house where nothing happens."""
    assert [point for point in Point if not INJECTED[point]] == []
    assert [deed for deed in SEEN if not HAPPENED[deed]] == []


async def test_a_seed_gives_the_same_month_twice(play: Play) -> None:
    first, second = await play(11, 2), await play(11, 2)
    assert not first.failure, first.failure
    assert (first.digest, first.events) == (second.digest, second.events)
    assert first.injected == second.injected


async def test_money_from_nowhere_is_found_at_the_next_step(world: World) -> None:
    async def play() -> None:
        async for _ in Month(world, days=2, steps_a_day=20).run():
            await world.administrator.execute("UPDATE wallets SET cash = cash + 1")

    with pytest.raises(SimulationFailed, match="a wallet"):
        await play()


async def test_a_limit_that_the_house_forgot_is_found(world: World) -> None:
    """The model holds a limit that the house does not know: no bet may go through now."""
    month = Month(world, days=1, steps_a_day=2)
    async for _ in month.run():
        pass
    person = next(p for p in month.model.people if month.model.purse(p, CASH, Asset.TON))
    person.limits["stake", "day"] = Wish(1)

    async def bet() -> None:
        for _ in range(50):
            await month.guests.do(person, "bet")

    with pytest.raises(SimulationFailed, match="limit_reached"):
        await bet()
