"""What waits in a Bitcoin node's mempool for our addresses: a promise to show, never to credit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE
from payments.chains.btc_blocks import RawBytesError, RawTx, read_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.btc_addresses import WatchList

FETCHED_AT_ONCE = 200
FETCHED_MAX = 5000
REPLACEABLE_BELOW = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Seen:
    """An output that waits. `business_key` is the one that it will have in a block;
    `replaceable` says that its sender reserved the right to change his mind (BIP125), though any
    transaction without confirmations can disappear."""

    business_key: str
    tx_hash: str
    address: str
    units: int
    replaceable: bool


class BtcMempool:
    """Reads a node's mempool and remembers what it read.

    An address must be watched before anybody can know it: transactions are looked at once."""

    def __init__(self, rpc: BitcoinRpc, watched: WatchList) -> None:
        self._rpc = rpc
        self._watched = watched
        self._read: dict[str, tuple[Seen, ...]] = {}

    async def seen(self) -> Sequence[Seen]:
        """What waits now for watched addresses. What was replaced, mined or dropped is not among
        it any more. A mempool that is new to us is read FETCHED_MAX transactions at a time.

        Raises OutsideUnavailable: then nothing is known, and nothing was forgotten."""
        waiting = await self._rpc.call("getrawmempool")
        if not isinstance(waiting, list) or not all(isinstance(one, str) for one in waiting):
            raise OutsideUnavailable(source=SOURCE, reason="unreadable")
        unread = [txid for txid in waiting if txid not in self._read][:FETCHED_MAX]
        read = dict(self._read)
        for start in range(0, len(unread), FETCHED_AT_ONCE):
            read |= await self._fetch(unread[start : start + FETCHED_AT_ONCE])
        self._read = {txid: read[txid] for txid in waiting if txid in read}
        return [seen for found in self._read.values() for seen in found]

    async def _fetch(self, txids: list[str]) -> dict[str, tuple[Seen, ...]]:
        answers = await self._rpc.batch([("getrawtransaction", txid, False) for txid in txids])
        found = {}
        for txid, answer in zip(txids, answers, strict=True):
            if isinstance(answer, OutsideRefused):
                continue  # it left the mempool while we asked
            try:
                read = read_transaction(bytes.fromhex(answer))
            except (RawBytesError, ValueError, TypeError) as error:
                raise OutsideUnavailable(source=SOURCE, reason="unreadable") from error
            if read.txid != txid:
                raise OutsideUnavailable(source=SOURCE, reason="another transaction than asked for")
            found[txid] = self._look(read)
        return found

    def _look(self, read: RawTx) -> tuple[Seen, ...]:
        replaceable = any(spent.sequence < REPLACEABLE_BELOW for spent in read.inputs)
        by_script = self._watched.by_script
        return tuple(
            Seen(
                f"{read.txid}:{vout}",
                read.txid,
                by_script[output.script],
                output.units,
                replaceable,
            )
            for vout, output in enumerate(read.outputs)
            if output.script in by_script and output.units > 0
        )
