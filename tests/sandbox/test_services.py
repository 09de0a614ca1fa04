"""The local servers: they start once, survive a crash with their data, and stay out of the way."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis

from sandbox.postgres import PostgresServer, start_postgres
from sandbox.processes import ServiceFailed, children, process_works_in, run_program
from sandbox.services import start_services
from sandbox.valkey import ValkeyServer, start_valkey
from tests.servers import Run


def quiet(_line: str) -> None:
    return None


@pytest.fixture
def bare_postgres(run: Run, tmp_path: Path) -> PostgresServer:
    """A server without our schema; the run's end stops it."""
    return start_postgres(run.folder / tmp_path.name / "postgres", log=quiet)


async def shown(server: PostgresServer, setting: str) -> object:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(f"SHOW {setting}")
    finally:
        await connection.close()


@pytest.mark.faults
async def test_what_was_committed_outlives_a_crash(bare_postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(bare_postgres.dsn)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    postmaster = bare_postgres.running_pid()
    assert postmaster is not None
    workers = children(postmaster)
    assert workers

    bare_postgres.kill()

    assert bare_postgres.running_pid() is None
    assert [pid for pid in workers if process_works_in(pid, bare_postgres.data_dir)] == []
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("INSERT INTO kept VALUES (2)")
    port = bare_postgres.port
    bare_postgres.start()
    assert bare_postgres.port == port
    again = await asyncpg.connect(bare_postgres.dsn)
    assert await again.fetchval("SELECT array_agg(n) FROM kept") == [1]
    await again.close()
    bare_postgres.stop()


async def test_durability_is_as_shipped(bare_postgres: PostgresServer) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await shown(bare_postgres, setting) == "on"
    assert await shown(bare_postgres, "listen_addresses") == "127.0.0.1"
    bare_postgres.stop()


async def test_a_second_start_finds_the_first(bare_postgres: PostgresServer) -> None:
    found = start_postgres(bare_postgres.data_dir, log=quiet)
    assert (found.port, found.running_pid()) == (bare_postgres.port, bare_postgres.running_pid())
    found.stop()
    assert bare_postgres.running_pid() is None


async def test_a_stale_pid_file_is_no_obstacle(bare_postgres: PostgresServer) -> None:
    bare_postgres.stop()
    # After a reboot the number may belong to anybody: here, to process 1.
    stale = f"1\n{bare_postgres.data_dir}\n1\n{bare_postgres.port}\n\n127.0.0.1\n\nready\n"
    (bare_postgres.data_dir / "postmaster.pid").write_text(stale)
    assert bare_postgres.running_pid() is None
    bare_postgres.start()
    assert await shown(bare_postgres, "port") == str(bare_postgres.port)
    bare_postgres.stop()


async def test_a_taken_port_is_named_in_the_failure(
    bare_postgres: PostgresServer, valkey_server: Callable[[], ValkeyServer]
) -> None:
    bare_postgres.stop()
    bare_postgres.port = valkey_server().port
    with pytest.raises(ServiceFailed, match="Address already in use"):
        bare_postgres.start()


async def test_a_stranger_needs_the_password(bare_postgres: PostgresServer) -> None:
    bare_postgres.password = "a guess"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await shown(bare_postgres, "port")
    bare_postgres.stop()


def test_client_tools_reach_the_server(bare_postgres: PostgresServer) -> None:
    assert bare_postgres.run("psql", ["-tAc", "SELECT 6 * 7", "fairhouse"]).strip() == "42"
    with pytest.raises(ServiceFailed, match="does not exist"):
        bare_postgres.run("psql", ["-tAc", "SELECT * FROM nothing", "fairhouse"])
    bare_postgres.stop()


def test_a_durable_valkey_remembers(tmp_path: Path) -> None:
    server = start_valkey(tmp_path / "valkey", durable=True, log=quiet)
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
    server.stop()
    again = start_valkey(tmp_path / "valkey", durable=True, log=quiet)
    with redis.Redis.from_url(again.url) as client:
        assert client.get("kept") == b"yes"
    again.stop()
    assert again.running_pid() is None


@pytest.mark.faults
def test_a_killed_valkey_comes_back_on_its_port(
    valkey_server: Callable[[], ValkeyServer],
) -> None:
    server = valkey_server()
    url = server.url
    server.kill()
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    with redis.Redis.from_url(url) as client:
        assert client.ping()


def test_a_second_valkey_start_finds_the_first(valkey_server: Callable[[], ValkeyServer]) -> None:
    server = valkey_server()
    found = start_valkey(server.data_dir, log=quiet)
    assert found.url == server.url


def test_given_servers_are_used(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": "postgresql+asyncpg://db/x", "REDIS_URL": "redis://cache/0"}
    services = start_services(tmp_path, environment=environment, log=quiet)
    assert services.database_url == environment["DATABASE_URL"]
    assert services.redis_url == environment["REDIS_URL"]
    services.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_program_says_its_last_words() -> None:
    with pytest.raises(ServiceFailed, match="sh failed \\(3\\): oh dear"):
        run_program(["/bin/sh", "-c", "echo oh dear >&2; exit 3"])
