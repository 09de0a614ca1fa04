"""One house for the tests that need a whole one."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from casino.db import Database
from sandbox.home import Home
from sandbox.postgres import PostgresServer, start_postgres
from tests.faults.scene import Scene, open_scene
from tests.servers import Run, migrate

DISK = Path("/var/tmp")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the tests of kills counted, one line each."""
    for report in terminalreporter.stats.get("passed", []):
        for name, told in report.user_properties:
            if name == "faults":
                terminalreporter.write_line(f"faults: {told}")


@pytest.fixture(scope="package")
def durable_server(run: Run) -> Iterator[PostgresServer]:
    """A migrated server with durability as shipped, its data on a disk and not in memory; tests
    may kill it, and start it again."""
    place = DISK if DISK.is_dir() else Path(tempfile.gettempdir())
    data = place / f"{run.folder.name}-{secrets.token_hex(8)}"
    # By this link the run clears the server away, should nobody else come to do it.
    link = run.folder / secrets.token_hex(8) / "postgres"
    link.parent.mkdir()
    link.symlink_to(data)
    server = start_postgres(data, log=lambda _line: None)
    migrate(server.url)
    yield server
    server.stop("immediate")


@pytest.fixture
async def durable_database(durable_server: PostgresServer) -> AsyncIterator[Database]:
    """A database of this test's own on the durable server."""
    name = f"test_{secrets.token_hex(8)}"
    administrator = await asyncpg.connect(durable_server.dsn_of("postgres"))
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert await administrator.fetchval(f"SHOW {setting}") == "on"
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE fairhouse")
    await administrator.close()
    database = Database(durable_server.url_of(name))
    yield database
    await database.close()


@pytest.fixture(scope="package")
async def the_scene(run: Run) -> AsyncIterator[Scene]:
    """One house for all tests of this folder that need a whole one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        async with open_scene(Home(run.folder / "stage")) as scene:
            yield scene


@pytest.fixture
async def scene(the_scene: Scene) -> AsyncIterator[Scene]:
    """The house with all its processes at work, and sound books afterwards."""
    await the_scene.start()
    yield the_scene
    await the_scene.stage.chains.ton.fault(dropSend=0, failAfterSend=0, http429=0, http500=0, lag=0)
    await the_scene.require_sound()
