"""Witnesses of bets: processes that bet and note what they were told, held against the book."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from casino.betting.floor import GamingFloor
from casino.db import Database
from casino.ids import PlayerId
from casino.ledger.reconcile import reconcile
from tests.factories import TON, ready_house, ready_player
from tests.faults.bettor import STAKE, place, place_until_known

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 240

BOOKED = """
SELECT k.reference, k.entry_id, k.player_id, r.payout, r.seed_pair_id, r.seed_nonce
FROM bet_keys k LEFT JOIN rounds r ON r.id = k.entry_id WHERE k.scope = 'play/bet'
"""
STAKES = """
SELECT subject_id, sum(amount)::bigint FROM transfers
WHERE debit_account = 1 AND credit_account = 20 GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What a bet was answered with."""

    entry_id: int
    payout: int
    player_id: int


@dataclass(slots=True)
class Bettor:
    """A process of its own that bets; its journals of what it asked and of what it was told."""

    process: asyncio.subprocess.Process
    journal: Path
    killed: bool = field(default=False)

    def acknowledged(self) -> dict[str, Told]:
        """Answers by reference; a line that the kill cut short was never told."""
        lines = _whole_lines(self.journal)
        assert len({line[0] for line in lines}) == len(lines)
        return {line[0]: Told(int(line[1]), int(line[2]), int(line[3])) for line in lines}

    def asked(self) -> dict[str, int]:
        """Players by the references under which they asked for a bet."""
        return {line[0]: int(line[1]) for line in _whole_lines(asked_beside(self.journal))}

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

    async def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.killed = True
        self.process.kill()
        await self.process.wait()

    async def finish(self) -> None:
        """Ask it to end as soon as everything it placed is answered."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await self.process.wait() == 0


@dataclass(slots=True)
class Crowd:
    """Bettors who come and are killed; what all of them were told."""

    dsn: str
    folder: Path
    all: list[Bettor] = field(default_factory=list)

    async def come(self) -> Bettor:
        """One more bettor, ready to be given orders."""
        journal = self.folder / f"journal-{len(self.all)}"
        journal.touch()
        asked_beside(journal).touch()
        with journal.with_suffix(".log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.bettor", self.dsn, str(journal)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        bettor = Bettor(process, journal)
        self.all.append(bettor)
        assert await bettor.answer() == {"ready": True}
        return bettor

    @property
    def alive(self) -> list[Bettor]:
        """Those who were not killed."""
        return [bettor for bettor in self.all if not bettor.killed]

    def acknowledged(self) -> dict[str, Told]:
        """Everything that anybody was told."""
        return {one: told for bettor in self.all for one, told in bettor.acknowledged().items()}

    def unanswered(self) -> dict[str, int]:
        """Players by the references that were asked and of which nobody learnt the outcome."""
        known = self.acknowledged()
        asked = {one: who for bettor in self.all for one, who in bettor.asked().items()}
        return {one: who for one, who in asked.items() if one not in known}


@asynccontextmanager
async def open_crowd(dsn: str, folder: Path) -> AsyncIterator[Crowd]:
    """A crowd that leaves no process behind."""
    crowd = Crowd(dsn, folder)
    try:
        yield crowd
    finally:
        for bettor in crowd.all:
            if bettor.process.returncode is None:
                bettor.process.kill()
                await bettor.process.wait()


def asked_beside(journal: Path) -> Path:
    """The journal of what was asked, beside that of what was told."""
    return journal.with_suffix(".asked")


async def require_each_once(db: Database, acknowledged: dict[str, Told]) -> int:
    """Every acknowledged bet is in the book as it was told; no bet is there twice; every asset
    sums to zero. Returns how many bets the book holds. Bets may go on meanwhile."""
    connection = await asyncpg.connect(db.dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(BOOKED)
            stakes = await connection.fetch(STAKES)
            rounds = await connection.fetchval("SELECT count(*) FROM rounds")
    finally:
        await connection.close()
    assert all(row["seed_nonce"] is not None for row in rows), "a reference without a round"
    booked = {row["reference"]: Told(row[1], row["payout"], row["player_id"]) for row in rows}
    assert len(booked) == len(rows), "a reference stands for two bets"
    assert rounds == len(rows), "a round without a reference"
    assert len({(row["seed_pair_id"], row["seed_nonce"]) for row in rows}) == len(rows)
    assert dict(stakes) == {told.entry_id: STAKE for told in booked.values()}
    assert not acknowledged.keys() - booked.keys(), "acknowledged bets are gone"
    assert {one: booked[one] for one in acknowledged} == acknowledged
    async with db.transaction() as session:
        report = await reconcile(session)
    assert report.sound, report
    return len(rows)


async def require_answers_kept(
    floor: GamingFloor, acknowledged: dict[str, Told], unanswered: dict[str, int]
) -> None:
    """The repeat of an acknowledged reference gives what was told; one that nobody was answered
    gets an outcome now, and the same one ever after."""
    told = await asyncio.gather(
        *(place(floor, one.player_id, reference) for reference, one in acknowledged.items())
    )
    for again, before in zip(told, acknowledged.values(), strict=True):
        assert again.replayed
        assert (again.entry_id, again.answer.payout) == (before.entry_id, before.payout)
    for reference, player_id in unanswered.items():
        first = await place_until_known(floor, player_id, reference)
        second = await place_until_known(floor, player_id, reference)
        assert second.replayed
        assert (first.entry_id, first.answer) == (second.entry_id, second.answer)


async def open_tables(db: Database, players: int = 6) -> list[PlayerId]:
    """A house, and players who can go on for long."""
    await ready_house(db)
    return [await ready_player(db, units=100_000 * TON) for _ in range(players)]


async def count_rounds(db: Database) -> int:
    """How many rounds were ever played."""
    connection = await asyncpg.connect(db.dsn)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM rounds")
    finally:
        await connection.close()
    return found


def last(told: dict[str, Told], count: int) -> dict[str, Told]:
    """The newest of what was told."""
    newest: Sequence[str] = list(told)[-count:]
    return {reference: told[reference] for reference in newest}


def _whole_lines(path: Path) -> list[list[str]]:
    lines = path.read_text().splitlines(keepends=True)
    return [line.split() for line in lines if line.endswith("\n")]
