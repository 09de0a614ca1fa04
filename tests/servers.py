"""The servers that the tests of one run share: started by the first who needs them, ended with it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit, urlunsplit

from sandbox.postgres import remove_data, start_postgres
from sandbox.processes import processes_below, wait_until_gone
from sandbox.valkey import start_valkey

ROOT = Path(__file__).parent.parent
TEMPLATE = "fairhouse_template"
PREFIX = "fairhouse-tests-"
MEMORY_NEEDED = 4 * 2**30


@dataclass(slots=True)
class Run:
    """One run of pytest: a folder that its workers share and that dies with it."""

    folder: Path
    lock: TextIO | None = field(default=None, repr=False)

    def end(self) -> None:
        """Stop every server of the run and delete its folder; only the owner of the run does it."""
        if self.lock is None:
            return
        if processes_below(self.folder / "postgres"):
            start_postgres(self.folder / "postgres", log=_silent).stop()  # finds the running one
        _clear(self.folder)
        self.lock.close()


def begin_run() -> Run:
    """Open a folder for a new run, and clear those that runs left behind when they were killed."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
    folder.chmod(0o755)  # PostgreSQL may have to run as another account
    # Locked before it has its name, so that no other run ever sees it unlocked.
    lock = (folder / "alive.new").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "alive.new").rename(folder / "alive")
    return Run(folder=folder, lock=lock)


def shared_postgres(run: Run, *, environment: Mapping[str, str]) -> str:
    """The DSN of the run's PostgreSQL, in which TEMPLATE is migrated; one starts it, all wait.

    TEST_DATABASE_URL, when set, names a server to use instead: an address whose user may create
    databases.
    """
    return _agree(run.folder / "postgres.dsn", lambda: _start_postgres(run, environment))


def shared_redis(run: Run, *, environment: Mapping[str, str]) -> str:
    """The address of the run's Valkey, or TEST_REDIS_URL; tests empty its databases."""
    return _agree(
        run.folder / "redis.url",
        lambda: (
            environment.get("TEST_REDIS_URL")
            or start_valkey(run.folder / "valkey", log=_silent).url
        ),
    )


def in_database(address: str, database: str) -> str:
    """The same server's address with another database (or Redis number) at its end."""
    return urlunsplit(urlsplit(address)._replace(path=f"/{database}"))


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema, as `make migrate` would."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"alembic upgrade head failed:\n{done.stdout}\n{done.stderr}"


def asyncpg_url(dsn: str) -> str:
    """The address as SQLAlchemy spells it."""
    return dsn.replace("postgresql://", "postgresql+asyncpg://", 1)


def administer(dsn: str, *statements: str) -> None:
    """Run statements that want no transaction (CREATE DATABASE) through a short connection."""
    program = (
        "import asyncio, asyncpg, sys\n"
        "async def main():\n"
        "    connection = await asyncpg.connect(sys.argv[1])\n"
        "    for statement in sys.argv[2:]:\n"
        "        await connection.execute(statement)\n"
        "    await connection.close()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program, dsn, *statements], check=True)


def _start_postgres(run: Run, environment: Mapping[str, str]) -> str:
    given = environment.get("TEST_DATABASE_URL", "").replace("+asyncpg", "")
    dsn = given or start_postgres(run.folder / "postgres", log=_silent).dsn_of("postgres")
    if not given:
        # Nothing here outlives the run, and tests that crash a server have one of their own with
        # durability as shipped: making a database a test is most of what a test costs otherwise.
        administer(
            dsn,
            "ALTER SYSTEM SET fsync = off",
            "ALTER SYSTEM SET full_page_writes = off",
            "ALTER SYSTEM SET synchronous_commit = off",
            "SELECT pg_reload_conf()",
        )
    administer(
        dsn,
        f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)",  # of an earlier run on a given server
        f"CREATE DATABASE {TEMPLATE}",
    )
    migrate(asyncpg_url(in_database(dsn, TEMPLATE)))
    return dsn


def _agree(answer: Path, find: Callable[[], str]) -> str:
    """Return what `answer` holds; the first process to ask finds it while the others wait."""
    with answer.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            answer.write_text(find())
        return answer.read_text()


def _place() -> Path:
    """Memory, where the machine has room for it: a database a test is hard work for a disk."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK | os.X_OK)
    roomy = usable and shutil.disk_usage(memory).free > MEMORY_NEEDED
    return memory if roomy else Path(tempfile.gettempdir())


def _sweep() -> None:
    for folder in _place().glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / "alive").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its run lives
            _clear(folder)


def _clear(folder: Path) -> None:
    # A cluster's folder may be a link out of the run's.
    clusters = [*folder.glob("postgres"), *folder.glob("*/postgres")]
    left = [pid for place in (folder, *clusters) for pid in processes_below(place)]
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until_gone(left, seconds=30)
    for cluster in clusters:
        remove_data(cluster)
    shutil.rmtree(folder)


def _silent(_line: str) -> None:
    return None
