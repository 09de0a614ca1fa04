"""Bitcoin, followed block by block through a Bitcoin Core without a wallet and without an index."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import SOURCE
from payments.chains.base import Outcome
from payments.chains.blocks import Header, Incoming, Landed, Tip, Waiting
from payments.chains.btc_addresses import Network, address_of, scripts_of
from payments.chains.btc_answers import checked, field, header_of, hex_bytes, known
from payments.chains.btc_blocks import (
    NOTHING,
    RawBytesError,
    ScannedBlock,
    outpoint_bytes,
    read_transaction,
    scan_block,
)
from payments.chains.btc_judge import Spend
from payments.chains.btc_landed import find_landed
from payments.chains.btc_mempool import BtcMempool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Container, Iterable, Sequence

    from payments.bitcoin_rpc import BitcoinRpc

DEPTH = 6
HEADERS_AT_ONCE = 500
BLOCKS_AT_ONCE = 3
OUT_OF_RANGE = -8
# How Bitcoin Core and its descendants say no to a transaction (src/rpc/protocol.h): bad bytes,
# inputs that are missing or spent, and everything that their mempool's policy does not like.
REFUSALS = frozenset({-22, -25, -26})
IN_CHAIN = -27
ALREADY_THERE = ("txn-already-in-mempool", "txn-already-known", "already in block chain")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """What blocks brought to watched addresses, and who spent wanted outpoints in them."""

    incoming: tuple[Incoming, ...]
    spends: tuple[Spend, ...]


@dataclass(frozen=True, slots=True)
class OwnOutput:
    """An output to one of our scripts, with the transaction that made it (without witnesses)."""

    outpoint: str
    units: int
    script: bytes
    parent: bytes
    height: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What blocks brought to watched addresses, every coin of ours that they made, and every one
    that they spent, also those made in the same blocks."""

    incoming: tuple[Incoming, ...]
    made: tuple[OwnOutput, ...]
    spends: tuple[Spend, ...]


class BtcChain:
    """A Bitcoin network through one node.

    Methods raise OutsideUnavailable when nothing is known, and OutsideRefused only when the node
    does not let us in.
    A block is final when it is `depth` deep, itself counted. `units` are satoshis everywhere."""

    def __init__(
        self, rpc: BitcoinRpc, network: Network, *, depth: int = DEPTH, name: str = "bitcoin"
    ) -> None:
        if depth < 1:
            raise ValueError("a block is at least one deep")
        self.name = name
        self._rpc = rpc
        self._network = network
        self._depth = depth
        self._mempool = BtcMempool(rpc, network)

    async def tip(self) -> Tip:
        """The newest block and the newest final height.

        Raises OutsideUnavailable also for a node of another network and for one that still
        downloads the chain."""
        info = await known(self._rpc, "getblockchaininfo")
        height, best = field(info, "blocks", int), field(info, "bestblockhash", str)
        if height < 0 or field(info, "chain", str) != self._network.chain:
            raise OutsideUnavailable(source=SOURCE, reason="a node of another network")
        if info.get("initialblockdownload") is True and self._network.chain != "regtest":
            raise OutsideUnavailable(source=SOURCE, reason="the node downloads the chain")
        raw = await known(self._rpc, "getblockheader", best, False)
        head = header_of(raw, height, best)
        return Tip(head, max(height - self._depth + 1, 0))

    async def headers(self, first: int, last: int) -> Sequence[Header]:
        """Headers of heights `first` .. `last`; fewer where the node's chain ends. Each hash is
        computed from the header's own bytes.

        Raises OutsideUnavailable when they do not link or the node gives them up midway."""
        found: list[Header] = []
        for start in range(first, last + 1, HEADERS_AT_ONCE):
            heights = range(start, min(start + HEADERS_AT_ONCE, last + 1))
            hashes = await self._hashes(heights)
            raws = await self._rpc.batch([("getblockheader", one, False) for one in hashes])
            for height, block_hash, raw in zip(heights, hashes, raws, strict=False):
                if isinstance(raw, OutsideRefused):
                    raise OutsideUnavailable(source=SOURCE, reason="block not known") from raw
                header = header_of(raw, height, block_hash)
                if found and header.parent != found[-1].hash:
                    raise OutsideUnavailable(source=SOURCE, reason="headers do not link")
                found.append(header)
            if len(hashes) < len(heights):
                break
        return found

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        """What these blocks brought to watched addresses, one entry for each output.

        A WatchList is searched by script; any other container costs an address for each output.
        Coinbase outputs are no payments: they cannot be spent for a hundred blocks, and who sends
        one is a miner, not a wallet."""
        return (await self.follow(headers, watched=watched)).incoming

    async def spends(self, headers: Sequence[Header], outpoints: Iterable[str]) -> Sequence[Spend]:
        """Who spent any of these outpoints (`txid:vout`) in these blocks."""
        return (await self.follow(headers, outpoints=outpoints)).spends

    async def follow(
        self,
        headers: Sequence[Header],
        *,
        watched: Container[str] = frozenset(),
        outpoints: Iterable[str] = (),
    ) -> Followed:
        """Both readings of the same blocks, each block fetched once and by its hash.

        Raises OutsideUnavailable for a block that the node does not know or that does not add up
        to its header."""
        scripts = scripts_of(watched, self._network) if watched else NOTHING
        wanted = frozenset(outpoint_bytes(one) for one in outpoints) or NOTHING
        incoming: list[Incoming] = []
        spends: list[Spend] = []
        async with aclosing(self._raw_blocks(headers)) as raw_blocks:
            async for header, raw in raw_blocks:
                block = _scan(raw, header, scripts, wanted)
                incoming += self._incoming(block, header)
                spends += (
                    Spend(found.outpoint, found.txid, found.outputs, header.height, header.hash)
                    for found in block.spends
                )
        return Followed(tuple(incoming), tuple(spends))

    async def waiting(self, watched: Container[str]) -> Waiting:
        """What waits in the node's mempool for watched addresses, as BtcMempool reads it."""
        return await self._mempool.waiting(watched)

    async def moved(
        self,
        headers: Sequence[Header],
        *,
        watched: Container[str],
        own: Container[bytes],
        outpoints: Iterable[str],
    ) -> Moved:
        """What these blocks did to our coins: those of watched addresses and of further scripts of
        our `own`, whose outputs are nobody's deposits. `outpoints` are the coins known before.

        Raises as `follow` does."""
        wanted = {outpoint_bytes(one) for one in outpoints}
        deposits = scripts_of(watched, self._network)
        scripts = _Either(deposits, own)
        incoming: list[Incoming] = []
        made: list[OwnOutput] = []
        spends: list[Spend] = []
        async with aclosing(self._raw_blocks(headers)) as raw_blocks:
            async for header, raw in raw_blocks:
                block = _scan(raw, header, scripts, wanted)
                outputs = [one for one in block.outputs if not one.coinbase and one.units > 0]
                fresh = {outpoint_bytes(f"{one.txid}:{one.vout}") for one in outputs} - wanted
                if fresh:
                    # A coin may be spent in the very block that made it.
                    wanted |= fresh
                    block = _scan(raw, header, scripts, wanted)
                paid_in = tuple(one for one in outputs if one.script in deposits)
                incoming += self._incoming(replace(block, outputs=paid_in), header)
                made += (
                    OwnOutput(
                        f"{one.txid}:{one.vout}",
                        one.units,
                        one.script,
                        one.parent,
                        header.height,
                        header.hash,
                    )
                    for one in outputs
                )
                spends += (
                    Spend(found.outpoint, found.txid, found.outputs, header.height, header.hash)
                    for found in block.spends
                )
        return Moved(tuple(incoming), tuple(made), tuple(spends))

    async def landed(self, tx_hash: str) -> Landed | None:
        """Where a transaction was mined; None while the node cannot tell.

        A node with an index of transactions tells at once; one without is asked for the outputs
        that are still unspent, so that None can also mean that all of them were spent. Follow
        `spends` of its inputs for certainty. The fee comes from the block, or from the index;
        raises OutsideUnavailable from a node that offers neither."""
        return await find_landed(self._rpc, tx_hash)

    async def broadcast(self, signed: bytes) -> Outcome:
        """Hand in stored bytes, once more or for the first time.

        FAILED covers bad bytes, missing inputs (also those of a transaction that was mined and
        spent long ago), a conflict in the mempool and a replacement that pays too little: none of
        them says anything of earlier sends."""
        try:
            txid = read_transaction(signed).txid
        except RawBytesError:
            return Outcome.FAILED
        try:
            answer = await self._rpc.call("sendrawtransaction", signed.hex())
        except OutsideRefused as error:
            return _judge_refusal(txid, error)
        except OutsideUnavailable as error:
            log.warning("payout.unknown", tx_hash=txid, reason=error.data.get("reason"))
            return Outcome.UNKNOWN
        if answer != txid:
            log.warning("payout.unknown", tx_hash=txid, reason="another id in the answer")
            return Outcome.UNKNOWN
        return Outcome.SUCCEEDED

    async def close(self) -> None:
        """Close the connections to the node."""
        await self._rpc.close()

    async def _hashes(self, heights: range) -> list[str]:
        answers = await self._rpc.batch([("getblockhash", height) for height in heights])
        hashes: list[str] = []
        for answer in answers:
            if isinstance(answer, OutsideRefused):
                if answer.data.get("rpc_code") != OUT_OF_RANGE:
                    raise OutsideUnavailable(source=SOURCE, reason=str(answer)) from answer
                break
            hashes.append(checked(answer, str))
        return hashes

    async def _raw_blocks(
        self, headers: Sequence[Header]
    ) -> AsyncGenerator[tuple[Header, bytes], None]:
        """The blocks of these headers in their order; while one is looked through, the node works
        on the next ones."""
        asked: deque[asyncio.Task[Any]] = deque()
        waiting = iter(headers)
        try:
            for header in headers:
                for next_one in islice(waiting, BLOCKS_AT_ONCE - len(asked)):
                    asking = known(self._rpc, "getblock", next_one.hash, 0)
                    asked.append(asyncio.create_task(asking))  # noqa: TID251 - awaited below
                # Where the answer is here already nothing else would get its turn, and what was
                # asked for now would leave only after this block.
                await asyncio.sleep(0)
                yield header, hex_bytes(await asked.popleft())
        finally:
            # After trouble the answers under way are waited for and thrown away: what is cancelled
            # closes its connection, and the node would work for nobody at the next try too.
            await asyncio.gather(*asked, return_exceptions=True)

    def _incoming(self, block: ScannedBlock, header: Header) -> list[Incoming]:
        return [
            Incoming(
                business_key=f"{found.txid}:{found.vout}",
                tx_hash=found.txid,
                address=address_of(found.script, self._network) or "",
                sender="",  # coins have no sender: inputs may belong to many
                units=found.units,
                height=header.height,
                block_hash=header.hash,
                at=header.at,
            )
            for found in block.outputs
            if not found.coinbase and found.units > 0
        ]


class _Either:
    """What is in one of two containers."""

    def __init__(self, first: Container[bytes], second: Container[bytes]) -> None:
        self._first = first
        self._second = second

    def __contains__(self, script: object) -> bool:
        return script in self._first or script in self._second


def _scan(
    raw: bytes, header: Header, scripts: Container[bytes], outpoints: Container[bytes]
) -> ScannedBlock:
    try:
        block = scan_block(raw, scripts=scripts, outpoints=outpoints)
    except RawBytesError as error:
        raise OutsideUnavailable(source=SOURCE, reason=f"unreadable: {error}") from error
    if block.hash != header.hash:
        raise OutsideUnavailable(source=SOURCE, reason="another block than asked for")
    return block


def _judge_refusal(txid: str, error: OutsideRefused) -> Outcome:
    code, reason = error.data.get("rpc_code"), str(error.data.get("reason"))
    if code == IN_CHAIN or any(words in reason for words in ALREADY_THERE):
        return Outcome.SUCCEEDED
    log.info("payout.refused", tx_hash=txid, rpc_code=code, reason=reason)
    return Outcome.FAILED if code in REFUSALS else Outcome.UNKNOWN
