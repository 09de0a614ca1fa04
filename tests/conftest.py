"""What every test may ask for: a fresh database, Redis, servers of its own; loopback only."""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
import pytest
import redis
import structlog

from casino.db import Database
from sandbox.postgres import PostgresServer, start_postgres
from sandbox.valkey import ValkeyServer, start_valkey
from tests.servers import (
    TEMPLATE,
    Run,
    asyncpg_url,
    begin_run,
    in_database,
    migrate,
    shared_postgres,
    shared_redis,
)

RUN: pytest.StashKey[Run] = pytest.StashKey()
RECURSION_LIMIT = sys.getrecursionlimit()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the run, or join the one that started this worker; nobody calls beyond this machine."""
    from_controller: dict[str, Any] | None = getattr(config, "workerinput", None)
    if from_controller is None:
        config.stash[RUN] = begin_run()
    else:
        config.stash[RUN] = Run(folder=type(config.rootpath)(from_controller["run_folder"]))
    # The shared server skips what only a crash needs; processes that tests start live with that.
    os.environ.setdefault("REAL_MONEY", "false")
    config.option.allow_hosts = "127.0.0.1,::1,localhost"
    config.option.allow_unix_socket = True


def pytest_collection_finish() -> None:
    """Undo what importing py_ecc does (eth_account wants it): with its limit of 100,000, JSON that
    is nested too deep ends Python instead of raising."""
    sys.setrecursionlimit(RECURSION_LIMIT)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which run it belongs to."""
    node.workerinput["run_folder"] = str(node.config.stash[RUN].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[RUN].end()


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> Iterator[None]:
    """One line an event: drawn tracebacks take seconds each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=repr),
        ],
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def postgres_dsn(run: Run) -> str:
    """The PostgreSQL that all workers share, with a migrated template inside."""
    return shared_postgres(run, environment=os.environ)


@pytest.fixture(scope="session")
async def administrator(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that makes and drops databases."""
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def database_url(postgres_dsn: str, administrator: asyncpg.Connection) -> AsyncIterator[str]:
    """The address of a database of the newest schema that only this test sees."""
    name = f"test_{secrets.token_hex(8)}"
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield asyncpg_url(in_database(postgres_dsn, name))
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The product's own way into this test's database; `async with db.transaction() as session`."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def redis_url(run: Run, worker_number: int) -> str:
    """The address of an empty Redis database that only this worker uses."""
    url = in_database(shared_redis(run, environment=os.environ), str(worker_number))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
def worker_number(pytestconfig: pytest.Config) -> int:
    worker: dict[str, str] = getattr(pytestconfig, "workerinput", {"workerid": "gw0"})
    return int(worker["workerid"].removeprefix("gw")) + 1


@pytest.fixture
def postgres_server(run: Run) -> Iterator[Callable[[], PostgresServer]]:
    """Make PostgreSQL servers of the test's own, migrated, that it may stop and kill.

    `server.url` is the migrated database; `server.kill()` then `server.start()` is a crash.
    """
    made: list[PostgresServer] = []

    def make() -> PostgresServer:
        server = start_postgres(
            run.folder / secrets.token_hex(8) / "postgres", log=lambda _line: None
        )
        made.append(server)
        migrate(server.url)
        return server

    yield make
    for server in made:
        server.stop("immediate")


@pytest.fixture
def valkey_server(run: Run) -> Iterator[Callable[[], ValkeyServer]]:
    """Make Valkey servers of the test's own that it may stop and kill."""
    made: list[ValkeyServer] = []

    def make() -> ValkeyServer:
        server = start_valkey(run.folder / secrets.token_hex(8) / "valkey", log=lambda _line: None)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()
