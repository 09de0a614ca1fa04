"""Blocks, the chain that the kernel picked among them, and the coins that exist at its tip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.btc.kernel import Kernel
from sandbox.btc.records import Block, Outpoint, Tx
from sandbox.btc.refusals import NOT_FOUND, RpcRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIAN_BLOCKS = 11
OP_RETURN = 0x6A


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output in the chain."""

    units: int
    script: bytes
    height: int
    coinbase: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the chain: transactions of blocks that left it, and of blocks that came."""

    left: tuple[Tx, ...]
    came: tuple[Tx, ...]


class Chainstate:
    """The view of the kernel's active chain, kept in step with it."""

    def __init__(self) -> None:
        self._kernel = Kernel()
        genesis = self._kernel.genesis()
        self.blocks: dict[str, Block] = {genesis.hash: genesis}
        self.heights: dict[str, int] = {genesis.hash: 0}
        self.invalid: set[str] = set()
        self.chain: list[str] = [genesis.hash]
        self.coins: dict[Outpoint, Coin] = {}
        self.mined_in: dict[str, str] = {}
        self.fees: dict[str, int] = {}
        self._undo: dict[str, list[tuple[Outpoint, Coin]]] = {}

    def close(self) -> None:
        """Let the kernel go."""
        self._kernel.close()

    @property
    def tip(self) -> Block:
        """The newest block of the chain."""
        return self.blocks[self.chain[-1]]

    @property
    def height(self) -> int:
        """Height of the newest block."""
        return len(self.chain) - 1

    def block(self, block_hash: str) -> Block:
        """A block, in the chain or not. Raises RpcRefusal -5."""
        if block_hash not in self.blocks:
            raise RpcRefusal(NOT_FOUND, "Block not found")
        return self.blocks[block_hash]

    def confirmations(self, block_hash: str) -> int:
        """How deep a block is in the chain, itself included; -1 for one that is not in it."""
        height = self.heights[block_hash]
        on_chain = height <= self.height and self.chain[height] == block_hash
        return self.height - height + 1 if on_chain else -1

    def median_time(self, block_hash: str | None = None) -> int:
        """The median of the last eleven times up to a block: the clock of consensus (BIP113)."""
        at: str | None = block_hash or self.chain[-1]
        times: list[int] = []
        while at in self.blocks and len(times) < MEDIAN_BLOCKS:
            times.append(self.blocks[at].time)
            at = self.blocks[at].parent
        return sorted(times)[len(times) // 2]

    def add(self, block: Block) -> Change:
        """Offer a block to the kernel and follow its choice. A block that stands on no known one,
        or that the kernel refuses on its tip, is not kept; on a side branch a block is checked in
        full only when its branch overtakes."""
        if block.hash in self.blocks or block.parent not in self.blocks:
            return Change((), ())
        self._kernel.process(block)
        height = self.heights[block.parent] + 1
        on_tip = block.parent == self.tip.hash
        taken = self._kernel.height == height and self._kernel.hash_at(height) == block.hash
        if taken or (self._kernel.knows(block.hash) and not on_tip):
            self.blocks[block.hash] = block
            self.heights[block.hash] = height
        return self._follow()

    def invalidate(self, block_hash: str) -> Change:
        """Leave a block and all that stands on it, as `invalidateblock` does."""
        self.invalid.add(self.block(block_hash).hash)
        return self._choose_anew()

    def reconsider(self, block_hash: str) -> Change:
        """Take back `invalidate`."""
        block = self.block(block_hash)
        branch = {block.hash, *self._ancestors(block)}
        self.invalid = {one for one in self.invalid if one not in branch}
        return self._choose_anew()

    def is_invalid(self, block_hash: str) -> bool:
        """Whether a block or one below it was declared invalid."""
        block = self.blocks[block_hash]
        return bool(self.invalid & {block.hash, *self._ancestors(block)})

    def _choose_anew(self) -> Change:
        self._kernel.close()
        self._kernel = Kernel()
        shunned = set(self.invalid)
        for block in self.blocks.values():  # in the order of their coming: parents first
            if block.parent in shunned:
                shunned.add(block.hash)
            if block.hash not in shunned:
                self._kernel.process(block)
        return self._follow()

    def _follow(self) -> Change:
        height = min(self._kernel.height, self.height)
        while self._kernel.hash_at(height) != self.chain[height]:
            height -= 1
        left: list[Tx] = []
        while self.height > height:
            left[:0] = self._disconnect()
        came: list[Tx] = []
        while self.height < self._kernel.height:
            came += self._connect(self._kernel.hash_at(self.height + 1))
        return Change(tuple(left), tuple(came))

    def _connect(self, block_hash: str) -> tuple[Tx, ...]:
        block, height = self.blocks[block_hash], self.heights[block_hash]
        undo: list[tuple[Outpoint, Coin]] = []
        for number, tx in enumerate(block.txs):
            if number:
                spent = [(one.outpoint, self.coins.pop(one.outpoint)) for one in tx.inputs]
                undo += spent
                held = sum(coin.units for _, coin in spent)
                self.fees[tx.txid] = held - sum(output.units for output in tx.outputs)
            for vout, output in enumerate(tx.outputs):
                if output.script[:1] != bytes([OP_RETURN]):
                    coin = Coin(output.units, output.script, height, coinbase=number == 0)
                    self.coins[Outpoint(tx.txid, vout)] = coin
            self.mined_in[tx.txid] = block_hash
        self._undo[block_hash] = undo
        self.chain.append(block_hash)
        return block.txs

    def _disconnect(self) -> tuple[Tx, ...]:
        block = self.blocks[self.chain.pop()]
        for tx in block.txs:
            for vout in range(len(tx.outputs)):
                self.coins.pop(Outpoint(tx.txid, vout), None)
            self.mined_in.pop(tx.txid, None)
        made_here = {tx.txid for tx in block.txs}
        for outpoint, coin in self._undo.pop(block.hash):
            if outpoint.txid not in made_here:
                self.coins[outpoint] = coin
        return block.txs[1:]

    def _ancestors(self, block: Block) -> Iterator[str]:
        parent = block.parent
        while parent in self.blocks:
            yield parent
            parent = self.blocks[parent].parent
