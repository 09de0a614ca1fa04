"""What every chain of the registry that is read by accounts promises, checked on its real node.

Chains that are followed by blocks: `test_every_followed_chain.py`."""

import inspect
from collections.abc import AsyncIterator

import pytest

from casino.cashier.rails import DEFAULTS
from casino.db import transaction_open
from casino.errors import NetworkInsideTransaction, OutsideUnavailable
from payments.chains.base import Chain, Outcome, Position
from payments.chains.ton_wallet import Payment
from payments.registry import CHAINS, ChainEntry, chain_entry
from tests.payments.conftest import TON, World

pytestmark = pytest.mark.chain


@pytest.fixture(params=CHAINS, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> ChainEntry:
    """Every line of the registry in turn."""
    return request.param


@pytest.fixture
async def chain(
    world: World, entry: ChainEntry, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Chain]:
    """The chain as its own settings build it, pointed at the local node."""
    monkeypatch.setenv("TON_TONCENTER_URL", world.node.url)
    monkeypatch.setenv("TON_REQUESTS_PER_SECOND", "1000")
    chain = entry.build()
    yield chain
    await chain.close()


def test_its_rails_are_rails_of_the_cashier(entry: ChainEntry) -> None:
    offered = {rail.name: rail.chain for rail in DEFAULTS}
    assert entry.rails
    assert all(offered[rail] == entry.name for rail in entry.rails)
    assert chain_entry(entry.name) is entry


async def test_it_speaks_the_protocol(entry: ChainEntry, chain: Chain) -> None:
    assert chain.name == entry.name
    for name, promised in inspect.getmembers(Chain, inspect.iscoroutinefunction):
        given = getattr(type(chain), name)
        assert inspect.iscoroutinefunction(given)
        assert list(inspect.signature(given).parameters) == list(
            inspect.signature(promised).parameters
        )


async def test_its_head_moves_and_never_back(chain: Chain, world: World) -> None:
    before = await chain.head()
    await world.node.mine(2)
    after = await chain.head()
    assert after.block == before.block + 2
    assert after.at >= before.at


async def test_an_empty_account_has_an_empty_page(chain: Chain, world: World) -> None:
    head = await chain.head()
    page = await chain.page(world.account, after=Position(), head=head, limit=10)
    assert (page.transfers, page.fees, page.position, page.more) == ((), (), Position(), False)
    state = await chain.account(world.account)
    assert (state.units, state.lt, state.active) == (0, 0, False)


@pytest.mark.parametrize("units", [1, TON, 10**17], ids=["least", "one", "much"])
async def test_amounts_arrive_to_the_unit(chain: Chain, world: World, units: int) -> None:
    await world.node.faucet(world.account, units)
    page = await chain.page(world.account, after=Position(), head=await chain.head(), limit=10)
    assert [one.units for one in page.transfers] == [units]


async def test_sending_tells_three_outcomes_apart(chain: Chain, world: World) -> None:
    await world.node.faucet(world.account, 10 * TON)
    payout = await world.payout([Payment(world.person.address.friendly(), TON, "")])
    await world.node.fault(http500=1)
    assert await chain.broadcast(payout.signed) is Outcome.UNKNOWN
    assert await chain.broadcast(payout.signed) is Outcome.SUCCEEDED
    await world.node.mine()
    assert await chain.broadcast(payout.signed) is Outcome.FAILED
    verdict = await chain.judge(payout, head=await chain.head())
    assert [one.outcome for one in verdict.members] == [Outcome.SUCCEEDED]


async def test_trouble_is_raised_and_never_an_answer(chain: Chain, world: World) -> None:
    head = await chain.head()
    payout = await world.payout([Payment(world.person.address.friendly(), TON, "")])
    for call in (
        chain.head,
        lambda: chain.account(world.account),
        lambda: chain.page(world.account, after=Position(), head=head, limit=10),
        lambda: chain.judge(payout, head=head),
    ):
        await world.node.fault(http500=1)
        with pytest.raises(OutsideUnavailable):
            await call()


async def test_it_never_calls_from_inside_a_transaction(chain: Chain) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await chain.head()
