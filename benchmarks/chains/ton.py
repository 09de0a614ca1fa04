"""Cases of TON: an account's history page by page through our adapter, against the bare pages."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import uvloop

from benchmarks.chains import raw
from benchmarks.chains.compare import UNLIMITED, Stopwatch, in_turns
from benchmarks.report import compared, plain
from payments.chains.base import Position
from payments.chains.ton import TonChain
from payments.chains.ton_facts import read_transaction, received
from payments.chains.ton_wallet import HotWallet
from payments.reading import PAGE_TRANSACTIONS
from payments.rpc import Toncenter
from sandbox.ton.chain import LocalChain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.chains.compare import ChainBench
    from benchmarks.report import Goal, Row
    from payments.chains.base import ChainHead

UNITS = 1_000_000_000
READINGS = 30
"""Of the whole history in a round: one takes no longer than a neighbour's slice of a processor."""
WALLET = HotWallet(b"\x11" * 32, 0x10AD, 600)
COMMENT = "bench-{number:06d}"


def ton(on: ChainBench, goals: Mapping[str, Goal]) -> list[Row]:
    """Pages read and decoded, and decoding alone."""
    node = LocalChain(block_ms=None)
    node.start()
    try:
        return uvloop.run(_measure(on, node, goals))
    finally:
        node.stop()


async def _measure(on: ChainBench, node: LocalChain, goals: Mapping[str, Goal]) -> list[Row]:
    on.say(f"  paying {on.sizes.ton_transactions:,} times with a comment")
    account = WALLET.address
    for number in range(on.sizes.ton_transactions):
        comment = COMMENT.format(number=number)
        await node.faucet(account.friendly(), UNITS, comment=comment)
    rpc = Toncenter(url=node.url, api_key="", requests_per_second=UNLIMITED)
    try:
        async with raw.RawNode(node.url) as wire:
            return [
                await _pages(on, rpc, wire, goals["ton_pages"]),
                await _decode(on, rpc, goals["ton_decode"]),
            ]
    finally:
        await rpc.close()


async def _pages(on: ChainBench, rpc: Toncenter, wire: raw.RawNode, goal: Goal) -> Row:
    chain, account = TonChain(rpc), WALLET.address.raw
    wanted = on.sizes.ton_transactions * READINGS

    async def reference() -> float:
        with Stopwatch() as watch:
            found = sum(
                [
                    await raw.ton_pages(wire, account, limit=PAGE_TRANSACTIONS)
                    for _ in range(READINGS)
                ]
            )
        _require(found, wanted)
        return found / watch.seconds

    async def ours() -> float:
        with Stopwatch() as watch:
            head = await chain.head()
            found = sum([await _read_all(chain, account, head) for _ in range(READINGS)])
        _require(found, wanted)
        return found / watch.seconds

    found = await in_turns(on.sizes.rounds, ours=ours, reference=reference)
    return compared(
        "ton_pages",
        value=found.value,
        unit="tx/s",
        reference=found.reference,
        ratio=found.ratio,
        goal=goal,
        note=f"pages of {PAGE_TRANSACTIONS}, links proven, comments read; raw: pages as JSON",
    )


async def _read_all(chain: TonChain, account: str, head: ChainHead) -> int:
    """How many deposits with a comment the account's whole history holds."""
    position, found, more = Position(), 0, True
    while more:
        page = await chain.page(account, after=position, head=head, limit=PAGE_TRANSACTIONS)
        found += sum(transfer.comment is not None for transfer in page.transfers)
        position, more = page.position, page.more
    return found


async def _decode(on: ChainBench, rpc: Toncenter, goal: Goal) -> Row:
    answer = await rpc.index(
        "transactions", account=WALLET.address.raw, sort="asc", limit=PAGE_TRANSACTIONS
    )
    rates = []
    for _ in range(on.sizes.rounds):
        done, began = 0, time.process_time()
        while (spent := time.process_time() - began) < on.sizes.sign_seconds:
            for record in answer["transactions"]:
                if received(read_transaction(record)) is None:
                    raise RuntimeError("a deposit was not read as one")
            done += len(answer["transactions"])
        rates.append(done / spent)
    return plain(
        "ton_decode",
        value=statistics.median(rates),
        unit="tx/s",
        goal=goal,
        note="JSON records to deposits with their comments, of processor time",
    )


def _require(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} of {wanted} transactions were found")
