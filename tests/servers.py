"""The servers that the tests of one run share: started by the first who needs them, ended with it."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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


@dataclass(slots=True)
class Run:
    """One run of pytest: a folder that its workers share and that dies with it."""

    folder: Path
    lock: TextIO | None = field(default=None, repr=False)

    def end(self) -> None:
        """Stop every server of the run and delete its folder; only the owner of the run does it."""
        if self.lock is None:
            return
        for name, start in (("postgres", start_postgres), ("valkey", start_valkey)):
            # Starting what already runs only finds it.
            if processes_below(self.folder / name):
                start(self.folder / name, log=_silent).stop()
        _clear(self.folder)
        self.lock.close()


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the shared servers answer, and the name of the migrated database to clone."""

    dsn: str
    redis_url: str

    def dsn_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{database}"))

    def url_of(self, database: str) -> str:
        return asyncpg_url(self.dsn_of(database))

    def redis_url_of(self, number: int) -> str:
        return urlunsplit(urlsplit(self.redis_url)._replace(path=f"/{number}"))


def begin_run() -> Run:
    """Open a folder for a new run, and clear those that runs left behind when they were killed."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o755)  # PostgreSQL may have to run as another account
    # Locked before it has its name, so that no other run ever sees it unlocked.
    lock = (folder / "alive.new").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "alive.new").rename(folder / "alive")
    return Run(folder=folder, lock=lock)


def shared_servers(run: Run, *, environment: Mapping[str, str]) -> Servers:
    """Find the run's servers, or start them and migrate the template; one process does, all wait.

    TEST_DATABASE_URL (an address whose user may create databases) and TEST_REDIS_URL, when set,
    name servers to use instead.
    """
    state = run.folder / "servers.json"
    with _exclusive(run.folder / "starting"):
        if not state.exists():
            dsn, redis_url = environment.get("TEST_DATABASE_URL"), environment.get("TEST_REDIS_URL")
            if dsn is None:
                dsn = start_postgres(run.folder / "postgres", log=_silent).dsn
            if redis_url is None:
                redis_url = start_valkey(run.folder / "valkey", log=_silent).url
            servers = Servers(dsn=dsn.replace("+asyncpg", ""), redis_url=redis_url)
            _make_template(servers)
            state.write_text(json.dumps({"dsn": servers.dsn, "redis_url": servers.redis_url}))
        return Servers(**json.loads(state.read_text()))


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


def _make_template(servers: Servers) -> None:
    # A given server may hold the template of an earlier run.
    administer(
        servers.dsn,
        f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)",
        f"CREATE DATABASE {TEMPLATE}",
    )
    migrate(servers.url_of(TEMPLATE))


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
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


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _silent(_line: str) -> None:
    return None
