"""A real Ethereum node for each test module, our adapter over it, and people with wallets."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from coincurve import PrivateKey

from payments.chains.blocks import Header, Incoming
from payments.chains.evm import EvmChain
from payments.chains.evm_addresses import EvmAddress, parse_evm
from payments.chains.evm_judge import Attempt, EvmPayout
from payments.chains.evm_wallet import (
    Fees,
    SignedTransaction,
    Transaction,
    cancellation,
    replacement,
    token_transfer,
)
from payments.json_rpc import JsonRpcNode
from sandbox.evm.chain import CHAIN_ID, LocalEvm
from sandbox.evm.faulty_front import FaultyFront
from sandbox.evm.usdt import LocalUsdt, deploy_usdt
from sandbox.evm.wallet import PersonWallet

ETH = 10**18
USDT = 10**6
GWEI = 10**9
FINAL_AFTER = 5
FEES = Fees(20 * GWEI, GWEI)


@dataclass
class EvmWorld:
    """The node, a token of the test's own, the adapter, our hot wallet and a rich person."""

    node: LocalEvm
    usdt: LocalUsdt
    chain: EvmChain
    hot: PersonWallet
    person: PersonWallet
    open_fronts: list[FaultyFront] = field(default_factory=list)
    open_chains: list[EvmChain] = field(default_factory=list)

    def wallet(self, seed: str) -> PersonWallet:
        return PersonWallet(self.node, self.usdt.address, seed)

    def through(self, *urls: str, chain_id: int = CHAIN_ID, timeout_seconds: int = 20) -> EvmChain:
        """An adapter over these nodes."""
        nodes = [
            JsonRpcNode(url=url, requests_per_second=100_000, timeout_seconds=timeout_seconds)
            for url in urls
        ]
        chain = EvmChain(nodes, chain_id=chain_id, token=self.usdt.address.raw)
        self.open_chains.append(chain)
        return chain

    async def front(self) -> FaultyFront:
        """A door to the node that can fail."""
        front = FaultyFront(self.node.url)
        await front.__aenter__()
        self.open_fronts.append(front)
        return front

    async def finalize(self) -> None:
        """Mine until everything that is mined now is final."""
        await self.node.mine(FINAL_AFTER)

    async def since(self, first: int, *, watched: Sequence[PersonWallet]) -> Sequence[Incoming]:
        """What came to these wallets in blocks `first` and later."""
        tip = await self.chain.tip()
        headers = await self.chain.headers(first, tip.head.height)
        return await self.chain.incoming(headers, {one.address.raw for one in watched})

    async def next_height(self) -> int:
        return await self.node.height() + 1

    async def header(self, height: int) -> Header:
        (header,) = await self.chain.headers(height, height)
        return header

    def transfer(self, to: EvmAddress, units: int, *, nonce: int, fees: Fees = FEES) -> Transaction:
        """A payout of the hot wallet, not signed yet."""
        return token_transfer(
            chain_id=CHAIN_ID,
            nonce=nonce,
            fees=fees,
            gas=100_000,
            token=self.usdt.address,
            to=to,
            units=units,
        )


class Payout:
    """A payout of the hot wallet with all its attempts, as the database would keep it."""

    def __init__(
        self, world: EvmWorld, to: EvmAddress, units: int, *, nonce: int, free_height: int = 0
    ) -> None:
        self.world = world
        self.to = to
        self.units = units
        self.nonce = nonce
        self.free_height = free_height
        self.attempts: list[Attempt] = []
        self.last = self._sign(world.transfer(to, units, nonce=nonce))

    def bump(self) -> SignedTransaction:
        return self._sign(replacement(self.last.transaction))

    def cancel(self) -> SignedTransaction:
        account = self.world.hot.address
        return self._sign(cancellation(self.last.transaction, account=account), cancels=True)

    def asked(self) -> EvmPayout:
        return EvmPayout(
            withdrawal_id=7,
            account=self.world.hot.address.raw,
            nonce=self.nonce,
            attempts=tuple(self.attempts),
            token=self.world.usdt.address.raw,
            recipient=self.to.raw,
            units=self.units,
            free_height=self.free_height,
        )

    def _sign(self, transaction: Transaction, *, cancels: bool = False) -> SignedTransaction:
        self.last = self.world.hot.signed(transaction)
        self.attempts.append(Attempt(self.last.tx_hash, cancels=cancels))
        return self.last


MakePayout = Callable[..., Payout]


@pytest.fixture(scope="module")
def evm_node() -> Iterator[LocalEvm]:
    node = LocalEvm(block_seconds=None)
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def evm(evm_node: LocalEvm, request: pytest.FixtureRequest) -> AsyncIterator[EvmWorld]:
    """Each test has a token, a hot wallet and a person of its own, on the module's node."""
    usdt = await deploy_usdt(evm_node)
    name = request.node.name
    hot = PersonWallet(evm_node, usdt.address, f"hot wallet of {name}")
    person = PersonWallet(evm_node, usdt.address, f"person of {name}")
    for wallet in (hot, person):
        await evm_node.give(wallet.address.raw, 10 * ETH)
        await usdt.give(wallet.address.raw, 10_000 * USDT)
    node = JsonRpcNode(url=evm_node.url, requests_per_second=100_000)
    chain = EvmChain([node], chain_id=CHAIN_ID, token=usdt.address.raw)
    world = EvmWorld(evm_node, usdt, chain, hot, person)
    yield world
    for one in (chain, *world.open_chains):
        await one.close()
    for front in world.open_fronts:
        await front.__aexit__()
    await evm_node.drop_waiting()


@pytest.fixture
def stranger() -> EvmAddress:
    return parse_evm("0x" + "5e" * 20)


@pytest.fixture
async def payout(evm: EvmWorld, stranger: EvmAddress) -> Payout:
    """25 USDT to a stranger, signed and not sent."""
    return Payout(evm, stranger, 25 * USDT, nonce=await evm.hot.nonce())


@pytest.fixture
def key() -> PrivateKey:
    return PrivateKey(b"\x17" * 32)
