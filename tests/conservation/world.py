"""A sandbox whose nodes are reached through doors that fail, and the faults that strike it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from casino.errors import OutsideError
from payments.chains.btc_addresses import BITCOIN_REGTEST, parse
from sandbox.btc.faults import FaultyWire
from sandbox.chains import QUICK_PACE
from sandbox.evm.faulty_front import FaultyFront
from sandbox.settings import Ports
from sandbox.stage import open_stage
from tests.conservation.havoc import Havoc
from tests.conservation.people import Town
from tests.conservation.streets import BtcStreet, EvmStreet, JettonStreet, TonStreet

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable

    from sandbox.home import Home
    from sandbox.stage import Stage

PROCESSES = ("watcher", "sender", "signer")
PEOPLE = 4
OUTAGE_SECONDS = 1.5
REORG_DEPTH_MAX = 3
"""Above what is final here: four blocks on Ethereum, more on Bitcoin."""
CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(slots=True)
class World:
    """The house with its processes, the doors before its nodes, and the town that plays there."""

    stage: Stage
    fronts: tuple[FaultyFront, FaultyFront]
    wire: FaultyWire
    town: Town
    ton: TonStreet
    evm: EvmStreet
    btc: BtcStreet
    havoc: Havoc

    async def calm(self) -> None:
        """Take back every fault that lasts."""
        for front in self.fronts:
            front.statuses.clear()
            front.lost_answers = front.silent = front.lag = 0
        self.wire.http500 = self.wire.http429 = self.wire.empty = self.wire.silent = 0
        self.wire.lag = 0
        await self.stage.chains.ton.fault(dropSend=0, failAfterSend=0, http429=0, http500=0)
        await self.evm.usdt.pause(on=False)


@asynccontextmanager
async def open_world(
    home: Home, chance: random.Random, *, say: Callable[[str], None]
) -> AsyncIterator[World]:
    """Start everything and give everybody coins."""
    async with AsyncExitStack() as stack:
        doors: list[Any] = []

        async def through_doors(environment: dict[str, str]) -> None:
            fronts = [
                await stack.enter_async_context(FaultyFront(environment["EVM_NODE_URLS"]))
                for _ in range(2)
            ]
            wire = FaultyWire(environment["BTC_NODE_URL"])
            await wire.start()
            stack.push_async_callback(wire.stop)
            environment["EVM_NODE_URLS"] = ",".join(front.url for front in fronts)
            environment["BTC_NODE_URL"] = wire.url
            doors.extend((*fronts, wire))

        stage = await stack.enter_async_context(
            open_stage(
                home,
                Ports.free(),
                pace=QUICK_PACE,
                say=say,
                names=PROCESSES,
                reroute=through_doors,
            )
        )
        chains, tokens = stage.chains, stage.tokens
        ton = TonStreet(chains.ton, chains.ton_rpc, PEOPLE)
        jetton = JettonStreet(ton, tokens.jetton, chance)
        evm = EvmStreet(chains.ethereum, tokens.usdt, PEOPLE)
        btc = BtcStreet(
            chains.bitcoin_rpc, PEOPLE, xpub=stage.environment["BTC_XPUB"], chance=chance
        )
        say("giving coins to the players of this run")
        await ton.fund()
        await jetton.fund()
        await evm.fund()
        await btc.fund()
        town = Town(
            stage.database,
            {street.rail: street for street in (ton, jetton, evm, btc)},
            chance,
            approval_seed=bytes.fromhex(stage.environment["ADMIN_APPROVAL_KEY"]),
        )
        await town.rate()
        await town.settle_in(PEOPLE)
        first, second, wire = doors
        world = World(stage, (first, second), wire, town, ton, evm, btc, Havoc(chance))
        world.havoc.kinds.update(_kinds(world))
        yield world
        await world.calm()


def _kinds(world: World) -> dict[str, Any]:
    ton, stage = world.stage.chains.ton, world.stage
    kinds = {f"{name} killed": partial(_kill, world, name) for name in PROCESSES}
    kinds["all processes killed"] = partial(_kill, world, *PROCESSES)
    kinds["database connections cut"] = partial(_cut, stage)
    for fault in ("dropSend", "failAfterSend", "http429", "http500"):
        kinds[f"ton {fault}"] = partial(_ton_fault, ton, fault)
    kinds |= {
        "ethereum 429 and 500": partial(_front_refuses, world),
        "ethereum answer lost": partial(_front_loses, world),
        "ethereum lags": partial(_front_lags, world),
        "ethereum reorganised": partial(_evm_reorg, world),
        "ethereum forgets what waits": partial(_evm_forgets, world),
        "usdt paused": partial(_pause, world),
        "bitcoin 429 and 500": partial(_wire_refuses, world),
        "bitcoin answers empty": partial(_wire_empty, world),
        "bitcoin answer lost": partial(_wire_loses, world),
        "bitcoin lags": partial(_wire_lags, world),
        "bitcoin reorganised": partial(_btc_reorg, world),
        "bitcoin deposit replaced": partial(_btc_replaced, world),
    }
    return kinds


async def _kill(world: World, *names: str) -> bool:
    processes = world.stage.processes
    for name in names:
        await asyncio.to_thread(processes.kill, name, with_signal=signal.SIGKILL)
    await asyncio.sleep(world.havoc.chance.random() * OUTAGE_SECONDS)
    await asyncio.to_thread(processes.start, *names)
    return True


async def _cut(stage: Stage) -> bool:
    async with stage.database.transaction() as session:
        return bool(await session.scalar(text(CUT)))


async def _ton_fault(ton: Any, fault: str) -> bool:
    await ton.fault(**{fault: 2})
    return True


async def _front_refuses(world: World) -> bool:
    for front in world.fronts:
        front.statuses += [429, 500, 503]
    return True


async def _front_loses(world: World) -> bool:
    for front in world.fronts:
        front.lost_answers += 3
    return True


async def _front_lags(world: World) -> bool:
    front = world.havoc.chance.choice(world.fronts)
    front.lag = world.havoc.chance.randint(1, 4)
    await asyncio.sleep(OUTAGE_SECONDS)
    front.lag = 0
    return True


async def _evm_reorg(world: World) -> bool:
    """Other blocks in place of the newest; some of what they held comes again elsewhere."""
    depth = world.havoc.chance.randint(1, REORG_DEPTH_MAX)
    height = await world.evm.chain.height()
    again = []
    for number in range(height - depth + 1, height + 1):
        block = await world.evm.chain.ask("eth_getBlockByNumber", hex(number), False)
        for tx_hash in block["transactions"]:
            raw = await world.evm.chain.ask("eth_getRawTransactionByHash", tx_hash)
            again.append(bytes.fromhex(raw.removeprefix("0x")))
    # In their order, so that a sender's nonces still rise.
    kept = again if world.havoc.chance.random() < 0.5 else []
    await world.evm.chain.reorg(depth, [(one, depth - 1) for one in kept])
    return True


async def _evm_forgets(world: World) -> bool:
    await world.evm.chain.drop_waiting()
    return True


async def _pause(world: World) -> bool:
    await world.evm.usdt.pause(on=True)
    await asyncio.sleep(OUTAGE_SECONDS)
    await world.evm.usdt.pause(on=False)
    return True


async def _wire_refuses(world: World) -> bool:
    world.wire.http500 += 2
    world.wire.http429 += 2
    return True


async def _wire_empty(world: World) -> bool:
    world.wire.empty += 3
    return True


async def _wire_loses(world: World) -> bool:
    world.wire.silent += 3
    return True


async def _wire_lags(world: World) -> bool:
    world.wire.lag = world.havoc.chance.randint(1, 3)
    await asyncio.sleep(OUTAGE_SECONDS)
    world.wire.lag = 0
    return True


async def _btc_reorg(world: World) -> bool:
    """A longer branch that takes the newest blocks away; what they held waits again."""
    rpc, depth = world.btc.rpc, world.havoc.chance.randint(1, 2)
    height = await rpc.call("getblockcount")
    await rpc.call("invalidateblock", await rpc.call("getblockhash", height - depth + 1))
    # To somebody else: the same block of the same second would be the one that was refused.
    await world.btc.wallet(1).rpc.call("generatetoaddress", depth + 1, world.btc.wallet(1).address)
    return True


async def _btc_replaced(world: World) -> bool:
    """Somebody pays in, and pays himself with the same coin for a higher fee before a block."""
    person = world.havoc.chance.randrange(PEOPLE)
    wallet, place = world.btc.wallet(person), world.town.places[person, world.btc.rail]
    coins = (await wallet.coins())[:1]
    if not coins:
        return False
    script = parse(place.address, BITCOIN_REGTEST)
    try:
        await wallet.pay([(script, 50_000)], coins=coins, rate=2)
        await wallet.pay([(wallet.script, 50_000)], coins=coins, rate=20)
    except OutsideError:
        return False  # mined in between
    return True
