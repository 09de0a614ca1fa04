"""The worker signs by itself, through crashes and beside a second worker; its key and its name."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from casino.betting.floor import open_floor
from casino.betting.receipt_roots import FIRST, HouseKey, Root, is_signed, second_text
from casino.ids import new_reference
from casino.money import Asset
from games.registry import INSTANT, STEPS
from tests.factories import TON, VAULT, ready_house, ready_player

ROOT = Path(__file__).resolve().parents[3]
KEY = HouseKey(bytes(range(32)))
PATIENCE_SECONDS = 240

UNSIGNED = """
SELECT count(*) FROM rounds r WHERE receipt_hash IS NOT NULL
AND NOT EXISTS (SELECT FROM receipt_paths p WHERE p.round_id = r.id)
"""


def worker(url: str, *arguments: str, key: str | None = None) -> list:
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "RECEIPTS_SIGNING_KEY": bytes(range(32)).hex() if key is None else key,
        "TELEMETRY_METRICS_PORT": "0",
    }
    return [[sys.executable, "-m", "casino.worker", *arguments], environment]


def begin(url: str, log) -> subprocess.Popen[bytes]:
    command, environment = worker(url)
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


async def all_signed(sql) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await sql.fetchval(UNSIGNED):
            await asyncio.sleep(0.1)


@pytest.mark.faults
async def test_workers_that_are_killed_and_doubled_sign_everything_once(db, database_url, tmp_path):
    await ready_house(db)
    player_id = await ready_player(db)
    sql = await asyncpg.connect(db.dsn)
    running: list[subprocess.Popen[bytes]] = []
    with (tmp_path / "workers.log").open("wb") as log:
        try:
            async with open_floor(db.dsn, VAULT, step_games=STEPS) as floor:
                running.append(begin(database_url, log))
                for _ in range(4):
                    await _roll(floor, player_id, times=5)
                    await all_signed(sql)
                    await _roll(floor, player_id, times=5)
                    # Killed with work to do; one comes back beside another that never left.
                    running[-1].kill()
                    running[-1].wait()
                    running += [begin(database_url, log), begin(database_url, log)]
                    await all_signed(sql)
                    running[-2].terminate()
                    # Asked to go before it listened, it goes without a word.
                    assert running[-2].wait(PATIENCE_SECONDS) in {0, -signal.SIGTERM}
            roots = await sql.fetch(
                "SELECT second, count, root, previous_root, signature FROM receipt_roots"
            )
            signed = await sql.fetchval("SELECT count(*) FROM receipt_paths")
        finally:
            for process in running:
                process.kill()
                process.wait()
            await sql.close()
    assert signed == sum(row["count"] for row in roots) == 40
    following = {}
    for row in roots:
        root = Root(second_text(row["second"]), row["count"], row["root"], row["previous_root"])
        assert is_signed(root, signature=row["signature"], public_key=KEY.public_key)
        following[root.previous] = root
    before, steps = FIRST, 0
    while before in following:
        before, steps = following[before].record_hash(), steps + 1
    assert steps == len(roots)


async def _roll(floor, player_id, *, times):
    for _ in range(times):
        await floor.place_bet(
            player_id=player_id,
            game=INSTANT["dice"],
            asset=Asset.TON,
            stake=TON // 100,
            choice={"target": 5050, "over": True},
            reference=new_reference(),
        )


def test_the_public_part_of_the_key_is_printed_and_nothing_more():
    command, environment = worker("postgresql+asyncpg://nobody@127.0.0.1:1/none", "house-key")
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {
        "key_id": KEY.key_id,
        "public_key": KEY.public_key.hex(),
    }


def test_a_worker_without_a_key_does_not_start():
    secret = "my-half-written-key"
    command, environment = worker("postgresql+asyncpg://nobody@127.0.0.1:1/none", key=secret)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RECEIPTS_SIGNING_KEY must be 64 hex digits" in done.stderr
    assert secret not in done.stderr + done.stdout
