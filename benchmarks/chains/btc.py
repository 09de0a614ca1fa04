"""Cases of Bitcoin: full blocks fetched, proven, searched and booked, against their bytes alone."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvloop

from benchmarks.chains import raw
from benchmarks.chains.compare import Stopwatch, in_turns
from benchmarks.chains.followed import Payees, Reading
from benchmarks.report import compared
from casino.cashier.address_pool import PoolAddress
from casino.cashier.rails import BTC
from payments.btc_units import BTC_SCALE
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import NETWORKS, Network, WatchList, address_of, parse
from sandbox.btc.chain import LocalBitcoin
from sandbox.btc.litecoin import PROGRAM, LocalLitecoin
from sandbox.btc.wallet import MATURITY_BLOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from benchmarks.chains.compare import ChainBench
    from benchmarks.report import Goal, Row

    LocalNode = LocalBitcoin | LocalLitecoin

DEPTH = 6
UNITS = 20_000
# A witness of the size that p2wpkh has (a signature, a key), which this script drops: full blocks
# for the reader, and no signatures to make or check for whoever mines them.
GUARD = b"\x6d\x51"
WITNESS = b"\x03" + b"\x48" + b"\x30" * 72 + b"\x21" + b"\x02" * 33 + bytes([len(GUARD)]) + GUARD
KEPT = b"\x00\x20" + hashlib.sha256(GUARD).digest()
VERSION = (2).to_bytes(4, "little")
SEQUENCE = b"\xfd\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class HashedScripts:
    """Addresses that nobody has the key of: watching costs the same, deriving them nothing."""

    network: Network

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        """The addresses number `first` .. `last`."""
        return [self._at(number) for number in range(first, last + 1)]

    def _at(self, number: int) -> PoolAddress:
        address = address_of(_script("own", number), self.network) or ""
        return PoolAddress(number, address, address)


@dataclass(slots=True)
class History:
    """Blocks `first` .. `last` by their hashes, all with so many transactions."""

    first: int
    last: int
    hashes: list[str]
    deposits: int
    bytes: int


@dataclass(slots=True)
class _Side:
    """A node with a history on it."""

    chain: BtcChain
    wire: raw.RawNode
    network: Network
    history: History
    lists: dict[int, WatchList] = field(default_factory=dict)

    def reading(self, on: ChainBench, *, watched: int) -> Reading:
        source = HashedScripts(self.network)
        if watched not in self.lists:
            addresses = [one.address for one in source.between(0, watched - 1)]
            self.lists[watched] = WatchList(self.network, addresses)
        start = self.history.first - 1
        warm = int(len(self.history.hashes) * on.sizes.warm)
        return followed(on, self.chain, source, self.lists[watched], start=start, warm=warm)

    async def rate(self, reading: Reading, *, prove: bool = False) -> float:
        found = self.history
        seconds = await reading.read(upto=found.last, deposits=found.deposits, prove=prove)
        return (len(found.hashes) - reading.warm) / seconds

    async def raw_rate(self) -> float:
        with Stopwatch() as watch:
            await raw.btc_block_bytes(self.wire, self.history.hashes)
        return len(self.history.hashes) / watch.seconds


def followed(
    on: ChainBench,
    chain: BtcChain,
    source: HashedScripts,
    listed: WatchList,
    *,
    start: int,
    warm: int = 0,
) -> Reading:
    """A reading of Bitcoin's rail. `listed` is all that it watches; it is made once, since a
    hundred thousand addresses take seconds to read."""
    watched = len(listed)
    return Reading(
        on, chain, source, watched, start, warm, rail=BTC, scale=BTC_SCALE, watch=lambda: listed
    )


def btc(on: ChainBench, goals: Mapping[str, Goal]) -> list[Row]:
    """Backfill with many addresses on Bitcoin's own consensus, and on litecoind where it is."""
    rows = _with(LocalBitcoin(), lambda node: _bitcoin(on, node, goals))
    if shutil.which(PROGRAM) is None:
        on.say(f"  {PROGRAM} is not here: left out")
        return rows
    name = "btc_backfill_litecoin"
    return rows + _with(LocalLitecoin(), lambda node: _litecoin(on, node, goals, name))


def _with(
    node: LocalNode, measure: Callable[[LocalNode], Coroutine[None, None, list[Row]]]
) -> list[Row]:
    node.start()
    try:
        return uvloop.run(measure(node))
    finally:
        node.stop()


async def _bitcoin(on: ChainBench, node: LocalNode, goals: Mapping[str, Goal]) -> list[Row]:
    async with raw.RawNode(node.url, user=node.user, password=node.password) as wire:
        side = await _fill(on, node, wire)
        try:
            many = side.reading(on, watched=on.sizes.many)
            few = side.reading(on, watched=on.sizes.few)
            backfill = await _backfill(on, side, many, "btc_backfill", goals["btc_backfill"])
            on.say(f"  watching {on.sizes.few:,} addresses")
            found = await in_turns(
                on.sizes.rounds, ours=lambda: side.rate(many), reference=lambda: side.rate(few)
            )
            many.close()
            few.close()
        finally:
            await side.chain.close()
    watched = compared(
        "btc_watched",
        value=found.value,
        unit="blocks/s",
        reference=found.reference,
        ratio=found.ratio,
        goal=goals["btc_watched"],
        note=f"{on.sizes.many:,} addresses watched against {on.sizes.few:,}",
    )
    return [backfill, watched]


async def _litecoin(
    on: ChainBench, node: LocalNode, goals: Mapping[str, Goal], name: str
) -> list[Row]:
    async with raw.RawNode(node.url, user=node.user, password=node.password) as wire:
        side = await _fill(on, node, wire)
        try:
            many = side.reading(on, watched=on.sizes.many)
            row = await _backfill(on, side, many, name, goals[name])
            many.close()
        finally:
            await side.chain.close()
    return [row]


async def _backfill(on: ChainBench, side: _Side, reading: Reading, name: str, goal: Goal) -> Row:
    on.say("  reading blocks")
    await side.rate(reading, prove=True)
    found = await in_turns(
        on.sizes.rounds, ours=lambda: side.rate(reading), reference=side.raw_rate
    )
    history = side.history
    return compared(
        name,
        value=found.value,
        unit="blocks/s",
        reference=found.reference,
        ratio=found.ratio,
        goal=goal,
        note=(
            f"{on.sizes.btc_transactions} transactions, {history.bytes // 1000} kB a block,"
            f" {history.deposits} deposits in {len(history.hashes)} blocks,"
            f" {on.sizes.many:,} scripts; raw: getblock 0, bytes unread"
        ),
    )


async def _fill(on: ChainBench, node: LocalNode, wire: raw.RawNode) -> _Side:
    sizes, network = on.sizes, NETWORKS[node.network]
    on.say(f"  mining {sizes.btc_blocks} blocks of {sizes.btc_transactions} transactions")
    own = HashedScripts(network).between(0, sizes.players - 1)
    payees = Payees(sizes.btc_own_every, own)
    miner = Miner(wire, network, payees)
    await miner.fund(coins=sizes.btc_transactions)
    first = miner.height + 1
    hashes = [await miner.mine() for _ in range(sizes.btc_blocks)]
    size = len(bytes.fromhex(await wire.ask("getblock", hashes[-1], 0)))
    history = History(first, miner.height, hashes, payees.deposits, size)
    chain = BtcChain(node.rpc(), network, depth=DEPTH)
    return _Side(chain, wire, network, history)


@dataclass(slots=True)
class Miner:
    """Makes blocks full of payments with one input, one receiver and change, like wallets' own."""

    wire: raw.RawNode
    network: Network
    payees: Payees
    height: int = 0
    _nobody: str = ""
    _coins: list[tuple[bytes, int, int]] = field(default_factory=list)

    async def fund(self, *, coins: int) -> None:
        """Begin a chain, and have so many coins to pay from: one for each payment in a block."""
        self._nobody = address_of(_script("nobody", 0), self.network) or ""
        kept = address_of(KEPT, self.network)
        (first,) = await self.wire.ask("generatetoaddress", 1, kept)
        await self.wire.ask("generatetoaddress", MATURITY_BLOCKS, self._nobody)
        txid, units = await _coinbase(self.wire, first)
        each = (units - 100_000) // coins
        fan = _Spend(txid, 0, [(each, KEPT)] * coins)
        await self._block([fan])
        self._coins = [(fan.txid, vout, each) for vout in range(coins)]
        self.height = int(await self.wire.ask("getblockcount"))

    async def mine(self) -> str:
        """A block in which every coin pays somebody; its hash."""
        spends = [_payment(coin, self.payees, self.network) for coin in self._coins]
        made = await self._block(spends)
        self._coins = [(one.txid, 1, one.outputs[1][0]) for one in spends]
        self.height += 1
        return made

    async def _block(self, spends: Sequence[_Spend]) -> str:
        texts = [one.raw.hex() for one in spends]
        made = await self.wire.ask("generateblock", self._nobody, texts)
        return str(made["hash"])


async def _coinbase(wire: raw.RawNode, block_hash: str) -> tuple[bytes, int]:
    """The id and the worth of a block's first transaction."""
    shown = await wire.ask("getblock", block_hash, 2)
    first = shown["tx"][0]
    units = round(first["vout"][0]["value"] * 10**8)
    return bytes.fromhex(first["txid"])[::-1], units


@dataclass(slots=True)
class _Spend:
    """A transaction with one input of ours, as bytes."""

    source: bytes
    vout: int
    outputs: list[tuple[int, bytes]]
    raw: bytes = b""
    txid: bytes = b""

    def __post_init__(self) -> None:
        paid = b"".join(
            units.to_bytes(8, "little") + bytes([len(script)]) + script
            for units, script in self.outputs
        )
        outpoint = self.source + self.vout.to_bytes(4, "little")
        body = b"\x01" + outpoint + b"\x00" + SEQUENCE + _length(len(self.outputs)) + paid
        stripped = VERSION + body + bytes(4)
        self.raw = VERSION + b"\x00\x01" + body + WITNESS + bytes(4)
        self.txid = hashlib.sha256(hashlib.sha256(stripped).digest()).digest()


def _payment(coin: tuple[bytes, int, int], payees: Payees, network: Network) -> _Spend:
    txid, vout, units = coin
    own = payees.next()
    script = _script("stranger", payees.paid) if own is None else parse(own, network)
    return _Spend(txid, vout, [(UNITS, script), (units - UNITS, KEPT)])


def _script(kind: str, number: int) -> bytes:
    return b"\x00\x14" + hashlib.sha256(f"{kind} {number}".encode()).digest()[:20]


def _length(number: int) -> bytes:
    return bytes([number]) if number < 0xFD else b"\xfd" + number.to_bytes(2, "little")
