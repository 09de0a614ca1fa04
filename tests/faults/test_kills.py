"""SIGKILL of PostgreSQL, of a betting process, of both, under load, again and again."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from casino.betting.floor import open_floor
from casino.db import Database
from games.registry import STEPS
from sandbox.postgres import PostgresServer
from tests.factories import VAULT
from tests.faults.witness import (
    last,
    open_crowd,
    open_tables,
    require_answers_kept,
    require_each_once,
)

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("durable-server")]

# `make test-faults` asks for more.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))


@pytest.mark.parametrize("victims", ["server", "bettor", "server and bettor"])
async def test_what_was_acknowledged_survives_every_kill(
    durable_server: PostgresServer,
    durable_database: Database,
    tmp_path: Path,
    victims: str,
    record_property: Callable[[str, object], None],
) -> None:
    db, server = durable_database, durable_server
    players = await open_tables(db)
    orders = {"do": "keep_betting", "players": players, "tasks": 3}
    async with open_crowd(db.dsn, tmp_path) as crowd:
        for _ in range(2):
            await (await crowd.come()).order(**orders)
        for _ in range(ROUNDS):
            for bettor in crowd.alive:
                await bettor.more(40)
            if "bettor" in victims:
                await crowd.alive[0].kill()
            if "server" in victims:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            if "bettor" in victims:
                await (await crowd.come()).order(**orders)
            # What a dead process held is let go: the others go on with the same players.
            for bettor in crowd.alive:
                await bettor.more(10)
            await require_each_once(db, crowd.acknowledged())
        for bettor in crowd.alive:
            await bettor.finish()
    told, unanswered = crowd.acknowledged(), crowd.unanswered()
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
        await require_answers_kept(floor, last(told, 500), unanswered)
    booked = await require_each_once(db, told)
    # Whatever the book holds was asked by somebody, and each of those has an outcome now.
    assert booked == len(told) + len(unanswered)
    record_property(
        "faults",
        f"{victims}: {ROUNDS} kills, {len(told)} bets acknowledged and present, {len(unanswered)}"
        f" unanswered and settled by their repeat, {booked} in the book, none twice",
    )
