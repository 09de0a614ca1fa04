"""Bitcoin Core's validation engine: it takes blocks, picks the chain, and checks scripts."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pbk
from pbk.script import PrecomputedTransactionData

from sandbox.btc.records import Block, Output, Tx, read_block

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kernel:
    """One chain of blocks, validated by libbitcoinkernel; it starts with the genesis block.

    It knows no `invalidateblock`: whoever needs one feeds a new kernel with the other blocks."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kernel-"))
        self._chainman = pbk.load_chainman(self._folder, pbk.ChainType.REGTEST)

    def close(self) -> None:
        """Forget everything."""
        del self._chainman
        shutil.rmtree(self._folder, ignore_errors=True)

    def genesis(self) -> Block:
        """The first block of every regtest chain."""
        entry = self._chainman.get_active_chain().block_tree_entries[0]
        return read_block(bytes(self._chainman.blocks[entry]))

    def process(self, block: Block) -> None:
        """Offer a block. Whether it was connected shows in the chain, not here: a block of a side
        branch is checked in full only when its branch overtakes."""
        with contextlib.suppress(pbk.ProcessBlockException):
            self._chainman.process_block(pbk.Block(block.raw))

    def knows(self, block_hash: str) -> bool:
        """Whether a block of this hash, good or bad, was taken in."""
        wanted = pbk.BlockHash(bytes.fromhex(block_hash)[::-1])
        return wanted in self._chainman.block_tree_entries

    @property
    def height(self) -> int:
        """Height of the tip."""
        height: int = self._chainman.get_active_chain().height
        return height

    def hash_at(self, height: int) -> str:
        """The hash of the active chain's block at a height."""
        chain = self._chainman.get_active_chain()
        return str(chain.block_tree_entries[height].block_hash)


def scripts_agree(tx: Tx, spent: Sequence[Output]) -> bool:
    """Whether every input of `tx` satisfies the script of the output that it spends; `spent` are
    those outputs in the order of the inputs. All consensus rules apply, taproot too."""
    parsed = pbk.Transaction(tx.raw)
    outputs = [pbk.TransactionOutput(pbk.ScriptPubkey(one.script), one.units) for one in spent]
    shared = PrecomputedTransactionData(parsed, outputs)
    flags = pbk.ScriptVerificationFlags.ALL
    for number, one in enumerate(spent):
        script = pbk.ScriptPubkey(one.script)
        try:
            if not script.verify(one.units, parsed, shared, number, flags):
                return False
        except pbk.ScriptVerifyException:
            return False
    return True
