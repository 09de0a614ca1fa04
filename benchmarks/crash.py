"""The case of a shared round that ends: a thousand cash-outs in one transaction."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import uvloop

from benchmarks.house import MASTER_KEYS
from benchmarks.report import Goal, Row, plain
from casino.betting.commands import CashOut
from casino.betting.desk import BettingDesk
from casino.betting.floor import open_floor
from casino.betting.seeds import SeedStore
from casino.clock import utc_now
from casino.ids import PlayerId, new_reference
from casino.ledger.batch import connect
from casino.ledger.journal import Result, apply
from casino.money import Asset
from casino.vault import Vault
from games.registry import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from benchmarks.bench import Bench
    from casino.betting.floor import GamingFloor

STAKE = 10_000_000


def crash_round(bench: Bench, goal: Goal) -> list[Row]:
    """From the first statement of the transaction to the return of its commit."""
    times = bench.sizes.crash_rounds
    with bench.house() as house:
        players = [PlayerId(one) for one in house.players()[: bench.sizes.crash_players]]
        house.calm()
        spent = uvloop.run(_settle_rounds(house.dsn, players, times + 1))
        house.prove(rounds=len(players) * (times + 1))
    # The first one opens every sealed seed: a process that has just started, not a round.
    milliseconds = statistics.median(spent[1:]) * 1e3
    note = f"{len(players)} players, slowest of {times}: {max(spent[1:]) * 1e3:.0f} ms"
    return [plain("crash_round", value=milliseconds, unit="ms", goal=goal, note=note)]


async def _settle_rounds(dsn: str, players: Sequence[PlayerId], times: int) -> list[float]:
    vault = Vault.from_text(MASTER_KEYS)
    connection = await connect(dsn)
    desk = BettingDesk(SeedStore(vault), STEPS)
    try:
        async with open_floor(dsn, vault, step_games=STEPS) as floor:
            return [await _one_round(floor, connection, desk, players) for _ in range(times)]
    finally:
        await connection.close()


async def _one_round(
    floor: GamingFloor,
    connection: asyncpg.Connection,
    desk: BettingDesk,
    players: Sequence[PlayerId],
) -> float:
    opened = await asyncio.gather(
        *(
            floor.open_round(
                player_id=player_id,
                game=STEPS["mines"],
                asset=Asset.TON,
                stake=STAKE,
                choice={"mines": 3},
                reference=new_reference(),
            )
            for player_id in players
        )
    )
    commands = [CashOut(r.answer.player_id, new_reference(), r.answer.id) for r in opened]
    started = time.perf_counter()
    async with connection.transaction():
        answers = await apply(connection, commands, desk, now=utc_now())
    spent = time.perf_counter() - started
    for answer in answers:
        if not isinstance(answer, Result):
            raise answer
    return spent
