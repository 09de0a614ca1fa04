"""Bets while things break: what was acknowledged is there, nothing is there twice."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from casino.betting.floor import open_floor
from casino.betting.game import Outcome
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.ids import PlayerId, new_reference
from casino.ledger import batch
from casino.ledger.reconcile import reconcile
from casino.money import Asset
from games.registry import INSTANT, STEPS
from sandbox.postgres import PostgresServer
from tests.factories import TON, VAULT, ready_house, ready_player
from tests.faults.bettor import STAKE, place, place_until_known
from tests.faults.wire import open_wire

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90


class Bettor:
    """A process of its own that bets, and the journal of what it was told."""

    def __init__(self, process: asyncio.subprocess.Process, journal: Path) -> None:
        self.process = process
        self.journal = journal

    def acknowledged(self) -> dict[str, tuple[int, int]]:
        """Entry and payout by reference; a line that the kill cut short was never told."""
        lines = self.journal.read_text().splitlines(keepends=True)
        whole = [line.split() for line in lines if line.endswith("\n")]
        assert len({line[0] for line in whole}) == len(whole)
        return {line[0]: (int(line[1]), int(line[2])) for line in whole}

    async def order(self, **order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    async def answer(self) -> Any:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            return json.loads(await self.process.stdout.readline())

    async def more(self, count: int) -> None:
        """Wait until so many further bets were acknowledged."""
        wanted = len(self.acknowledged()) + count
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.acknowledged()) < wanted:
                assert self.process.returncode is None
                await asyncio.sleep(0.05)

    async def finish(self) -> None:
        """Ask it to end as soon as everything it placed is answered."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await self.process.wait() == 0


@asynccontextmanager
async def bettors(dsn: str, folder: Path, *, count: int) -> AsyncIterator[list[Bettor]]:
    """Several of them, at the same tables."""
    made = []
    for number in range(count):
        journal = folder / f"journal-{number}"
        journal.touch()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.bettor", dsn, str(journal)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        made.append(Bettor(process, journal))
    try:
        for bettor in made:
            assert await bettor.answer() == {"ready": True}
        yield made
    finally:
        for bettor in made:
            if bettor.process.returncode is None:
                bettor.process.kill()
                await bettor.process.wait()


async def require_each_once(db: Database, acknowledged: dict[str, tuple[int, int]]) -> None:
    """Every acknowledged bet is in the book as it was told; no bet is there twice."""
    connection = await asyncpg.connect(db.dsn)
    try:
        rows = await connection.fetch(
            "SELECT k.reference, k.entry_id, r.payout, r.seed_pair_id, r.seed_nonce"
            " FROM bet_keys k LEFT JOIN rounds r ON r.id = k.entry_id WHERE k.scope = 'play/bet'"
        )
        stakes = await connection.fetch(
            "SELECT subject_id, sum(amount)::bigint FROM transfers"
            " WHERE debit_account = 1 AND credit_account = 20 GROUP BY 1"
        )
        rounds = await connection.fetchval("SELECT count(*) FROM rounds")
    finally:
        await connection.close()
    booked = {row["reference"]: (row["entry_id"], row["payout"]) for row in rows}
    assert len(booked) == len(rows), "a reference stands for two bets"
    assert rounds == len(rows), "a round without a reference"
    assert {row["seed_nonce"] is not None for row in rows} <= {True}, "a reference without a round"
    assert len({(row["seed_pair_id"], row["seed_nonce"]) for row in rows}) == len(rows)
    assert dict(stakes) == {entry: STAKE for entry, _ in booked.values()}
    missing = {one for one in acknowledged if one not in booked}
    assert not missing, "acknowledged bets are gone"
    assert {one: booked[one] for one in acknowledged} == acknowledged
    async with db.transaction() as session:
        report = await reconcile(session)
    assert report.sound, report


async def open_tables(db: Database, players: int = 6) -> list[PlayerId]:
    await ready_house(db)
    return [await ready_player(db, units=100_000 * TON) for _ in range(players)]


async def test_database_killed_under_bets_of_two_processes_keeps_every_acknowledged_bet(
    postgres_server: Callable[[], PostgresServer], tmp_path: Path
) -> None:
    server = postgres_server()
    db = Database(server.url)
    players = await open_tables(db)
    async with bettors(server.dsn, tmp_path, count=2) as both:
        for bettor in both:
            await bettor.order(do="keep_betting", players=players, tasks=2)
        for _ in range(3):
            for bettor in both:
                await bettor.more(40)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        for bettor in both:
            await bettor.more(40)
        for bettor in both:
            await bettor.finish()
        told = {**both[0].acknowledged(), **both[1].acknowledged()}
    await require_each_once(db, told)
    await db.close()


async def test_betting_process_killed_under_load_leaves_no_half_bet(
    db: Database, tmp_path: Path
) -> None:
    players = await open_tables(db)
    told: dict[str, tuple[int, int]] = {}
    for turn in range(2):
        folder = tmp_path / str(turn)
        folder.mkdir()
        async with bettors(db.dsn, folder, count=2) as both:
            for bettor in both:
                await bettor.order(do="keep_betting", players=players, tasks=3)
            for bettor in both:
                await bettor.more(30)
            victim, survivor = both
            victim.process.kill()
            await victim.process.wait()
            # What the victim held is let go: the other goes on with the same players.
            await survivor.more(30)
            await survivor.finish()
            told |= {**victim.acknowledged(), **survivor.acknowledged()}
    await require_each_once(db, told)


async def test_same_reference_eight_times_from_two_processes_is_one_bet(
    db: Database, tmp_path: Path
) -> None:
    (player,) = await open_tables(db, players=1)
    async with bettors(db.dsn, tmp_path, count=2) as both:
        for _ in range(5):
            reference = new_reference()
            for bettor in both:
                await bettor.order(do="same", player=player, reference=reference, times=4)
            answers = [one for bettor in both for one in await bettor.answer()]
            assert len(answers) == 8
            assert len({(one["entry"], one["roll"], one["payout"]) for one in answers}) == 1
            assert sum(not one["replayed"] for one in answers) == 1
        for bettor in both:
            await bettor.finish()
    await require_each_once(db, {})
    async with db.transaction() as session:
        assert (await reconcile(session)).sound
    assert await count_rounds(db) == 5


async def count_rounds(db: Database) -> int:
    connection = await asyncpg.connect(db.dsn)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM rounds")
    finally:
        await connection.close()
    return found


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_wire_cut_in_the_middle_of_a_commit_leaves_one_bet(db: Database, cut: str) -> None:
    (player,) = await open_tables(db, players=1)
    async with (
        open_wire(db.dsn) as wire,
        open_floor(wire.dsn, VAULT, step_games=STEPS, lanes=1) as floor,
    ):
        await place(floor, player, new_reference())
        reference = new_reference()
        wire.cut = cut
        with pytest.raises(OutsideUnavailable) as unknown:
            await place(floor, player, reference)
        assert unknown.value.data == {"reason": "database"}
        assert wire.cuts == 1
        assert await count_rounds(db) == (1 if cut == "before" else 2)
        again = await place(floor, player, reference)
        assert again.replayed is (cut == "after")
        third = await place(floor, player, reference)
        assert third.replayed
        assert third.answer == again.answer
    assert await count_rounds(db) == 2
    await require_each_once(db, {reference: (again.entry_id, again.answer.payout)})


async def test_lanes_that_lose_their_connection_again_and_again_lose_no_bet(db: Database) -> None:
    players = await open_tables(db)
    told: dict[str, tuple[int, int]] = {}
    unknown = 0

    async def keep_betting(player: PlayerId, stop: asyncio.Event) -> None:
        nonlocal unknown
        while not stop.is_set():
            reference = new_reference()
            try:
                answer = await place(floor, player, reference)
            except OutsideUnavailable:
                unknown += 1
                answer = await place_until_known(floor, player, reference)
            told[reference] = (answer.entry_id, answer.answer.payout)

    axe = await asyncpg.connect(db.dsn)
    stop = asyncio.Event()

    async def enough(count: int) -> None:
        while len(told) < count:
            await asyncio.sleep(0.01)

    async with (
        open_floor(db.dsn, VAULT, step_games=STEPS) as floor,
        asyncio.timeout(PATIENCE_SECONDS),
        asyncio.TaskGroup() as group,
    ):
        for player in players:
            group.create_task(keep_betting(player, stop))
        for _ in range(15):
            await enough(len(told) + 10)
            await axe.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'fairhouse-lane'"
            )
        stop.set()
    await axe.close()
    assert unknown, "no bet was under way when a connection was cut"
    await require_each_once(db, told)


def _raise(_choice: object, _stream: object) -> Outcome:
    raise ZeroDivisionError


# What an engine with a mistake could hand over: each breaks another floor of the house.
POISONS = {
    "refused by a constraint": (
        {"algorithm": None},
        INSTANT["dice"].resolve,
        asyncpg.NotNullViolationError,
    ),
    "not storable as JSON": (
        {},
        lambda _choice, _stream: Outcome(Fraction(0), {"roll": "\0"}),
        asyncpg.UntranslatableCharacterError,
    ),
    "wider than its column": (
        {},
        lambda _choice, _stream: Outcome(Fraction(2**70 + 1, 2**70), {"roll": 1}),
        asyncpg.DataError,
    ),
    "an engine that fails": ({}, _raise, ZeroDivisionError),
}


class Poisoned:
    """Dice with a mistake."""

    def __init__(self, changed: dict[str, Any], resolve: Callable[..., Outcome]) -> None:
        self.resolve = resolve
        self.changed = changed

    def __getattr__(self, name: str) -> Any:
        return self.changed[name] if name in self.changed else getattr(INSTANT["dice"], name)


@pytest.mark.parametrize("poison", list(POISONS))
async def test_poisoned_command_fails_alone_in_its_batch(db: Database, poison: str) -> None:
    changed, resolve, error = POISONS[poison]
    players = await open_tables(db, players=3)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:

        def poisoned(player: PlayerId) -> Any:
            return floor.place_bet(
                player_id=player,
                game=Poisoned(changed, resolve),  # type: ignore[arg-type]
                asset=Asset.TON,
                stake=STAKE,
                choice={"target": 5050, "over": True},
                reference=new_reference(),
            )

        good = [new_reference() for _ in range(21)]
        bets = [place(floor, players[number % 3], one) for number, one in enumerate(good)]
        bets.insert(5, poisoned(players[0]))
        bets.insert(12, poisoned(players[1]))
        answers = await asyncio.gather(*bets, return_exceptions=True)
        assert [type(one) for one in (answers.pop(12), answers.pop(5))] == [error, error]
        told = {
            reference: (answer.entry_id, answer.answer.payout)
            for reference, answer in zip(good, answers, strict=True)
        }
        # The lane is none the worse for it.
        assert not (await place(floor, players[0], new_reference())).replayed
    assert await count_rounds(db) == 22
    await require_each_once(db, told)


async def test_full_queue_refuses_with_a_clear_try_again(db: Database) -> None:
    (player,) = await open_tables(db, players=1)
    waiting = batch.WAITING_MAX + batch.COMMANDS_MAX
    references = [new_reference() for _ in range(waiting + 50)]
    holder = await asyncpg.connect(db.dsn)
    async with open_floor(db.dsn, VAULT, step_games=STEPS, lanes=1) as floor:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT 1 FROM ledger_players WHERE player_id = $1 FOR UPDATE", player)
        bets = [asyncio.create_task(place(floor, player, one)) for one in references]
        refused = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not refused:
                await asyncio.sleep(0.05)
                refused = [bet for bet in bets if bet.done()]
        await transaction.rollback()
        answers = await asyncio.gather(*bets, return_exceptions=True)
        full = [one for one in answers if isinstance(one, Exception)]
        assert {type(one) for one in full} == {OutsideUnavailable}
        assert {one.data["reason"] for one in full} == {"busy"}
        assert 50 <= len(full) <= 50 + batch.COMMANDS_MAX
        late = [
            one
            for one, told in zip(references, answers, strict=True)
            if isinstance(told, Exception)
        ]
        again = await asyncio.gather(*(place(floor, player, one) for one in late))
        assert not any(answer.replayed for answer in again)
    await holder.close()
    assert await count_rounds(db) == len(references)
    async with db.transaction() as session:
        assert (await reconcile(session)).sound
