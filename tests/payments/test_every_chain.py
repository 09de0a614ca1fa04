"""What every chain of the registry that is read by accounts promises, checked on its real node.

Chains that are followed by blocks: `test_every_followed_chain.py`."""

import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from casino.cashier.rails import DEFAULTS, TON, USDT_TON
from casino.db import transaction_open
from casino.errors import NetworkInsideTransaction, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.base import Chain, Glimpse, Outcome, Position, SentPayout
from payments.chains.ton_jetton_payout import build_jetton_payout
from payments.chains.ton_wallet import Payment
from payments.config import TonSettings
from payments.registry import CHAINS, ChainEntry, chain_entry
from payments.rpc import Toncenter
from sandbox.ton.jetton import LocalJetton
from sandbox.ton.wallet import PersonWallet
from tests.payments.conftest import TON as COINS
from tests.payments.conftest import World

pytestmark = pytest.mark.chain


@pytest.fixture(params=CHAINS, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> ChainEntry:
    """Every line of the registry in turn."""
    return request.param


@dataclass
class Place:
    """A chain as its own settings build it, an account of ours on it, and how to pay into it."""

    chain: Chain
    account: str
    world: World
    jetton: LocalJetton | None

    async def arrive(self, units: int) -> None:
        """Units of what the chain moves come to our account."""
        if self.jetton is None:
            await self.world.node.faucet(self.world.account, units)
            return
        await self.jetton.mint(self.world.account, units)
        await self.world.node.mine()

    async def payout(self, payment: Payment) -> SentPayout:
        """A signed payout that was not sent yet."""
        payout = await self.world.payout([payment])
        if self.jetton is None:
            return payout
        signed = build_jetton_payout(
            self.world.wallet,
            parse_ton(self.account),
            [payment],
            query_id=payout.query_id,
            created_at=int(payout.created_at.timestamp()),
            deploy=True,
            sign=lambda digest: self.world.key.sign(digest).signature,
        )
        return SentPayout(
            payout_id=payout.payout_id,
            account=self.account,
            signed=signed.boc,
            query_id=payout.query_id,
            created_at=payout.created_at,
            expires_at=payout.expires_at,
            members=payout.members,
        )


@pytest.fixture
async def place(
    world: World, entry: ChainEntry, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Place]:
    """The chain as its own settings build it, pointed at the local node."""
    monkeypatch.setenv("TON_TONCENTER_URL", world.node.url)
    monkeypatch.setenv("TON_REQUESTS_PER_SECOND", "1000")
    jetton = None
    if entry.name == USDT_TON:
        issuer = PersonWallet(world.rpc, f"issuer for {request.node.name}")
        await world.node.faucet(issuer.address.raw, 1000 * COINS)
        jetton = LocalJetton(world.rpc, issuer)
        await jetton.deploy()
        await world.node.mine()
        monkeypatch.setenv("TON_JETTON_MASTER", jetton.master.friendly())
    settings = TonSettings()
    # A client of its own: closing the chain closes it, and processes share one for their lives.
    rpc = Toncenter(url=settings.toncenter_url, api_key="", requests_per_second=1000)
    chain = entry.build(settings, rpc)
    assert chain is not None
    yield Place(chain, await chain.locate(world.account), world, jetton)
    await chain.close()


@pytest.fixture
def chain(place: Place) -> Chain:
    return place.chain


def test_its_rails_are_rails_of_the_cashier(entry: ChainEntry) -> None:
    offered = {rail.name: rail.chain for rail in DEFAULTS}
    assert entry.rails
    assert all(offered[rail] == TON for rail in entry.rails)
    assert chain_entry(entry.name) is entry


def test_a_jetton_without_a_master_is_off(world: World) -> None:
    settings = TonSettings(jetton_master="")
    assert chain_entry(USDT_TON).build(settings, world.rpc) is None
    assert chain_entry(TON).build(settings, world.rpc) is not None


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


async def test_an_empty_account_has_an_empty_page(place: Place) -> None:
    chain = place.chain
    head = await chain.head()
    page = await chain.page(place.account, after=Position(), head=head, limit=10)
    assert (page.transfers, page.fees, page.position, page.more) == ((), (), Position(), False)
    state = await chain.account(place.account)
    assert (state.units, state.lt, state.active) == (0, 0, False)
    assert await chain.glimpse([place.account]) == {}


@pytest.mark.parametrize("units", [1, COINS, 10**17], ids=["least", "one", "much"])
async def test_amounts_arrive_to_the_unit(place: Place, units: int) -> None:
    await place.arrive(units)
    head = await place.chain.head()
    page = await place.chain.page(place.account, after=Position(), head=head, limit=10)
    assert [one.units for one in page.transfers] == [units]
    seen = (await place.chain.glimpse([place.account]))[place.account]
    assert seen == Glimpse(page.position.lt, units, frozen=False)


async def test_an_index_that_lags_tells_of_an_old_state(place: Place) -> None:
    await place.arrive(COINS)
    (before,) = (await place.chain.glimpse([place.account])).values()
    await place.world.node.mine(3)
    await place.world.node.fault(lag=2)
    await place.arrive(COINS)
    (behind,) = (await place.chain.glimpse([place.account])).values()
    assert behind.lt == before.lt
    assert behind.units in (before.units, None)
    await place.world.node.mine(2)
    (caught_up,) = (await place.chain.glimpse([place.account])).values()
    assert caught_up.lt > before.lt
    # Twice the coins, less the rent of the seconds between.
    now = (await place.chain.account(place.account)).units
    assert caught_up.units == now > before.units


async def test_sending_tells_three_outcomes_apart(place: Place) -> None:
    chain, world = place.chain, place.world
    await world.node.faucet(world.account, 10 * COINS)
    await place.arrive(10 * COINS)
    payout = await place.payout(Payment(world.person.address.friendly(), COINS, ""))
    await world.node.fault(http500=1)
    assert await chain.broadcast(payout.signed) is Outcome.UNKNOWN
    assert await chain.broadcast(payout.signed) is Outcome.SUCCEEDED
    await world.node.mine()
    assert await chain.broadcast(payout.signed) is Outcome.FAILED
    verdict = await chain.judge(payout, head=await chain.head())
    assert [one.outcome for one in verdict.members] == [Outcome.SUCCEEDED]


async def test_trouble_is_raised_and_never_an_answer(place: Place) -> None:
    chain, world = place.chain, place.world
    head = await chain.head()
    payout = await place.payout(Payment(world.person.address.friendly(), COINS, ""))
    for call in (
        chain.head,
        lambda: chain.account(place.account),
        lambda: chain.glimpse([place.account]),
        lambda: chain.page(place.account, after=Position(), head=head, limit=10),
        lambda: chain.judge(payout, head=head),
    ):
        await world.node.fault(http500=1)
        with pytest.raises(OutsideUnavailable):
            await call()


async def test_it_never_calls_from_inside_a_transaction(chain: Chain) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await chain.head()
