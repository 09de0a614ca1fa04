"""What waits in a Bitcoin node's mempool for our addresses: a promise to show, never to credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE
from payments.chains.blocks import Unmined, Waiting
from payments.chains.btc_addresses import address_of, scripts_of
from payments.chains.btc_answers import checked, known
from payments.chains.btc_blocks import RawBytesError, RawTx, read_transaction

if TYPE_CHECKING:
    from collections.abc import Container

    from payments.bitcoin_rpc import BitcoinRpc
    from payments.chains.btc_addresses import Network

FETCHED_AT_ONCE = 200
FETCHED_MAX = 5000


class BtcMempool:
    """Reads a node's mempool and remembers what it read."""

    def __init__(self, rpc: BitcoinRpc, network: Network) -> None:
        self._rpc = rpc
        self._network = network
        self._read: dict[str, tuple[Unmined, ...]] = {}

    async def waiting(self, watched: Container[str]) -> Waiting:
        """What waits now for watched addresses. What was replaced, mined or dropped is not among
        it any more. A mempool that is new to us is read FETCHED_MAX transactions at a time.

        Raises OutsideUnavailable: then nothing is known, and nothing was forgotten. So does a node
        that still loads its mempool, or that took a block meanwhile: what it no longer has might
        be in that block."""
        top_hash = await self._ask("getbestblockhash", str)
        # Bitcoin Core loads its mempool behind its RPC: until then it looks emptied.
        if (await self._ask("getmempoolinfo", dict)).get("loaded") is not True:
            raise OutsideUnavailable(source=SOURCE, reason="the node loads its mempool")
        listed = await self._ask("getrawmempool", list)
        if not all(isinstance(one, str) for one in listed):
            raise OutsideUnavailable(source=SOURCE, reason="unreadable")
        unread = [txid for txid in listed if txid not in self._read][:FETCHED_MAX]
        read = dict(self._read)
        for start in range(0, len(unread), FETCHED_AT_ONCE):
            read |= await self._fetch(unread[start : start + FETCHED_AT_ONCE], watched)
        self._read = {txid: read[txid] for txid in listed if txid in read}
        if await self._ask("getbestblockhash", str) != top_hash:
            raise OutsideUnavailable(source=SOURCE, reason="a block came meanwhile")
        payments = tuple(payment for found in self._read.values() for payment in found)
        return Waiting(top_hash, payments, frozenset(listed))

    async def _ask(self, method: str, kind: type) -> Any:
        return checked(await known(self._rpc, method), kind)

    async def _fetch(
        self, txids: list[str], watched: Container[str]
    ) -> dict[str, tuple[Unmined, ...]]:
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
            found[txid] = self._look(read, scripts_of(watched, self._network))
        return found

    def _look(self, read: RawTx, scripts: Container[bytes]) -> tuple[Unmined, ...]:
        return tuple(
            Unmined(
                business_key=f"{read.txid}:{vout}",
                tx_hash=read.txid,
                address=address_of(output.script, self._network) or "",
                units=output.units,
            )
            for vout, output in enumerate(read.outputs)
            if output.script in scripts and output.units > 0
        )
