"""What every chain that is followed block by block promises, on its real nodes and in memory.

Chains that are read account by account are in `test_every_chain.py`. The simulated chain stands
here so that what is proven with it is proven of a chain that keeps the same promises."""

import inspect
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from embit.bip32 import HDKey

from casino.cashier import blocks
from casino.cashier.rails import ALL_BITCOIN, USDT_ETH, Tier
from casino.cashier.rails import BTC as BTC_RAIL
from casino.db import Database, transaction_open
from casino.errors import NetworkInsideTransaction, OutsideUnavailable
from casino.money import Asset
from payments import follower as following
from payments.btc_units import BTC_SCALE
from payments.builds_btc import BtcAddresses
from payments.builds_evm import EvmAddresses
from payments.chains.base import Outcome
from payments.chains.blocks import BlockChain, HasMempool
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, AccountKey, WatchList, parse
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import DepositAddresses, parse_evm
from payments.chains.evm_wallet import token_transfer
from payments.json_rpc import JsonRpcNode
from payments.registry import FOLLOWED
from sandbox.btc.chain import LocalBitcoin
from sandbox.btc.faults import FaultyWire
from sandbox.btc.litecoin import LocalLitecoin
from sandbox.btc.wallet import PersonWallet as BtcPerson
from sandbox.evm.chain import CHAIN_ID, LocalEvm
from sandbox.evm.faulty_front import FaultyFront
from sandbox.evm.usdt import LocalUsdt, deploy_usdt
from sandbox.evm.wallet import PersonWallet as EvmPerson
from tests.payments.btc.conftest import Keys
from tests.payments.evm.conftest import FEES
from tests.payments.followed import ENOUGH, FollowedHouse
from tests.payments.simulated import SimulatedMempoolChain, pay

pytestmark = pytest.mark.chain

ETH = 10**18
FINAL_AFTER = 20
Node = LocalEvm | LocalBitcoin | LocalLitecoin | None
_names = itertools.count(1)


@dataclass
class Simulated:
    """The chain in memory."""

    database: Database
    amounts = (1, 12_345_678, 10**12 + 1)

    async def open(self, node: Node) -> None:
        assert node is None
        self.chain = SimulatedMempoolChain(final_after=10)
        self.house = FollowedHouse(self.database, self.chain)

    async def sign(self, address: str, units: int) -> bytes:
        return pay(address, units).signed

    async def mine(self, count: int = 1) -> None:
        self.chain.mine(*self.chain.mempool, empty=count - 1)

    async def fork(self, count: int) -> None:
        self.chain.fork(count)
        self.chain.mine(empty=count)

    def lag(self, count: int) -> None:
        self.chain.lag = count

    def trouble(self, *, on: bool) -> None:
        self.chain.failing = 1000 if on else 0

    async def close(self) -> None:
        await self.chain.close()


@dataclass
class Ethereum:
    """USDT on a real Ethereum node."""

    database: Database
    amounts = (1, 12_345_678, 10**12 + 1)

    async def open(self, node: Node) -> None:
        assert isinstance(node, LocalEvm)
        self.node = node
        self.usdt: LocalUsdt = await deploy_usdt(node)
        self.person = EvmPerson(node, self.usdt.address, f"person {next(_names)}")
        await node.give(self.person.address.raw, ETH)
        await self.usdt.give(self.person.address.raw, 10**15)
        self.front = FaultyFront(node.url)
        await self.front.__aenter__()
        rpc = JsonRpcNode(url=self.front.url, requests_per_second=100_000)
        self.chain = EvmChain([rpc], chain_id=CHAIN_ID, token=self.usdt.address.raw)
        account = HDKey.from_seed(b"contract".ljust(32)).derive("m/44h/60h/0h")
        self.house = FollowedHouse(
            self.database,
            self.chain,
            EvmAddresses(DepositAddresses(str(account.to_public().to_base58()))),
            token=self.usdt.address.checksummed,
            rail=USDT_ETH,
        )

    async def sign(self, address: str, units: int) -> bytes:
        transaction = token_transfer(
            chain_id=CHAIN_ID,
            nonce=await self.person.nonce(),
            fees=FEES,
            gas=100_000,
            token=self.usdt.address,
            to=parse_evm(address),
            units=units,
        )
        return self.person.signed(transaction).signed

    async def mine(self, count: int = 1) -> None:
        await self.node.mine(count)

    async def fork(self, count: int) -> None:
        await self.node.reorg(count)
        await self.node.mine()

    def lag(self, count: int) -> None:
        self.front.lag = count

    def trouble(self, *, on: bool) -> None:
        self.front.statuses = [503] * 1000 if on else []

    async def close(self) -> None:
        await self.chain.close()
        await self.front.__aexit__()


@dataclass
class Bitcoin:
    """Coins on a real node that speaks as Bitcoin Core does."""

    database: Database
    # Nodes do not relay less than the first.
    amounts = (5_460, 12_345_678, 3 * 10**8 + 1)

    async def open(self, node: Node) -> None:
        assert isinstance(node, LocalBitcoin | LocalLitecoin)
        self.rpc, network = node.rpc(), NETWORKS[node.network]
        self.network = network
        self.person = BtcPerson(self.rpc, node.network, "the miner")
        if await self.rpc.call("getblockcount") < 100:
            await self.person.mine_for_himself(20)
        self.wire = FaultyWire(node.url)
        await self.wire.start()
        self.chain = BtcChain(node.rpc(self.wire.url), network)
        keys = Keys.of(f"contract {next(_names)}")
        self.house = FollowedHouse(
            self.database,
            self.chain,
            BtcAddresses(AccountKey(keys.public, network)),
            token=None,
            rail=BTC_RAIL,
            asset=Asset.BTC,
            network_id=network.name,
            tiers=(Tier(ALL_BITCOIN, ENOUGH),),
            scale=BTC_SCALE,
            watch=lambda: WatchList(network),
        )

    async def sign(self, address: str, units: int) -> bytes:
        return (await self.person.sign([(parse(address, self.network), units)])).raw

    async def mine(self, count: int = 1) -> None:
        await self.person.mine(count)

    async def fork(self, count: int) -> None:
        height = await self.rpc.call("getblockcount")
        lost = await self.rpc.call("getblockhash", height - count + 1)
        await self.rpc.call("invalidateblock", lost)
        for _ in range(count + 1):
            await self.rpc.call("generateblock", self.person.address, [])

    def lag(self, count: int) -> None:
        self.wire.lag = count

    def trouble(self, *, on: bool) -> None:
        self.wire.http500 = 1000 if on else 0

    async def close(self) -> None:
        await self.chain.close()
        await self.wire.stop()
        await self.rpc.close()


Ground = Simulated | Ethereum | Bitcoin
GROUNDS = {
    "simulated": Simulated,
    "ethereum": Ethereum,
    "bitcoin": Bitcoin,
    "litecoin": Bitcoin,
}
NODES = {
    "ethereum": lambda: LocalEvm(block_seconds=None),
    "bitcoin": LocalBitcoin,
    "litecoin": LocalLitecoin,
}


@pytest.fixture(scope="module", params=GROUNDS)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Node]]:
    """The name of a ground and its node, if it has one."""
    make = NODES.get(request.param)
    if make is None:
        yield request.param, None
        return
    node = make()
    node.start()
    yield request.param, node
    node.stop()


@pytest.fixture
async def ground(db: Database, running: tuple[str, Node]) -> AsyncIterator[Ground]:
    name, node = running
    made: Ground = GROUNDS[name](db)
    await made.open(node)
    await made.mine(FINAL_AFTER)
    await made.house.open()
    yield made
    made.lag(0)
    made.trouble(on=False)
    await made.house.require_sound()
    await made.close()


async def arrive(ground: Ground, address: str, units: int) -> None:
    """Hand a payment in and mine it."""
    assert await ground.chain.broadcast(await ground.sign(address, units)) is Outcome.SUCCEEDED
    await ground.mine()


def test_every_followed_chain_has_its_ground_here() -> None:
    assert {entry.name for entry in FOLLOWED} <= GROUNDS.keys()


async def test_it_speaks_the_protocol(ground: Ground) -> None:
    protocols = [BlockChain, *([HasMempool] if isinstance(ground.chain, HasMempool) else [])]
    for protocol in protocols:
        for name, promised in inspect.getmembers(protocol, inspect.iscoroutinefunction):
            given = getattr(type(ground.chain), name)
            assert inspect.iscoroutinefunction(given)
            wanted = list(inspect.signature(promised).parameters)
            assert list(inspect.signature(given).parameters) == wanted, name


async def test_pages_leave_no_gap(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAGE_BLOCKS", 3)
    player, address = await ground.house.player()
    units = ground.amounts[1]
    for _ in range(4):
        await arrive(ground, address, units)
        await ground.mine(3)
    await ground.mine(FINAL_AFTER)
    await ground.house.another_follower().step()
    assert len(await ground.house.deposits(player)) == 4
    assert (await ground.house.wallet(player)).withdrawable == 4 * units * ground.house.scale


async def test_amounts_arrive_to_the_unit(ground: Ground) -> None:
    players = [await ground.house.player() for _ in ground.amounts]
    for (_, address), units in zip(players, ground.amounts, strict=True):
        await arrive(ground, address, units)
    await ground.house.step()
    found = [(await ground.house.deposit(player)).units for player, _ in players]
    assert found == [units * ground.house.scale for units in ground.amounts]


async def test_what_a_reorganisation_drops_is_taken_back(ground: Ground) -> None:
    player, address = await ground.house.player()
    await arrive(ground, address, ground.amounts[1])
    await ground.mine()
    await ground.house.step()
    assert (await ground.house.deposit(player)).status == "credited"
    await ground.fork(2)
    await ground.house.step()
    # Where payers' transactions are kept by the network, it waits for a block once more.
    assert (await ground.house.deposit(player)).status in ("orphaned", "seen")
    wallet = await ground.house.wallet(player)
    assert (wallet.cash, wallet.not_final, wallet.deficit) == (0, 0, 0)
    assert await ground.house.told("staff") == ["alert.deposit_reversed"]


async def test_sending_tells_three_outcomes_apart_and_twice_is_once(ground: Ground) -> None:
    player, address = await ground.house.player()
    signed = await ground.sign(address, ground.amounts[1])
    ground.trouble(on=True)
    assert await ground.chain.broadcast(signed) is Outcome.UNKNOWN
    ground.trouble(on=False)
    for _ in range(3):
        assert await ground.chain.broadcast(signed) is Outcome.SUCCEEDED
    assert await ground.chain.broadcast(b"\x02garbage") is Outcome.FAILED
    await ground.mine(FINAL_AFTER)
    await ground.chain.broadcast(signed)
    await ground.mine(FINAL_AFTER)
    await ground.house.step()
    units = ground.amounts[1] * ground.house.scale
    assert [one.units for one in await ground.house.deposits(player)] == [units]


async def test_a_node_in_trouble_moves_nothing(ground: Ground) -> None:
    player, address = await ground.house.player()
    await arrive(ground, address, ground.amounts[1])
    await ground.house.step()
    before = await _everything(ground, player)
    await arrive(ground, address, ground.amounts[1])
    ground.trouble(on=True)
    for _ in range(2):
        with pytest.raises(OutsideUnavailable):
            await ground.house.step()
    assert await _everything(ground, player) == before
    ground.trouble(on=False)
    await ground.house.step()
    assert len(await ground.house.deposits(player)) == 2


async def test_a_node_that_goes_back_in_height_moves_nothing(ground: Ground) -> None:
    player, address = await ground.house.player()
    await arrive(ground, address, ground.amounts[1])
    await ground.mine(FINAL_AFTER)
    await ground.house.step()
    before = await _everything(ground, player)
    for lag in (1, FINAL_AFTER):
        ground.lag(lag)
        await ground.house.step()
        assert await _everything(ground, player) == before


async def test_it_never_calls_from_inside_a_transaction(ground: Ground) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await ground.chain.tip()


async def _everything(ground: Ground, player: int) -> object:
    """Where the chain was read to, and what the player has of it."""
    async with ground.house.database.transaction() as session:
        place = await blocks.read_place(session, chain=ground.chain.name)
    return place, await ground.house.deposits(player), await ground.house.wallet(player)
