"""Cases of the chains' heads: how long after a block is made the database knows of a deposit."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import uvloop

from benchmarks.chains import btc, evm, raw, ton
from benchmarks.chains.compare import UNLIMITED, Stopwatch
from benchmarks.chains.followed import Payees, Reading
from benchmarks.report import Row
from casino.cashier import addresses
from casino.cashier.rails import set_hot_wallet
from casino.clock import utc_now
from casino.db import Database
from casino.nursery import Nursery
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import BITCOIN_REGTEST, WatchList
from payments.chains.ton import TonChain
from payments.rpc import Toncenter
from payments.watcher import Watcher
from sandbox.btc.chain import LocalBitcoin
from sandbox.evm.chain import LocalEvm
from sandbox.evm.usdt import deploy_usdt
from sandbox.ton.chain import LocalChain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from benchmarks.chains.compare import ChainBench
    from benchmarks.report import Goal

Node = TypeVar("Node", LocalEvm, LocalBitcoin, LocalChain)

PATIENCE_SECONDS = 30
CHANNEL = "bench_deposits"
# The server tells of each deposit when its transaction commits: nobody has to ask, which would
# take the processors from those who are measured.
TELL = f"""
CREATE FUNCTION bench_tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('{CHANNEL}', NEW.id::text); RETURN NULL; END $$;
CREATE TRIGGER bench_tell AFTER INSERT ON deposits FOR EACH ROW EXECUTE FUNCTION bench_tell();
"""
STRIDE = 0.618
"""Of the poll interval, between one sample and the next: they fall into every part of it."""


def heads(on: ChainBench, goals: Mapping[str, Goal]) -> list[Row]:
    """Each chain by itself, with its real watcher polling."""
    return [
        _with(LocalEvm(block_seconds=None), lambda node: _evm(on, node, goals["evm_head"])),
        _with(LocalBitcoin(), lambda node: _btc(on, node, goals["btc_head"])),
        _with(LocalChain(block_ms=None), lambda node: _ton(on, node, goals["ton_head"])),
    ]


def _with(node: Node, measure: Callable[[Node], Coroutine[None, None, Row]]) -> Row:
    node.start()
    try:
        return uvloop.run(measure(node))
    finally:
        node.stop()


async def _evm(on: ChainBench, node: LocalEvm, goal: Goal) -> Row:
    usdt = await deploy_usdt(node)
    chain = evm.adapter(node, usdt)
    own = evm.HashedAddresses().between(0, on.sizes.players - 1)
    reading = Reading(on, chain, evm.HashedAddresses(), on.sizes.few, await node.height(), warm=0)
    async with raw.RawNode(node.url) as wire, reading.house() as (_, database):
        payees = Payees(1, own)

        async def pay() -> None:
            await evm.mine(wire, usdt, payees, 1, 1)

        run = reading.follower(database, chain, poll_seconds=on.sizes.poll_seconds).run()
        found = await _samples(on, database, run, pay)
    await chain.close()
    reading.close()
    return _row(on, "evm_head", found, goal, call_ms=0.0)


async def _btc(on: ChainBench, node: LocalBitcoin, goal: Goal) -> Row:
    source = btc.HashedScripts(BITCOIN_REGTEST)
    chain = BtcChain(node.rpc(), BITCOIN_REGTEST, depth=btc.DEPTH)
    watched = source.between(0, on.sizes.few - 1)
    listed = WatchList(BITCOIN_REGTEST, [one.address for one in watched])
    async with raw.RawNode(node.url, user=node.user, password=node.password) as wire:
        payees = Payees(1, watched[: on.sizes.players])
        miner = btc.Miner(wire, BITCOIN_REGTEST, payees)
        await miner.fund(coins=1)
        reading = btc.followed(on, chain, source, listed, start=miner.height)
        async with reading.house() as (_, database):
            run = reading.follower(database, chain, poll_seconds=on.sizes.poll_seconds).run()
            found = await _samples(on, database, run, miner.mine)
    await chain.close()
    reading.close()
    return _row(on, "btc_head", found, goal, call_ms=0.0)


async def _ton(on: ChainBench, node: LocalChain, goal: Goal) -> Row:
    account = ton.WALLET.address
    rpc = Toncenter(url=node.url, api_key="", requests_per_second=UNLIMITED)
    with ExitStack() as held:
        house = await asyncio.to_thread(held.enter_context, on.bench.house())
        database = Database(house.url)
        async with database.transaction() as session:
            now, (player_id, *_) = utc_now(), house.players()
            await set_hot_wallet(session, rail="ton", address=account.friendly(), now=now)
            told = await addresses.deposit_instruction(
                session, player_id=player_id, rail="ton", now=now
            )

        async def pay() -> None:
            await node.faucet(account.friendly(), ton.UNITS, comment=told.tag or "")

        call_ms = await _call_ms(rpc)
        run = Watcher(database, TonChain(rpc), ("ton",), on.sizes.poll_seconds).run()
        found = await _samples(on, database, run, pay)
        await database.close()
    await rpc.close()
    return _row(on, "ton_head", found, goal, call_ms=call_ms)


async def _samples(
    on: ChainBench,
    database: Database,
    run: Coroutine[object, object, None],
    pay: Callable[[], Awaitable[object]],
) -> list[float]:
    """Milliseconds from each of some blocks with a deposit to that deposit in the database."""
    connection = await asyncpg.connect(database.dsn)
    booked: asyncio.Queue[float] = asyncio.Queue()
    found = []
    try:
        await connection.execute(TELL)
        await connection.add_listener(CHANNEL, lambda *_: booked.put_nowait(time.perf_counter()))
        async with Nursery() as nursery:
            nursery.start(run, name="watcher")
            for number in range(on.sizes.samples + 1):
                await asyncio.sleep(STRIDE * number % 1 * on.sizes.poll_seconds)
                await pay()
                paid = time.perf_counter()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    found.append(1000 * (await booked.get() - paid))
    finally:
        await connection.close()
    return found[1:]  # before the first the watcher was still getting ready


async def _call_ms(rpc: Toncenter) -> float:
    """What one call of the API takes."""
    taken = []
    for _ in range(20):
        with Stopwatch() as watch:
            await rpc.index("masterchainInfo")
        taken.append(1000 * watch.seconds)
    return statistics.median(taken)


def _row(on: ChainBench, name: str, found: list[float], goal: Goal, *, call_ms: float) -> Row:
    """The slowest twentieth, less the poll interval and what the chain may take besides."""
    interval = 1000 * on.sizes.poll_seconds
    slowest = sorted(found)[max(0, -(-len(found) * 19 // 20) - 1)]
    beyond = max(0.0, slowest - interval - call_ms)
    note = (
        f"p50 {statistics.median(found):.0f} ms, p95 {slowest:.0f} ms, polled every {interval} ms"
    )
    if call_ms:
        note += f", a call takes {call_ms:.1f} ms"
    return Row(name, beyond, "ms", None, None, f"{goal} ms", goal.met(beyond), note)
