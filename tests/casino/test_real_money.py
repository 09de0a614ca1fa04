"""Real money is moved only on a database that keeps what it acknowledged."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from casino.db import Database
from casino.real_money import Server, faults, look, require_fit, schema_head
from tests.servers import ROOT

FIT = Server("on", "on", "on", "", "0042")

# Every process that moves money, with what it needs in order to come as far as the question.
PROCESSES = {
    "worker": ("casino.worker",),
    "webapp": ("webapp",),
    "bot": ("bot",),
    "admin_bot": ("admin_bot",),
    "watcher": ("payments", "watcher"),
    "sender": ("payments", "sender"),
    "signer": ("payments.signer", "run"),
}


def test_the_head_is_the_one_that_alembic_knows():
    script = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
    assert schema_head() == script.get_current_head()


@pytest.mark.parametrize("commit", ["on", "remote_write", "remote_apply", "local"])
def test_a_server_as_it_is_shipped_is_fit(commit):
    assert faults(replace(FIT, synchronous_commit=commit), head="0042") == []


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (replace(FIT, fsync="off"), "fsync"),
        (replace(FIT, full_page_writes="off"), "full_page_writes"),
        (replace(FIT, synchronous_commit="off"), "synchronous_commit"),
        (replace(FIT, synchronous_commit="local", standby_names="standby"), "standby"),
        (replace(FIT, revision=None), "make migrate"),
        (replace(FIT, revision="0041"), "make migrate"),
        (replace(FIT, revision="0043"), "newer code"),
    ],
)
def test_each_fault_is_told_alone(found, word):
    (told,) = faults(found, head="0042")
    assert word in told


@pytest.mark.faults
async def test_a_real_server_is_asked_for_what_counts_in_our_sessions(postgres_server):
    server = postgres_server()
    database = Database(server.url)
    connection = await asyncpg.connect(server.dsn)
    try:
        await require_fit(database, real_money=True)
        for change, undo, word in (
            ("SYSTEM SET fsync = off", "SYSTEM RESET fsync", "fsync is off"),
            (
                "SYSTEM SET full_page_writes = off",
                "SYSTEM RESET full_page_writes",
                "full_page_writes is off",
            ),
            (
                "ROLE fairhouse SET synchronous_commit = off",
                "ROLE fairhouse RESET synchronous_commit",
                "synchronous_commit is off",
            ),
        ):
            await connection.execute(f"ALTER {change}")
            await _reload(connection)
            with pytest.raises(SystemExit, match=word):
                await require_fit(database, real_money=True)
            await require_fit(database, real_money=False)
            await connection.execute(f"ALTER {undo}")
            await _reload(connection)
        await require_fit(database, real_money=True)
        await connection.execute("UPDATE alembic_version SET version_num = '0001'")
        with pytest.raises(SystemExit, match="schema is at 0001"):
            await require_fit(database, real_money=True)
        await connection.execute("DROP TABLE alembic_version")
        assert (await look(server.dsn)).revision is None
    finally:
        await connection.close()
        await database.close()


async def _reload(connection: asyncpg.Connection) -> None:
    """Have the settings read again, and wait until new sessions get them."""
    loaded = await connection.fetchval("SELECT pg_conf_load_time()")
    await connection.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(60):
        while await connection.fetchval("SELECT pg_conf_load_time()") == loaded:
            await asyncio.sleep(0.02)


async def test_a_server_that_does_not_answer_yet_is_waited_for():
    database = Database("postgresql+asyncpg://fairhouse@127.0.0.1:1/fairhouse")
    waiting = asyncio.ensure_future(require_fit(database, real_money=True))
    done, _ = await asyncio.wait([waiting], timeout=1)
    assert not done
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await database.close()


@pytest.mark.faults
@pytest.mark.parametrize("name", PROCESSES)
async def test_no_process_starts_with_real_money_on_a_server_without_durability(
    name, db, redis_url, administrator
):
    # The server that tests share has its durability off, unless another one was given.
    if await administrator.fetchval("SHOW fsync") == "on":
        async with db.transaction() as session:
            connection = await session.connection()
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *PROCESSES[name]],
        cwd=ROOT,
        env={
            **os.environ,
            "REAL_MONEY": "true",
            "DATABASE_URL": db.url,
            "REDIS_URL": redis_url,
            "VAULT_MASTER_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "RECEIPTS_SIGNING_KEY": bytes(range(32)).hex(),
            "TELEGRAM_PLAYER_BOT_TOKEN": "1:token",
            "TELEGRAM_PLAYER_BOT_NAME": "house_bot",
            "ADMIN_BOT_TOKEN": "2:token",
            "ADMIN_APPROVAL_KEY": bytes(range(32)).hex(),
            "SIGNER_TON_KEY_SEED": bytes(range(32)).hex(),
            "SIGNER_APPROVAL_PUBLIC_KEY": bytes(range(32)).hex(),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Not started, because real money would not be safe" in done.stderr
    assert "REAL_MONEY=false" in done.stderr
