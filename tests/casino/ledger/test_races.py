"""Two real processes at the same wallets: no key counts twice, no coin is spent twice, no deadlock."""

import asyncio
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from casino.db import Database
from casino.ids import PlayerId, new_reference
from casino.ledger import journal
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from tests.factories import TON, ready_house, ready_player

ROOT = Path(__file__).parents[3]
STAKE = TON // 100
PATIENCE_SECONDS = 240
# Both processes wait for the same moment, so that neither has gone before the other has come.
HEAD_START_SECONDS = 0.2
LINE_MAX = 2**24

Deed = list[Any]


class Racers:
    """Two processes that are handed heats and tell what became of them."""

    def __init__(self, processes: list[asyncio.subprocess.Process]) -> None:
        self.processes = processes

    async def heat(self, *lanes: list[Deed]) -> list[dict[str, Any]]:
        """Run one list of deeds a process at once; everything that was told. Nothing failed."""
        at = time.time() + HEAD_START_SECONDS
        for process, deeds in zip(self.processes, lanes, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps({"at": at, "deeds": deeds}).encode() + b"\n")
            await process.stdin.drain()
        told = [one for process in self.processes for one in await _line(process)]
        assert len(told) == sum(map(len, lanes))
        assert not [one["failed"] for one in told if "failed" in one]
        return told

    async def everywhere(
        self, deeds: list[Deed], *, times: int, fresh: bool = True
    ) -> dict[str, list[dict[str, Any]]]:
        """Send every deed `times` times from each process, each in an order of its own; what was
        told by key. All answers to a key are one, given once for the first time if it is fresh."""
        chance = random.Random(len(deeds))
        lanes = [chance.sample(deeds * times, len(deeds) * times) for _ in self.processes]
        told = defaultdict(list)
        for one in await self.heat(*lanes):
            told["/".join(map(str, one["key"]))].append(one)
        for answers in told.values():
            assert len(answers) == times * len(self.processes)
            answered = [one for one in answers if "answer" in one]
            assert len({(one["entry"], one["answer"]) for one in answered}) <= 1, answers
            first = sum(not one["replayed"] for one in answered)
            assert first == (fresh and bool(answered)), answers
        return told


async def _line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return json.loads(await process.stdout.readline())


@pytest.fixture
async def racers(db: Database) -> AsyncIterator[Racers]:
    await ready_house(db)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.casino.ledger.racer", db.dsn, "2"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_MAX,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert await _line(process) == "ready"
        yield Racers(processes)
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await process.wait() == 0
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def one_value(db: Database, query: str, *arguments: object) -> Any:
    connection = await asyncpg.connect(db.dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def require_no_deadlock(db: Database) -> None:
    """The server counted none, and the books are sound."""
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await one_value(db, deadlocks) == 0
    async with db.transaction() as session:
        report = await reconcile(session)
    assert report.sound, report


async def cash(db: Database, player: PlayerId) -> int:
    async with db.transaction() as session:
        return (await journal.balances(session, player))[Asset.TON].cash


async def test_every_key_eight_times_from_two_processes_counts_once(
    db: Database, racers: Racers
) -> None:
    players = [await ready_player(db, units=1_000 * TON) for _ in range(8)]

    def all_of(kind: str, count: int, *rest: object) -> list[Deed]:
        return [[kind, who, new_reference(), *rest] for who in players for _ in range(count)]

    # Nothing here can be refused: what is refused is a fault.
    plain = [
        *all_of("bet", 6, STAKE),
        *all_of("debit", 3, STAKE),
        *all_of("credit", 3, STAKE),
        *all_of("rotate", 1),
        *all_of("deposit", 2, STAKE),
    ]
    told = await racers.everywhere(plain, times=4)
    assert all("answer" in one for answers in told.values() for one in answers)
    # Every kind in one scope of its own: a reference makes one entry, whoever sends it.
    keys = "SELECT (SELECT count(*) FROM bet_keys) + (SELECT count(*) FROM money_keys)"
    before = await one_value(db, keys)
    again = await racers.everywhere(plain, times=1, fresh=False)
    assert await one_value(db, keys) == before
    assert {key: one[0]["answer"] for key, one in again.items()} == {
        key: one[0]["answer"] for key, one in told.items()
    }
    await require_no_deadlock(db)


async def test_every_step_of_a_round_eight_times_from_two_processes_counts_once(
    db: Database, racers: Racers
) -> None:
    players = [await ready_player(db, units=1_000 * TON) for _ in range(12)]
    opened = await racers.everywhere(
        [["open", who, new_reference(), STAKE] for who in players], times=4
    )
    assert all("answer" in one for answers in opened.values() for one in answers)
    rounds = {one[0]["key"][1]: one[0]["entry"] for one in opened.values()}
    # A step and a cash-out of one round meet: the step, then the end, or only the end.
    steps = [["act", who, new_reference(), rounds[who]] for who in players]
    ends = [["cash_out", who, new_reference(), rounds[who]] for who in players]
    told = await racers.everywhere([*steps, *ends], times=4)
    refused = Counter(one.get("refused") for answers in told.values() for one in answers)
    assert set(refused) <= {None, "refusal.round_closed"}
    open_left = "SELECT count(*) FROM rounds WHERE status = 'open'"
    assert await one_value(db, open_left) == 0
    assert await one_value(db, "SELECT coalesce(sum(open_units), 0) FROM house_exposure") == 0
    payouts = "SELECT count(*) FROM transfers WHERE kind = 4"
    assert await one_value(db, payouts) == len(players)
    await require_no_deadlock(db)


async def test_rollback_and_its_debit_race_to_one_of_two_ends(db: Database, racers: Racers) -> None:
    players = [await ready_player(db, units=1_000 * TON) for _ in range(8)]
    before = {who: await cash(db, who) for who in players}
    debits = [["debit", who, new_reference(), STAKE] for who in players for _ in range(5)]
    rollbacks = [["rollback", who, new_reference(), debit] for _, who, debit, _ in debits]
    told = await racers.everywhere([*debits, *rollbacks], times=4)
    ends: Counter[str] = Counter()
    for _, who, debit, _ in debits:
        answers = told[f"debit/{who}/{debit}"]
        ends["buried" if all("refused" in one for one in answers) else "given back"] += 1
    # Whichever came first, the money is where it was.
    assert {who: await cash(db, who) for who in players} == before
    moved = "SELECT count(*) FROM transfers WHERE kind IN (10, 12)"
    assert await one_value(db, moved) == 2 * ends["given back"]
    await require_no_deadlock(db)


async def test_one_coin_is_not_spent_from_two_processes(db: Database, racers: Racers) -> None:
    player = await ready_player(db, units=20 * STAKE + STAKE - 1)
    spends = [["debit", player, new_reference(), STAKE] for _ in range(80)]
    told = await racers.heat(spends[::2], spends[1::2])
    refused = Counter(one.get("refused") for one in told)
    assert refused == {None: 20, "refusal.insufficient_funds": 60}
    assert await cash(db, player) == STAKE - 1
    await require_no_deadlock(db)


async def test_batches_in_opposite_orders_do_not_deadlock(db: Database, racers: Racers) -> None:
    """Everything that locks more than one thing, from both sides at once: players of a batch, the
    house's exposure, deposits beside the lanes."""
    players = [await ready_player(db, units=10_000 * TON) for _ in range(16)]
    for _ in range(12):
        onward = [
            [kind, who, new_reference(), STAKE]
            for who in players
            for kind in ("bet", "open", "debit", "deposit", "bet")
        ]
        told = await racers.heat(
            onward, [[*one[:2], new_reference(), one[3]] for one in onward[::-1]]
        )
        refused = Counter(one.get("refused") for one in told)
        assert set(refused) <= {None, "refusal.round_closed"}  # one open round a player
    await require_no_deadlock(db)
