"""The casino's own processes, run as an operator would run them: one command, one environment."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.processes import ServiceFailed, last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.home import Home

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 15
RESTARTS_MAX = 20
PR_SET_PDEATHSIG = 1

COMMANDS: dict[str, tuple[str, ...]] = {
    "worker": ("-m", "casino.worker"),
    "watcher": ("-m", "payments", "watcher"),
    "signer": ("-m", "payments.signer", "run"),
    "sender": ("-m", "payments", "sender"),
    "webapp": ("-m", "webapp"),
    "bot": ("-m", "bot"),
    "admin_bot": ("-m", "admin_bot"),
}

# What a process may know: everyone gets the first group, each gets only its own secrets.
SHARED = ("PATH", "HOME", "LANG", "LC_ALL", "TELEMETRY_")
HOUSE = ("DATABASE_URL", "REDIS_URL")
# Public facts of the networks that the signer signs for: it asks no node.
SIGNED_FOR = ("TON_JETTON_MASTER", "EVM_CHAIN_ID", "EVM_TOKEN", "BTC_NETWORK", "BTC_XPUB")
KNOWS: dict[str, tuple[str, ...]] = {
    "worker": (*HOUSE, "RECEIPTS_", "WORKER_", "VAULT_"),
    "watcher": (*HOUSE, "TON_", "EVM_", "BTC_"),
    "sender": (*HOUSE, "TON_", "EVM_", "BTC_"),
    "signer": ("SIGNER_", "TON_NETWORK", "TON_WALLET_", *SIGNED_FOR),
    "webapp": (
        *HOUSE,
        "TELEGRAM_",
        "ADMIN_WEBHOOK_SECRET",
        "WEBAPP_",
        "LAUNCH_",
        "VAULT_",
        "TON_NETWORK",
        "TON_TONCENTER_",
        "TON_REQUESTS_PER_SECOND",
    ),
    "bot": (
        *HOUSE,
        "TELEGRAM_API_URL",
        "TELEGRAM_MODE",
        "TELEGRAM_WEBHOOK_",
        "TELEGRAM_PLAYER_BOT_",
        "TELEGRAM_MINI_APP_URL",
        "VAULT_",
        "TON_NETWORK",
    ),
    "admin_bot": (
        *HOUSE,
        "TELEGRAM_API_URL",
        "TELEGRAM_MODE",
        "TELEGRAM_WEBHOOK_URL",
        "ADMIN_",
        "VAULT_",
        "TON_NETWORK",
    ),
}


@dataclass(slots=True)
class Said:
    """A line that a service said."""

    at: str
    service: str
    text: str


@dataclass(slots=True)
class CasinoProcesses:
    """Starts the casino's processes, keeps what they say, starts again what fell."""

    home: Home
    environment: Mapping[str, str]
    lines: deque[Said] = field(default_factory=lambda: deque(maxlen=1000))
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)
    _stopping: bool = False

    def run(self, *arguments: str) -> str:
        """Run a command of the casino to its end; returns what it printed, raises ServiceFailed
        with what it said."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")[-1500:]
            raise ServiceFailed(f"{' '.join(arguments)} failed:\n{said}")
        return done.stdout.decode()

    def start(self, *names: str) -> None:
        """Start processes by name; all of them when none is named."""
        for name in names or tuple(COMMANDS):
            self._spawn(name)

    def pid(self, name: str) -> int:
        """The process number of a running process."""
        return self._running[name].pid

    def kill(self, name: str, *, with_signal: signal.Signals = signal.SIGKILL) -> None:
        """Hit a process as the system might, and wait for its end; it is not started again."""
        process = self._running.pop(name)
        process.send_signal(with_signal)
        process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Ask all to end, then make them."""
        self._stopping = True
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, process in self._running.items():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(name, "did not end in time and was killed")
                process.kill()
                process.wait()
        self._running.clear()

    def look_after(self) -> list[str]:
        """Start again what ended by itself; returns the names of those."""
        fallen = [name for name, process in self._running.items() if process.poll() is not None]
        for name in fallen:
            code = self._running.pop(name).returncode
            self._restarts[name] = self._restarts.get(name, 0) + 1
            if self._restarts[name] > RESTARTS_MAX:
                raise ServiceFailed(
                    f"{name} keeps ending (code {code}). The end of its log:\n"
                    + last_lines(self.home.log_of(name))
                )
            self._say(name, f"ended with code {code}; starting it again")
            self._spawn(name)
        return fallen

    def _spawn(self, name: str) -> None:
        known = (*SHARED, *KNOWS[name])
        environment = {
            key: text
            for key, text in self.environment.items()
            if any(key == prefix or key.startswith(prefix) for prefix in known)
        }
        process = subprocess.Popen(
            [sys.executable, *COMMANDS[name]],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - before any thread of the child exists
        )
        self._running[name] = process
        threading.Thread(target=self._listen, args=(name, process), daemon=True).start()

    def _listen(self, name: str, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout, self.home.log_of(name).open("ab", buffering=0) as log:
            for raw in process.stdout:
                log.write(raw)
                text = _told(raw.decode(errors="replace").rstrip())
                if text:
                    self._say(name, text)

    def _say(self, service: str, text: str) -> None:
        self.lines.append(Said(time.strftime("%H:%M:%S", time.gmtime()), service, text))


def base_environment(given: Mapping[str, str]) -> dict[str, str]:
    """What the casino's processes take over from ours: paths and language, nothing else."""
    return {key: given[key] for key in ("PATH", "HOME", "LANG", "LC_ALL") if key in given}


def last_words(processes: CasinoProcesses, names: Sequence[str], count: int = 8) -> str:
    """The ends of several logs, for an error message."""
    return "\n".join(
        f"--- {name}\n{last_lines(processes.home.log_of(name), count)}" for name in names
    )


def _told(line: str) -> str:
    try:
        event = json.loads(line)
    except ValueError:
        return line[:300]
    if not isinstance(event, dict) or "event" not in event:
        return line[:300]
    skipped = {"event", "level", "timestamp", "exception"}
    facts = " ".join(f"{key}={event[key]}" for key in event if key not in skipped)
    mark = "! " if event.get("level") in {"error", "critical", "warning"} else ""
    return f"{mark}{event['event']} {facts}".strip()[:300]


def _die_with_parent() -> None:
    # A sandbox that is killed must not leave a casino behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setpgid(0, 0)
