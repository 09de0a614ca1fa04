"""The worker as a process ends what was left open, on a floor of its own."""

import asyncio
import os
import signal
import sys

import pytest
from sqlalchemy import text

from casino.betting.floor import open_floor
from casino.ledger import journal
from casino.money import Asset
from games.registry import STEPS
from tests.casino.ledger.books import start_mines
from tests.factories import TON, VAULT, ready_house, ready_player
from tests.servers import ROOT

PATIENCE_SECONDS = 240
OPEN = "SELECT count(*) FROM rounds WHERE status = 'open'"


@pytest.mark.faults
async def test_the_worker_closes_old_rounds_and_leaves_young_ones(db):
    await ready_house(db)
    ann, bob = await ready_player(db), await ready_player(db)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
        old = await start_mines(floor, ann)
        await start_mines(floor, bob)
    async with db.transaction() as session:
        await session.execute(
            text("UPDATE rounds SET opened_at = opened_at - interval '25 hours' WHERE id = :id"),
            {"id": old.answer.id},
        )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "casino.worker",
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": db.url,
            "RECEIPTS_SIGNING_KEY": bytes(range(32)).hex(),
            "VAULT_MASTER_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        },
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await _count(db) == 2:
                await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    async with db.transaction() as session:
        assert (await journal.balances(session, ann))[Asset.TON].cash == 100 * TON
        assert (await journal.balances(session, bob))[Asset.TON].cash == 99 * TON
        told = await session.scalar(text("SELECT key FROM outbox WHERE kind = 'round.closed'"))
    assert told == ann


async def _count(db) -> int:
    async with db.transaction() as session:
        return int(await session.scalar(text(OPEN)) or 0)
