"""Two real nodes, ours over Bitcoin Core's consensus and Litecoin's; a hot wallet; people who pay."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from embit import bip32

from payments.bitcoin_rpc import BitcoinRpc
from payments.chains.blocks import Header, Tip
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, AccountKey, Network, WatchList
from payments.chains.btc_blocks import read_transaction
from payments.chains.btc_coins import Coin, Target
from payments.chains.btc_wallet import ChangeSpot, Draft, SignedTx, draft_payout, sign
from sandbox.btc.chain import LocalBitcoin
from sandbox.btc.faults import FaultyWire
from sandbox.btc.litecoin import LocalLitecoin
from sandbox.btc.wallet import PersonWallet, Sent

BTC = 10**8
DEPTH = 3
RATE = 5
ACCOUNT_PATH = "m/84h/1h/0h"
LocalNode = LocalBitcoin | LocalLitecoin


@dataclass(frozen=True)
class Keys:
    """The signer's side: the account with its private keys."""

    account: bip32.HDKey

    @classmethod
    def of(cls, seed: str) -> "Keys":
        root = bip32.HDKey.from_seed(
            hashlib.sha256(seed.encode()).digest(), version=bytes.fromhex("04358394")
        )
        return cls(root.derive(ACCOUNT_PATH))

    @property
    def public(self) -> str:
        """What the watcher knows."""
        return str(self.account.to_public().to_string())

    def __call__(self, coin: Coin, digest: bytes) -> tuple[bytes, bytes]:
        key = self.account.derive([coin.branch, coin.index]).key
        return key.sign(digest).serialize(), key.get_public_key().sec()


@dataclass
class World:
    """A node, our adapter over it through a wire that can fail, our account, one rich person."""

    node: LocalNode
    rpc: BitcoinRpc
    wire: FaultyWire
    chain: BtcChain
    network: Network
    keys: Keys
    account: AccountKey
    person: PersonWallet
    watched: WatchList
    next_index: int = 0

    def deposit_address(self) -> str:
        """A fresh address of ours that is watched."""
        address = self.account.deposit_address(self.next_index)
        self.next_index += 1
        self.watched.update([address])
        return address

    def script(self, index: int) -> bytes:
        return self.account.script(0, index)

    def change(self, index: int = 0) -> ChangeSpot:
        return ChangeSpot(self.account.script(1, index), 1, index)

    async def mine(self, blocks: int = 1) -> None:
        await self.person.mine(blocks)

    async def bury(self) -> None:
        """Make what is in the chain final."""
        await self.mine(DEPTH - 1)

    async def all_headers(self, *, back: int = 12) -> list[Header]:
        tip = await self.chain.tip()
        first = max(tip.head.height - back, 0)
        return list(await self.chain.headers(first, tip.head.height))

    async def final_headers(self, *, back: int = 12) -> tuple[Tip, list[Header]]:
        tip = await self.chain.tip()
        first = max(tip.final_height - back, 0)
        return tip, list(await self.chain.headers(first, tip.final_height))

    async def funded(self, *units: int) -> list[Coin]:
        """Coins of the hot wallet that the person paid in, confirmed."""
        first = self.next_index
        self.next_index += len(units)
        outputs = [(self.script(first + at), one) for at, one in enumerate(units)]
        sent = await self.person.pay(outputs, rate=RATE)
        await self.mine()
        height = await self.rpc.call("getblockcount")
        return self.coins_of(sent, first, len(units), height)

    def coins_of(self, sent: Sent, first: int, count: int, height: int | None) -> list[Coin]:
        by_script = {self.script(first + at): first + at for at in range(count)}
        return [
            Coin(sent.txid, vout, output.units, output.script, 0, by_script[output.script], height)
            for vout, output in enumerate(read_transaction(sent.raw).outputs)
            if output.script in by_script
        ]

    def draft(self, coins: list[Coin], *targets: Target, rate: int = RATE) -> Draft:
        return draft_payout(targets, coins, change=self.change(), rate=rate, later_rate=RATE)

    def sign(self, draft: Draft) -> SignedTx:
        return sign(draft, self.keys, script_of=self.account.script, rate_max=1000)

    async def waiting(self) -> set[str]:
        return set(await self.rpc.call("getrawmempool"))

    def stranger(self, number: int = 0) -> bytes:
        """A script of somebody else."""
        return b"\x00\x14" + hashlib.sha256(b"stranger %d" % number).digest()[:20]


@pytest.fixture(scope="module", params=["bitcoin", "litecoin"])
def node(request: pytest.FixtureRequest) -> Iterator[LocalNode]:
    node: LocalNode = LocalBitcoin() if request.param == "bitcoin" else LocalLitecoin()
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
async def rich(node: LocalNode) -> AsyncIterator[PersonWallet]:
    """Whoever mined the first blocks; later ones hold too little to live on."""
    rpc = node.rpc()
    person = PersonWallet(rpc, node.network, "the miner")
    await person.mine_for_himself(20)
    yield person
    await rpc.close()


@pytest.fixture
async def world(
    node: LocalNode, rich: PersonWallet, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """Each test has a hot wallet and a person of its own, on the module's node."""
    rpc = node.rpc()
    wire = FaultyWire(node.url)
    await wire.start()
    network = NETWORKS[node.network]
    person = PersonWallet(rpc, node.network, f"person of {request.node.name}")
    await rich.pay([(person.script, 4 * BTC)] * 5)
    await rich.mine()
    keys = Keys.of(request.node.name)
    chain = BtcChain(node.rpc(wire.url), network, depth=DEPTH)
    yield World(
        node=node,
        rpc=rpc,
        wire=wire,
        chain=chain,
        network=network,
        keys=keys,
        account=AccountKey(keys.public, network),
        person=person,
        watched=WatchList(network),
    )
    await chain.close()
    await wire.stop()
    await rpc.close()
