"""Small truths about processes, ports and accounts that the local servers stand on."""

import contextlib
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Log = Callable[[str], None]


class ServiceFailed(RuntimeError):
    """A server could not be started or stopped; the text says why and what to do about it."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system user that runs a server's binaries in our place."""

    name: str
    uid: int
    gid: int


def free_port() -> int:
    """Return a loopback port that nobody listens on, below the range of outgoing connections.

    Nobody else is handed a port of this range by chance, so a server can come back on its own.
    """
    for _ in range(200):
        port = random.randrange(20_000, 32_000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise ServiceFailed("No free port between 20000 and 32000 on 127.0.0.1.")


def process_works_in(pid: int, folder: Path) -> bool:
    """Say whether process `pid` is alive (a zombie is not) and has `folder` as its directory."""
    return _state(pid) not in "ZX" and _directory(pid) == folder.resolve()


def children(pid: int) -> list[int]:
    """The direct children of process `pid`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid:
                    found.append(int(entry.name))
    return found


def processes_below(folder: Path) -> list[int]:
    """All living processes whose directory is `folder` or lies below it."""
    place = folder.resolve()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    homes = [(pid, _directory(pid)) for pid in pids if _state(pid) not in "ZX"]
    return [pid for pid, home in homes if home is not None and home.is_relative_to(place)]


def wait_until_gone(pids: Iterable[int], *, seconds: float) -> None:
    """Wait until none of `pids` lives any more. Raises ServiceFailed after `seconds`."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        while _state(pid) not in "ZX":
            if time.monotonic() > deadline:
                raise ServiceFailed(f"Process {pid} did not end within {seconds} s.")
            time.sleep(0.01)


def may_enter(folder: Path, account: Account) -> bool:
    """Say whether `account` can really read `folder`: asked of the system, not of the mode bits."""
    asked = subprocess.run(
        ["/bin/sh", "-c", 'test -r "$1" -a -x "$1"', "sh", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return asked.returncode == 0


def run_program(
    command: Sequence[str],
    *,
    account: Account | None = None,
    extra: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> str:
    """Run `command` (as `account`) to its end and return what it printed.

    Raises ServiceFailed with the end of its output when it fails.
    """
    # A file, not a pipe: a server that stays behind would hold a pipe open for ever.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        done = subprocess.run(
            command,
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(extra or {})},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
        output.seek(0)
        said = output.read().decode(errors="replace")
    if done.returncode != 0:
        tool = Path(command[0]).name
        raise ServiceFailed(f"{tool} failed ({done.returncode}): {said.strip()[-800:]}")
    return said


def last_lines(path: Path, count: int = 12) -> str:
    """The end of a log file, or nothing when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _directory(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True)
    except OSError:
        return None
