"""Models match the migrations, and every step goes down and up again."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

ROOT = Path(__file__).resolve().parents[2]


def alembic(url: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_models_and_migrations_agree(database_url):
    assert "No new upgrade operations detected" in alembic(database_url, "check")


def test_every_step_goes_down_and_up(database_url):
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    command.downgrade(config, "base")
    for _ in ScriptDirectory.from_config(config).walk_revisions():
        command.upgrade(config, "+1")
        command.downgrade(config, "-1")
        command.upgrade(config, "+1")


async def test_months_are_made_once_and_cut_in_utc(db):
    connection = await asyncpg.connect(db.dsn)
    try:
        assert await connection.fetchval("SELECT make_month('2031-05-01')") == 5
        assert await connection.fetchval("SELECT make_month('2031-05-01')") == 0
        with pytest.raises(asyncpg.RaiseError):
            await connection.execute("SELECT make_month('2031-05-02')")
    finally:
        await connection.close()


async def test_ids_rise_and_carry_their_moment(db):
    connection = await asyncpg.connect(db.dsn)
    try:
        made = await connection.fetch("SELECT next_id() AS id FROM generate_series(1, 5000)")
        ids = [row["id"] for row in made]
        assert len(set(ids)) == 5000
        late = await connection.fetchval("SELECT next_id() >= first_id_at(now() - interval '1 s')")
        assert late
    finally:
        await connection.close()
