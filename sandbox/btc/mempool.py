"""Which transactions wait, by the rules that Bitcoin Core's mempool has (ours, not its code).

Fees, dust, standard forms, BIP125 replacement, chains of at most 25; scripts by the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.btc.kernel import scripts_agree
from sandbox.btc.policy import (
    INCREMENTAL_UNITS_PER_VBYTE,
    MIN_UNITS_PER_VBYTE,
    require_final,
    require_standard,
)
from sandbox.btc.records import Outpoint, Output, Tx
from sandbox.btc.refusals import BAD_TRANSACTION, IN_CHAIN, PolicyRefusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.btc.chainstate import Chainstate, Change

COINBASE_MATURITY = 100
CHAIN_MAX = 25
EVICTED_MAX = 100
REPLACEABLE_BELOW = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction that waits, with its fee in satoshis."""

    tx: Tx
    fee: int
    time: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """What taking a transaction in costs and pushes out."""

    entry: Entry
    evicted: tuple[str, ...]


class Mempool:
    """Transactions that wait for a block, in the order of their coming."""

    def __init__(self, chainstate: Chainstate) -> None:
        self._chain = chainstate
        self.entries: dict[str, Entry] = {}
        self.spenders: dict[Outpoint, str] = {}

    def accept(self, tx: Tx, *, now: int) -> None:
        """Take a transaction in, or raise PolicyRefusal and change nothing."""
        accepted = self.check(tx, now=now)
        for txid in reversed(accepted.evicted):
            self._remove(txid)
        self.entries[tx.txid] = accepted.entry
        for spent in tx.inputs:
            self.spenders[spent.outpoint] = tx.txid

    def check(self, tx: Tx, *, now: int) -> Accepted:
        """What `accept` would do."""
        require_standard(tx)
        if tx.txid in self.entries:
            raise PolicyRefusal("txn-already-in-mempool", code=IN_CHAIN)
        outpoints = (Outpoint(tx.txid, vout) for vout in range(len(tx.outputs)))
        if any(outpoint in self._chain.coins for outpoint in outpoints):
            raise PolicyRefusal(
                "Transaction outputs already in utxo set",
                code=IN_CHAIN,
                test_reason="txn-already-known",
            )
        spent = [self._spendable(one.outpoint) for one in tx.inputs]
        require_final(tx, self._heights(tx), self._chain)
        fee = sum(one.units for one in spent) - sum(one.units for one in tx.outputs)
        if fee < 0:
            raise PolicyRefusal("bad-txns-in-belowout")
        if fee < tx.vsize * MIN_UNITS_PER_VBYTE:
            raise PolicyRefusal(
                f"min relay fee not met, {fee} < {tx.vsize * MIN_UNITS_PER_VBYTE}",
                test_reason="min relay fee not met",
            )
        evicted = self._replaced(tx, fee)
        self._require_short_chain(tx, evicted)
        if not scripts_agree(tx, spent):
            raise PolicyRefusal(
                "mandatory-script-verify-flag-failed (Script evaluated without error but "
                "finished with a false/empty top stack element)"
            )
        return Accepted(Entry(tx, fee, now), tuple(evicted))

    def follow(self, change: Change, *, now: int) -> None:
        """Adapt to another chain: what was mined leaves with all that conflicts with it; what left
        the chain comes back if it still may."""
        for tx in change.came:
            self._remove(tx.txid)
            for spent in tx.inputs:
                for txid in reversed(self._with_descendants(self.spenders.get(spent.outpoint))):
                    self._remove(txid)
        if not change.left:
            return
        waiting = [*change.left, *(entry.tx for entry in self.entries.values())]
        self.entries, self.spenders = {}, {}
        for tx in waiting:
            try:
                self.accept(tx, now=now)
            except PolicyRefusal:
                continue

    def output(self, outpoint: Outpoint) -> Output | None:
        """An output of a transaction that waits."""
        entry = self.entries.get(outpoint.txid)
        if entry is None or outpoint.vout >= len(entry.tx.outputs):
            return None
        return entry.tx.outputs[outpoint.vout]

    def ancestors(self, tx: Tx) -> list[str]:
        """Transactions that wait and must be mined before `tx`."""
        found: list[str] = []
        todo = [tx]
        while todo:
            for spent in todo.pop().inputs:
                txid = spent.outpoint.txid
                if txid in self.entries and txid not in found:
                    found.append(txid)
                    todo.append(self.entries[txid].tx)
        return found

    def descendants(self, txid: str) -> list[str]:
        """Transactions that wait and stand on `txid`, without itself."""
        return self._with_descendants(txid)[1:]

    def _with_descendants(self, txid: str | None) -> list[str]:
        found: list[str] = []
        todo = [] if txid is None else [txid]
        while todo:
            one = todo.pop(0)
            if one in found:
                continue
            found.append(one)
            outputs = range(len(self.entries[one].tx.outputs))
            spenders = (self.spenders.get(Outpoint(one, vout)) for vout in outputs)
            todo += [spender for spender in spenders if spender is not None]
        return found

    def _remove(self, txid: str) -> None:
        entry = self.entries.pop(txid, None)
        if entry is not None:
            for spent in entry.tx.inputs:
                self.spenders.pop(spent.outpoint, None)

    def _spendable(self, outpoint: Outpoint) -> Output:
        coin = self._chain.coins.get(outpoint)
        if coin is None:
            waiting = self.output(outpoint)
            if waiting is None:
                raise PolicyRefusal(
                    "bad-txns-inputs-missingorspent",
                    code=BAD_TRANSACTION,
                    test_reason="missing-inputs",
                )
            return waiting
        depth = self._chain.height + 1 - coin.height
        if coin.coinbase and depth < COINBASE_MATURITY:
            raise PolicyRefusal(
                f"bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth {depth}",
                test_reason="bad-txns-premature-spend-of-coinbase",
            )
        return Output(coin.units, coin.script)

    def _heights(self, tx: Tx) -> list[int]:
        coins = (self._chain.coins.get(one.outpoint) for one in tx.inputs)
        return [self._chain.height + 1 if coin is None else coin.height for coin in coins]

    def _replaced(self, tx: Tx, fee: int) -> Sequence[str]:
        """Whom this transaction pushes out under BIP125, in the order of their coming."""
        rivals = {self.spenders[s.outpoint] for s in tx.inputs if s.outpoint in self.spenders}
        if not rivals:
            return ()
        if not all(self._signals(rival) for rival in rivals):
            raise PolicyRefusal("txn-mempool-conflict")
        evicted = {one for rival in rivals for one in self._with_descendants(rival)}
        if len(evicted) > EVICTED_MAX:
            raise PolicyRefusal(f"too many potential replacements, rejecting {tx.txid}")
        parents = {spent.outpoint.txid for spent in tx.inputs}
        if parents & evicted:
            raise PolicyRefusal(f"bad-txns-spends-conflicting-tx, {tx.txid} spends its rival")
        known = {s.outpoint for rival in rivals for s in self.entries[rival].tx.inputs}
        for spent in tx.inputs:
            if spent.outpoint.txid in self.entries and spent.outpoint not in known:
                raise PolicyRefusal(
                    f"replacement-adds-unconfirmed, replacement {tx.txid} adds unconfirmed input"
                )
        for rival in rivals:
            old = self.entries[rival]
            if fee * old.tx.vsize <= old.fee * tx.vsize:
                raise PolicyRefusal(
                    f"insufficient fee, rejecting replacement {tx.txid}; new feerate <= old feerate"
                )
        paid = sum(self.entries[one].fee for one in evicted)
        if fee < paid + tx.vsize * INCREMENTAL_UNITS_PER_VBYTE:
            raise PolicyRefusal(
                f"insufficient fee, rejecting replacement {tx.txid}, not enough additional fees"
            )
        return [txid for txid in self.entries if txid in evicted]

    def _signals(self, txid: str) -> bool:
        tx = self.entries[txid].tx
        family = [tx, *(self.entries[one].tx for one in self.ancestors(tx))]
        return any(_says_replaceable(one) for one in family)

    def _require_short_chain(self, tx: Tx, evicted: Iterable[str]) -> None:
        gone = set(evicted)
        above = [one for one in self.ancestors(tx) if one not in gone]
        if len(above) + 1 > CHAIN_MAX or any(
            len(self._with_descendants(one)) + 1 > CHAIN_MAX for one in above
        ):
            raise PolicyRefusal("too-long-mempool-chain")


def _says_replaceable(tx: Tx) -> bool:
    return any(one.sequence < REPLACEABLE_BELOW for one in tx.inputs)
