"""The bench's own PostgreSQL: durability as shipped, pgbench beside it, its processor time."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.postgres import SETTINGS, SUPERUSER, PostgresServer, remove_data, start_postgres
from sandbox.processes import children, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TPCB = "tpcb"
CLIENTS, THREADS = 16, 2
PATIENCE_SECONDS = 120

# Memory and the distance of checkpoints; nothing that a crash would ask about.
TUNED = {"shared_buffers": "2GB", "max_wal_size": "8GB"}
SHOWN = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
    "jit",
)
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([0-9.]+) ms", re.MULTILINE)
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class BenchServer:
    """A running server that both sides of each comparison talk to, through its Unix socket."""

    server: PostgresServer
    settings: Mapping[str, str]

    def dsn(self, database: str) -> str:
        """Where asyncpg finds a database."""
        place = quote(str(self.server.data_dir), safe="/")
        return (
            f"postgresql://{SUPERUSER}:{self.server.password}@/{database}"
            f"?host={place}&port={self.server.port}"
        )

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds it."""
        return self.dsn(database).replace("postgresql://", "postgresql+asyncpg://", 1)

    def prepare_tpcb(self, *, scale: int) -> None:
        """Fill the tables of the reference."""
        self.sql("postgres", f"CREATE DATABASE {TPCB}")
        self._tool("pgbench", "-i", "-q", "-s", str(scale), TPCB)

    def tpcb(self, *, seconds: int) -> float:
        """Transactions a second of the reference, by 16 clients."""
        return _found(_TPS, self._pgbench(CLIENTS, THREADS, seconds))

    def tpcb_alone(self, *, seconds: int) -> float:
        """Milliseconds that one transaction of a single client takes on average."""
        return _found(_LATENCY, self._pgbench(1, 1, seconds))

    def sql(self, database: str, *statements: str) -> str:
        """Run statements one by one; what the last one printed, bare."""
        commands = [part for statement in statements for part in ("-c", statement)]
        wanted = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *commands, database]
        return self._tool("psql", *wanted).strip()

    def cpu_seconds(self) -> float:
        """Processor time of every process of the server, those that ended included."""
        postmaster = self.server.running_pid()
        if postmaster is None:
            return 0.0
        ticks = sum(_stat(postmaster, 13, 17))
        return (ticks + sum(sum(_stat(pid, 13, 15)) for pid in children(postmaster))) / _CLOCK_TICKS

    def _pgbench(self, clients: int, threads: int, seconds: int) -> str:
        loads = ["-c", str(clients), "-j", str(threads), "-T", str(seconds)]
        return self._tool("pgbench", "-n", "-M", "prepared", *loads, TPCB)

    def _tool(self, tool: str, *arguments: str) -> str:
        place = ["-h", str(self.server.data_dir), "-p", str(self.server.port), "-U", SUPERUSER]
        program = str(self.server.binaries / tool)
        return run_program(
            [program, *place, *arguments], extra={"PGPASSWORD": self.server.password}
        )


@contextmanager
def open_server(data_dir: Path, *, tuned: Mapping[str, str] = TUNED) -> Iterator[BenchServer]:
    """Make a cluster in `data_dir`, run it, and remove it at the end."""
    server = start_postgres(data_dir, log=_silent)
    try:
        server.stop()
        _start(server, tuned)
        bench = BenchServer(server, {})
        shown = {name: bench.sql("postgres", f"SHOW {name}") for name in SHOWN}
        yield BenchServer(server, shown)
    finally:
        server.stop("immediate")
        remove_data(data_dir)


def file_system(folder: Path) -> str:
    """The kind of file system that `folder` lies on; memory would make every commit free."""
    asked = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)],  # noqa: S607 - coreutils, wherever they stand
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip()


def _start(server: PostgresServer, tuned: Mapping[str, str]) -> None:
    settings = {
        **SETTINGS,
        "port": str(server.port),
        "listen_addresses": "",
        "unix_socket_directories": str(server.data_dir),
        **tuned,
    }
    options = " ".join(f"-c {name}='{text}'" for name, text in settings.items())
    control = [str(server.binaries / "pg_ctl"), "-D", str(server.data_dir), "start", "-w"]
    control += ["-t", str(PATIENCE_SECONDS), "-l", str(server.data_dir / "server.log")]
    run_program([*control, "-o", options], account=server.account)


def _found(pattern: re.Pattern[str], said: str) -> float:
    match = pattern.search(said)
    if match is None:
        raise RuntimeError(f"pgbench said something else: {said[-400:]}")
    return float(match[1])


def _stat(pid: int, first: int, last: int) -> list[int]:
    """Fields of a process's line in /proc, counted from 0; none for one that has ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    # The name in parentheses may hold spaces: the two fields before its end are cut off first.
    return [int(ticks) for ticks in line.rpartition(")")[2].split()[first - 2 : last - 2]]


def _silent(_line: str) -> None:
    return None
