"""Cases of the EVM chain: a token's history read and booked, against the same node asked raw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import uvloop

from benchmarks.chains import raw
from benchmarks.chains.compare import UNLIMITED, Stopwatch, in_turns
from benchmarks.chains.followed import Payees, Reading
from benchmarks.report import compared
from casino.cashier.address_pool import PoolAddress
from payments.chains.evm import EvmChain
from payments.json_rpc import JsonRpcNode
from sandbox.evm.chain import CHAIN_ID, LocalEvm
from sandbox.evm.usdt import LocalUsdt, call, deploy_usdt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from benchmarks.bench import Interleaved
    from benchmarks.chains.compare import ChainBench
    from benchmarks.report import Goal, Row

Reference: TypeAlias = "Callable[[], Awaitable[float]]"

GAS = 20_000_000
FINAL_AFTER = 5
UNITS = 1_000_000
STRANGERS = 300


class HashedAddresses:
    """Accounts that nobody has the key of: watching costs the same, deriving them nothing."""

    def between(self, first: int, last: int) -> Sequence[PoolAddress]:
        """The addresses number `first` .. `last`."""
        return [
            PoolAddress(n, _account("own", n), _account("own", n)) for n in range(first, last + 1)
        ]


@dataclass(frozen=True, slots=True)
class History:
    """Blocks `first` .. `last`, all with so many transfers of the token, and what is ours."""

    first: int
    last: int
    transfers: int
    deposits: int

    @property
    def blocks(self) -> int:
        """How many blocks."""
        return self.last - self.first + 1


def evm(on: ChainBench, goals: Mapping[str, Goal]) -> list[Row]:
    """Backfill with bookings, full blocks, and the price of many addresses."""
    node = LocalEvm(block_seconds=None)
    node.start()
    try:
        return uvloop.run(_measure(on, node, goals))
    finally:
        node.stop()


async def _measure(on: ChainBench, node: LocalEvm, goals: Mapping[str, Goal]) -> list[Row]:
    sizes = on.sizes
    usdt = await deploy_usdt(node)
    chain = adapter(node, usdt)
    own = HashedAddresses().between(0, sizes.players - 1)
    async with raw.RawNode(node.url) as wire:
        try:
            on.say(f"  mining {sizes.evm_blocks:,} blocks of {sizes.evm_transfers} transfers")
            payees = Payees(sizes.own_every, own)
            usual = await mine(wire, usdt, payees, sizes.evm_blocks, sizes.evm_transfers)
            on.say(f"  mining {sizes.full_blocks:,} blocks of {sizes.full_transfers} transfers")
            payees = Payees(sizes.full_own_every, own)
            full = await mine(wire, usdt, payees, sizes.full_blocks, sizes.full_transfers)
            await node.mine(FINAL_AFTER)
            on.say("  reading blocks of few transfers")
            rows = [await _backfill(on, chain, wire, usdt, usual, goals["evm_backfill"])]
            on.say("  reading blocks of many transfers")
            rows.append(await _full_blocks(on, chain, wire, usdt, full, goals["evm_full_blocks"]))
            on.say(f"  watching {sizes.many:,} addresses")
            rows.append(await _watched(on, chain, usual, goals["evm_watched"]))
            return rows
        finally:
            await chain.close()


async def _backfill(
    on: ChainBench,
    chain: EvmChain,
    wire: raw.RawNode,
    usdt: LocalUsdt,
    history: History,
    goal: Goal,
) -> Row:
    async def reference() -> float:
        with Stopwatch() as watch:
            logs = await raw.evm_linked_path(wire, usdt.address.raw, history.first, history.last)
        _require(logs, history)
        return history.blocks / watch.seconds

    found = await _against(on, chain, history, reference, each=1)
    return compared(
        "evm_backfill",
        value=found.value,
        unit="blocks/s",
        reference=found.reference,
        ratio=found.ratio,
        goal=goal,
        note=_note(history) + "; raw: linked headers and logs by block hash, batches of 100",
    )


async def _full_blocks(
    on: ChainBench,
    chain: EvmChain,
    wire: raw.RawNode,
    usdt: LocalUsdt,
    history: History,
    goal: Goal,
) -> Row:
    async def reference() -> float:
        with Stopwatch() as watch:
            logs = await raw.evm_decoded_logs(wire, usdt.address.raw, history.first, history.last)
        _require(logs, history)
        return logs / watch.seconds

    found = await _against(on, chain, history, reference, each=history.transfers)
    return compared(
        "evm_full_blocks",
        value=found.value,
        unit="logs/s",
        reference=found.reference,
        ratio=found.ratio,
        goal=goal,
        note=_note(history) + "; raw: logs by ranges of 100 blocks, decoded, no headers",
    )


async def _against(
    on: ChainBench, chain: EvmChain, history: History, reference: Reference, *, each: int
) -> Interleaved:
    """`each` is what a block counts for."""
    reading = _reading(on, chain, history, watched=on.sizes.few)

    async def ours() -> float:
        seconds = await reading.read(upto=history.last, deposits=history.deposits)
        return (history.blocks - reading.warm) * each / seconds

    try:
        await reading.read(upto=history.last, deposits=history.deposits, prove=True)
        found = await in_turns(on.sizes.rounds, ours=ours, reference=reference)
    finally:
        reading.close()
    return found


async def _watched(on: ChainBench, chain: EvmChain, history: History, goal: Goal) -> Row:
    many = _reading(on, chain, history, watched=on.sizes.many)
    few = _reading(on, chain, history, watched=on.sizes.few)

    async def rate(reading: Reading) -> float:
        seconds = await reading.read(upto=history.last, deposits=history.deposits)
        return (history.blocks - reading.warm) / seconds

    try:
        found = await in_turns(
            on.sizes.rounds, ours=lambda: rate(many), reference=lambda: rate(few)
        )
    finally:
        many.close()
        few.close()
    return compared(
        "evm_watched",
        value=found.value,
        unit="blocks/s",
        reference=found.reference,
        ratio=found.ratio,
        goal=goal,
        note=f"{on.sizes.many:,} addresses watched against {on.sizes.few:,}",
    )


def adapter(node: LocalEvm, usdt: LocalUsdt) -> EvmChain:
    """Our adapter over the node."""
    rpc = JsonRpcNode(url=node.url, requests_per_second=UNLIMITED)
    return EvmChain([rpc], chain_id=CHAIN_ID, token=usdt.address.raw)


async def mine(
    wire: raw.RawNode, usdt: LocalUsdt, payees: Payees, blocks: int, transfers: int
) -> History:
    """Blocks of one transaction each, which pays so many; the token's owner pays for all."""
    owner = (await wire.ask("eth_accounts"))[0]
    first = int(await wire.ask("eth_blockNumber"), 16) + 1
    before = payees.deposits
    for _ in range(blocks):
        to = [
            payees.next() or _account("stranger", payees.paid % STRANGERS) for _ in range(transfers)
        ]
        payload = call("transferMany(address[],uint256[])", to, [UNITS] * transfers)
        wanted = {
            "from": owner,
            "to": usdt.address.raw,
            "data": "0x" + payload.hex(),
            "gas": hex(GAS),
        }
        await wire.ask("eth_sendTransaction", wanted)
        await wire.ask("evm_mine")
    return History(first, first + blocks - 1, transfers, payees.deposits - before)


def _reading(on: ChainBench, chain: EvmChain, history: History, *, watched: int) -> Reading:
    warm = int(history.blocks * on.sizes.warm)
    return Reading(on, chain, HashedAddresses(), watched, start=history.first - 1, warm=warm)


def _require(logs: int, history: History) -> None:
    if logs != history.blocks * history.transfers:
        raise RuntimeError(f"the reference found {logs} logs")


def _note(history: History) -> str:
    return (
        f"{history.transfers} transfers in a block, {history.deposits} deposits"
        f" in {history.blocks:,} blocks"
    )


def _account(kind: str, number: int) -> str:
    return "0x" + hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:40]
