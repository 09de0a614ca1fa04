"""Houses whose players have addresses on a chain, copied for each reading of its history."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmarks.chains.compare import Stopwatch
from benchmarks.house import copy_house
from casino import rates
from casino.cashier import address_pool, rails
from casino.cashier.rails import USDT_ETH, Tier
from casino.clock import utc_now
from casino.db import Database
from casino.ids import PlayerId
from casino.ledger.journal import lock_players
from casino.money import Asset
from casino.staff import people
from payments.chains.blocks import Tip
from payments.follower import Followed, Follower

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Container, Sequence

    from benchmarks.chains.compare import ChainBench
    from benchmarks.house import House
    from casino.cashier.address_pool import PoolAddress
    from payments.chains.base import Outcome
    from payments.chains.blocks import BlockChain, Header, Incoming, Landed, Watched
    from payments.pool import AddressSource

DEPOSIT_MIN = 1_000
CONFIRMATIONS = 3

_numbers = itertools.count()


class CountIsWrong(RuntimeError):
    """What was booked is not what was paid: such a figure is no result."""


@dataclass(slots=True)
class Upto:
    """A chain that seems to end at a height, until it is told otherwise."""

    chain: BlockChain
    height: int

    @property
    def name(self) -> str:
        """The chain's name."""
        return self.chain.name

    async def tip(self) -> Tip:
        """The tip, or the block at `height` if that is lower."""
        tip = await self.chain.tip()
        if tip.head.height <= self.height:
            return tip
        (head,) = await self.chain.headers(self.height, self.height)
        if tip.final_height < self.height:
            return replace(tip, head=head)
        return Tip(head, head.height, None if tip.final_hash is None else head.hash)

    async def headers(self, first: int, last: int) -> Sequence[Header]:
        """As the chain's."""
        return await self.chain.headers(first, last)

    async def incoming(
        self, headers: Sequence[Header], watched: Container[str]
    ) -> Sequence[Incoming]:
        """As the chain's."""
        return await self.chain.incoming(headers, watched)

    async def landed(self, tx_hash: str) -> Landed | None:
        """As the chain's."""
        return await self.chain.landed(tx_hash)

    async def broadcast(self, signed: bytes) -> Outcome:
        """As the chain's."""
        return await self.chain.broadcast(signed)

    async def close(self) -> None:
        """As the chain's."""
        await self.chain.close()


@dataclass(slots=True)
class Reading:
    """A chain to be read from `start` on, for players whose addresses are the first of `source`.

    Every reading begins in a copy of one house that watches `watched` addresses."""

    on: ChainBench
    chain: BlockChain
    source: AddressSource
    watched: int
    start: int
    warm: int
    rail: str = USDT_ETH
    scale: int = 1
    watch: Callable[[], Watched] = set[str]
    _template: House | None = field(default=None)

    @asynccontextmanager
    async def house(self) -> AsyncIterator[tuple[House, Database]]:
        """A fresh copy, dropped afterwards."""
        if self._template is None:
            self._template = await self._prepare()
        server = self.on.bench.server
        name = f"followed_{next(_numbers)}"
        house = await asyncio.to_thread(copy_house, server, name, template=self._template.name)
        database = Database(house.url)
        try:
            yield house, database
        finally:
            await database.close()
            await asyncio.to_thread(house.drop)

    def follower(self, database: Database, chain: BlockChain, *, poll_seconds: int = 1) -> Follower:
        """A watcher's follower on a house of this reading."""
        followed = Followed(
            chain=chain,
            rail=self.rail,
            network_id="bench",
            token=None,
            addresses=self.source,
            pool_ahead=self.watched - self.on.sizes.players,
            start_height=self.start + 1,
            poll_seconds=poll_seconds,
            scale=self.scale,
            watch=self.watch,
        )
        return Follower(database, followed)

    async def read(self, *, upto: int, deposits: int, prove: bool = False) -> float:
        """Seconds in which a fresh house reads the history from above its first `warm` blocks up
        to a height, where it has booked so many deposits in all.

        What a process that has just started does is not counted. Raises CountIsWrong, and with
        `prove` BookUnsound."""
        async with self.house() as (house, database):
            limited = Upto(self.chain, self.start + self.warm)
            follower = self.follower(database, limited)
            await follower.step()
            limited.height = upto
            with Stopwatch() as watch:
                await follower.step()
            stored = await asyncio.to_thread(house.count, "deposits")
            height = int(
                await asyncio.to_thread(house.read, "SELECT max(height) FROM chain_blocks")
            )
            if (stored, height) != (deposits, upto):
                raise CountIsWrong(f"{stored} of {deposits} deposits, block {height} of {upto}")
            if prove:
                await asyncio.to_thread(house.prove, rounds=0)
        return watch.seconds

    def close(self) -> None:
        """Forget the house that was copied."""
        if self._template is not None:
            self._template.drop()

    async def _prepare(self) -> House:
        house = await asyncio.to_thread(self._copy_model)
        database = Database(house.url)
        try:
            async with database.transaction() as session:
                now = utc_now()
                rail = await rails.get_rail(session, self.rail)
                tiers = (Tier(10**12, CONFIRMATIONS),)
                opened = replace(rail, tiers=tiers, deposit_min=DEPOSIT_MIN)
                await rails.change_rail(session, rail=opened, actor="bench", now=now)
                # 60,000 EUR for a coin, in micro-units for one unit.
                await rates.quote(session, asset=Asset.BTC, numerator=6, denominator=10, now=now)
                await people.ensure_owners(session, telegram_ids=[1], now=now)
                first = self.source.between(0, self.watched - 1)
                await address_pool.add(session, rail=self.rail, addresses=first, now=now)
                players = sorted(await asyncio.to_thread(house.players))
                await lock_players(session, [PlayerId(one) for one in players])
                for player_id in players:
                    await address_pool.assign(session, rail=self.rail, player_id=player_id, now=now)
            # Its first block is remembered here, so that every copy goes on from it.
            await self.follower(database, Upto(self.chain, self.start)).step()
        finally:
            await database.close()
        await asyncio.to_thread(house.calm)
        return house

    def _copy_model(self) -> House:
        bench = self.on.bench
        with bench.house() as model:
            return copy_house(bench.server, f"followed_{next(_numbers)}", template=model.name)


@dataclass(slots=True)
class Payees:
    """Whom a history pays: mostly strangers, and every `own_every`-th time one of our players."""

    own_every: int
    own: Sequence[PoolAddress]
    paid: int = 0
    deposits: int = 0

    def next(self) -> str | None:
        """The address of a player of ours, or None for a stranger's."""
        self.paid += 1
        if self.paid % self.own_every:
            return None
        self.deposits += 1
        return self.own[self.deposits % len(self.own)].address
