"""The three chains of a world: nodes that start together, blocks at a pace, and their end."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.bitcoin_rpc import BitcoinRpc
from payments.rpc import Toncenter
from sandbox.btc.chain import LocalBitcoin
from sandbox.btc.wallet import PersonWallet
from sandbox.evm.chain import LocalEvm
from sandbox.ton.chain import LocalChain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.home import Home

NAMES = ("ton", "ethereum", "bitcoin")
TITLES = {"ton": "TON", "ethereum": "Ethereum", "bitcoin": "Bitcoin"}
YOUNG_BLOCKS = 9
"""So many blocks follow a transaction at full pace: more than any rail waits for."""
# The page asks for blocks and the story for everything; no plan of a provider is in the way.
REQUESTS_PER_SECOND = 500


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds between blocks. Ethereum and Bitcoin slow down to `idle_ms` when nothing waits
    and nothing is young, so that a world left open for days stays small."""

    ton_ms: int
    ethereum_ms: int
    bitcoin_ms: int
    idle_ms: int = 30_000


DEMO_PACE = Pace(ton_ms=3000, ethereum_ms=2000, bitcoin_ms=4000)
QUICK_PACE = Pace(ton_ms=500, ethereum_ms=500, bitcoin_ms=700)
"""For stories and tests: the same world in less time."""


@dataclass(slots=True)
class LocalChains:
    """A local TON, Ethereum and Bitcoin with their clients, kept in a world's folder."""

    ton: LocalChain
    ethereum: LocalEvm
    bitcoin: LocalBitcoin
    pace: Pace
    ton_rpc: Toncenter
    bitcoin_rpc: BitcoinRpc

    @classmethod
    def of(cls, home: Home, *, ton: int, ethereum: int, bitcoin: int, pace: Pace) -> LocalChains:
        """The chains of a world on three ports; nothing runs yet."""
        node = LocalChain(port=ton, store=home.chain, block_ms=pace.ton_ms)
        # Blocks of the other two come from here: their nodes know one pace, day and night.
        evm = LocalEvm(port=ethereum, store=home.ethereum, block_seconds=None)
        btc = LocalBitcoin(port=bitcoin, store=home.bitcoin)
        rpc = Toncenter(url=node.url, api_key="", requests_per_second=REQUESTS_PER_SECOND)
        return cls(node, evm, btc, pace, rpc, btc.rpc())

    def start(self) -> None:
        """Start what does not run; raises ServiceFailed with what to do about it."""
        with ThreadPoolExecutor(max_workers=len(NAMES)) as pool:
            for done in [pool.submit(node.start) for node in self._nodes()]:
                done.result()

    @property
    def running(self) -> bool:
        """Whether all three nodes are alive."""
        return all(node.running for node in self._nodes())

    def stop(self) -> None:
        """Let every node store its chain and end."""
        with ThreadPoolExecutor(max_workers=len(NAMES)) as pool:
            for done in [pool.submit(node.stop) for node in self._nodes()]:
                done.result()

    async def close(self) -> None:
        """Close the clients."""
        await self.ton_rpc.close()
        await self.bitcoin_rpc.close()

    async def height(self, name: str) -> int:
        """The newest block of a chain."""
        if name == "ton":
            return int((await self.ton.status())["seqno"])
        if name == "ethereum":
            return await self.ethereum.height()
        return int(await self.bitcoin_rpc.call("getblockcount"))

    async def mine(self, name: str) -> int:
        """Make the next block of a chain now; returns its height."""
        if name == "ton":
            return await self.ton.mine()
        if name == "ethereum":
            return await self.ethereum.mine()
        await PersonWallet(self.bitcoin_rpc, self.bitcoin.network, seed="miner").mine()
        return await self.height(name)

    async def keep_making_blocks(self, name: str) -> None:
        """Make blocks of Ethereum or Bitcoin until cancelled; raises what the node's client raises
        while the node is away."""
        if name == "ethereum":
            await make_blocks(
                self._ethereum_waits, lambda: self.mine(name), self.pace.ethereum_ms, self.pace
            )
        await make_blocks(
            self._bitcoin_waits, lambda: self.mine(name), self.pace.bitcoin_ms, self.pace
        )

    async def _ethereum_waits(self) -> bool:
        pool = await self.ethereum.ask("txpool_status")
        return int(pool["pending"], 16) > 0

    async def _bitcoin_waits(self) -> bool:
        return int((await self.bitcoin_rpc.call("getmempoolinfo"))["size"]) > 0

    def _nodes(self) -> tuple[LocalChain, LocalEvm, LocalBitcoin]:
        return self.ton, self.ethereum, self.bitcoin


async def make_blocks(
    waits: Callable[[], Awaitable[bool]],
    mine: Callable[[], Awaitable[int]],
    block_ms: int,
    pace: Pace,
) -> None:
    """Mine every `block_ms` while a transaction waits or the last one is young, and every
    `pace.idle_ms` otherwise, until cancelled."""
    young, idle_ms = YOUNG_BLOCKS, 0
    while True:
        await asyncio.sleep(block_ms / 1000)
        idle_ms += block_ms
        if await waits():
            young = YOUNG_BLOCKS + 1
        if young or idle_ms >= pace.idle_ms:
            await mine()
            young, idle_ms = max(0, young - 1), 0
