"""The node: chain, mempool and miner together, and a journal of what happened to them."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from sandbox.btc.chainstate import Chainstate, Change
from sandbox.btc.journal import Journal
from sandbox.btc.mempool import Mempool
from sandbox.btc.mining import choose, mine
from sandbox.btc.records import Block, Tx, read_block, read_tx
from sandbox.btc.refusals import MISC, PolicyRefusal, RpcRefusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Node:
    """A regtest node. With a `store` it comes back from there as it was; `txindex` answers for
    mined transactions by their id, which a plain Bitcoin Core does not."""

    def __init__(self, *, store: Path | None = None, txindex: bool = False) -> None:
        self.chain = Chainstate()
        self.mempool = Mempool(self.chain)
        self.txindex = txindex
        self.fee_estimate_units_per_kvb: int | None = None
        self.mining_units_per_kvb = 0
        self._journal = Journal(store)
        for kind, content in self._journal.read():
            self._repeat(kind, content)
        self._journal.open()

    def submit_tx(self, tx: Tx) -> None:
        """Take a transaction into the mempool. Raises PolicyRefusal."""
        self.mempool.accept(tx, now=_now())
        self._journal.write("tx", tx.raw.hex())

    def submit_block(self, block: Block) -> bool:
        """Offer a block; whether it is the new tip."""
        was_known = block.hash in self.chain.blocks
        self._follow(self.chain.add(block))
        if not was_known and block.hash in self.chain.blocks:
            self._journal.write("block", block.raw.hex())
        return self.chain.tip.hash == block.hash

    def generate(self, script: bytes, txs: Sequence[Tx] | None = None) -> Block:
        """Mine a block that pays `script`: with what waits, or with exactly these transactions.
        Raises RpcRefusal when the kernel does not want it."""
        if txs is None:
            entries = choose(self.mempool, min_units_per_kvb=self.mining_units_per_kvb)
            txs = [entry.tx for entry in entries]
        fees = sum(entry.fee for tx in txs if (entry := self.mempool.entries.get(tx.txid)))
        salt = len(self.chain.blocks)
        block = mine(self.chain, script, txs, fees=fees, now=_now(), salt=salt)
        if not self.submit_block(block):
            raise RpcRefusal(MISC, "TestBlockValidity failed: the kernel refused the block")
        return block

    def invalidate(self, block_hash: str) -> None:
        """Leave a block and its successors. Raises RpcRefusal for one that is not known."""
        self._follow(self.chain.invalidate(block_hash))
        self._journal.write("invalidate", block_hash)

    def reconsider(self, block_hash: str) -> None:
        """Take back `invalidate`. Raises RpcRefusal for a block that is not known."""
        self._follow(self.chain.reconsider(block_hash))
        self._journal.write("reconsider", block_hash)

    def close(self) -> None:
        """Let the kernel go."""
        self.chain.close()

    def _follow(self, change: Change) -> None:
        self.mempool.follow(change, now=_now())

    def _repeat(self, kind: str, content: str) -> None:
        if kind == "block":
            self._follow(self.chain.add(read_block(bytes.fromhex(content))))
        elif kind == "tx":
            with contextlib.suppress(PolicyRefusal):
                self.mempool.accept(read_tx(bytes.fromhex(content)), now=_now())
        elif kind == "invalidate":
            self._follow(self.chain.invalidate(content))
        elif kind == "reconsider":
            self._follow(self.chain.reconsider(content))


def _now() -> int:
    return int(time.time())
