"""The load generator: players who bet again as soon as they are answered, in their own process."""

from __future__ import annotations

import asyncio
import cProfile
import io
import itertools
import multiprocessing
import os
import pstats
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import uvloop

from benchmarks.callbacks import Callbacks
from benchmarks.house import MASTER_KEYS
from benchmarks.orm_bet import OrmHouse
from casino.betting.floor import open_floor
from casino.ids import PlayerId, new_reference
from casino.money import Asset
from casino.telemetry import batch_size, configure_logs
from casino.vault import Vault
from games.registry import INSTANT, STEPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from casino.betting.game import InstantGame

PROFILE_LINES = 40
ORDER_SECONDS = 120.0
STAKES = (10_000_000, 25_000_000, 40_000_000, 100_000_000)
CHOICES = tuple(
    {"target": target, "over": over}
    for target, over in ((5000, True), (2500, False), (9000, True), (7500, False), (4900, True))
)


class TakesBets(Protocol):
    """The gaming floor, and what it is compared with."""

    async def place_bet(
        self,
        *,
        player_id: PlayerId,
        game: InstantGame,
        asset: Asset,
        stake: int,
        choice: Mapping[str, object],
        reference: str,
    ) -> object:
        """Settle one bet."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Who bets in one process, and where: a player for each loop, himself more than once on a hot
    wallet; on a floor of the process's own, through the ORM, or by calls to webapps' ports."""

    dsn: str
    seats: tuple[int, ...]
    live_house: bool = True
    orm: bool = False
    callbacks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Play:
    """An order to a worker: bet for so long; `profile` asks where the time went."""

    seconds: float
    profile: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What happened in one measured stretch; latencies are seconds, sorted."""

    bets: int
    seconds: float
    latencies: list[float] = field(repr=False)
    cpu_seconds: float = 0.0
    batches: float = 0.0
    profile: str = ""

    @property
    def rate(self) -> float:
        """Bets a second."""
        return self.bets / self.seconds

    @property
    def batch(self) -> float:
        """How many commands were committed together, on average."""
        return self.bets / self.batches if self.batches else 0.0

    def quantile_ms(self, part: float) -> float:
        """A quantile of the latency in milliseconds."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * part))] * 1e3


class Crew:
    """Worker processes that play at the same time."""

    def __init__(self, workers: Sequence[tuple[BaseProcess, Connection]]) -> None:
        self._workers = workers
        self.bets_total = 0

    def play(self, seconds: float, *, profile: bool = False) -> Played:
        """Let everybody bet for `seconds`; raises RuntimeError when a worker has failed."""
        for _, pipe in self._workers:
            pipe.send(Play(seconds, profile))
        parts = [_answer(process, pipe, seconds) for process, pipe in self._workers]
        bets = sum(part.bets for part in parts)
        self.bets_total += bets
        return Played(
            bets=bets,
            seconds=max(part.seconds for part in parts),
            latencies=sorted(itertools.chain.from_iterable(part.latencies for part in parts)),
            cpu_seconds=sum(part.cpu_seconds for part in parts),
            batches=sum(part.batches for part in parts),
            profile="\n".join(part.profile for part in parts),
        )


@contextmanager
def open_crew(*tables: Table) -> Iterator[Crew]:
    """Start a worker process for each table and stop them at the end."""
    spawn = multiprocessing.get_context("spawn")
    workers: list[tuple[BaseProcess, Connection]] = []
    try:
        for table in tables:
            ours, theirs = spawn.Pipe()
            process: BaseProcess = spawn.Process(target=work, args=(theirs, table), daemon=True)
            process.start()
            theirs.close()
            workers.append((process, ours))
        for started, pipe in workers:
            _answer(started, pipe, 0)
        yield Crew(workers)
    finally:
        for ending, pipe in workers:
            if ending.is_alive():
                pipe.send(None)
            ending.join(timeout=20)
            if ending.is_alive():
                ending.kill()
            pipe.close()


def work(pipe: Connection, table: Table) -> None:
    """The life of a worker process: open the floor, obey orders, close."""
    configure_logs(json_lines=False)
    uvloop.run(_work(pipe, table))


async def _work(pipe: Connection, table: Table) -> None:
    async with _open(table) as house:
        pipe.send(Played(0, 0.0, []))
        while True:
            order = await asyncio.to_thread(pipe.recv)
            if order is None:
                return
            pipe.send(await _play(house, table.seats, order))


@asynccontextmanager
async def _open(table: Table) -> AsyncIterator[TakesBets]:
    vault = Vault.from_text(MASTER_KEYS)
    if table.callbacks:
        caller = Callbacks(table.callbacks)
        try:
            yield caller
        finally:
            await caller.close()
        return
    if table.orm:
        house = OrmHouse(table.dsn.replace("postgresql://", "postgresql+asyncpg://", 1), vault)
        try:
            yield house
        finally:
            await house.close()
        return
    async with open_floor(table.dsn, vault, step_games=STEPS, live_house=table.live_house) as floor:
        yield floor


async def _play(house: TakesBets, seats: Sequence[int], order: Play) -> Played:
    profiler = cProfile.Profile() if order.profile else None
    latencies: list[float] = []
    batches, cpu = _batches(), _cpu_seconds()
    started = time.perf_counter()
    end = started + order.seconds
    loops = [
        _sit(house, PlayerId(player), number, end, latencies) for number, player in enumerate(seats)
    ]
    if profiler is not None:
        profiler.enable()
    try:
        await asyncio.gather(*loops)
    finally:
        if profiler is not None:
            profiler.disable()
    return Played(
        bets=len(latencies),
        seconds=time.perf_counter() - started,
        latencies=sorted(latencies),
        cpu_seconds=_cpu_seconds() - cpu,
        batches=_batches() - batches,
        profile=_read_profile(profiler) if profiler is not None else "",
    )


async def _sit(
    house: TakesBets, player_id: PlayerId, number: int, end: float, latencies: list[float]
) -> None:
    """One closed loop; a refusal or a failure ends the bench, since only bets are counted."""
    game, clock = INSTANT["dice"], time.perf_counter
    for turn in itertools.count(number):
        asked = clock()
        if asked >= end:
            return
        await house.place_bet(
            player_id=player_id,
            game=game,
            asset=Asset.TON,
            stake=STAKES[turn % len(STAKES)],
            choice=CHOICES[turn % len(CHOICES)],
            reference=new_reference(),
        )
        latencies.append(clock() - asked)


def _answer(process: BaseProcess, pipe: Connection, seconds: float) -> Played:
    try:
        if not pipe.poll(seconds + ORDER_SECONDS):
            raise RuntimeError("a worker did not answer")
        answer: Played = pipe.recv()
    except EOFError as error:
        process.join(timeout=5)
        raise RuntimeError(f"a worker ended with code {process.exitcode}; see above") from error
    return answer


def _batches() -> float:
    for metric in batch_size.collect():
        for sample in metric.samples:
            if sample.name.endswith("_count"):
                return sample.value
    return 0.0


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system


def _read_profile(profiler: cProfile.Profile) -> str:
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text)
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(PROFILE_LINES)
    return text.getvalue()
