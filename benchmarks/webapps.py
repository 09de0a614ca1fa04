"""Production webapps for the bench: `python -m webapp`, as an operator would start it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.callbacks import HOST, TOKEN
from benchmarks.house import MASTER_KEYS, ROOT
from sandbox.processes import free_port, last_lines
from sandbox.valkey import start_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READY_SECONDS = 180
STOP_SECONDS = 15
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Webapps:
    """Running webapps, by their ports."""

    def __init__(self, ports: Sequence[int], processes: Sequence[subprocess.Popen[bytes]]) -> None:
        self.ports = tuple(ports)
        self._processes = processes

    def cpu_seconds(self) -> float:
        """Processor time of all of them since they began."""
        ticks = 0
        for process in self._processes:
            line = Path(f"/proc/{process.pid}/stat").read_text()
            ticks += sum(map(int, line.rpartition(")")[2].split()[11:13]))
        return ticks / _CLOCK_TICKS


@contextmanager
def open_webapps(folder: Path, database_url: str, *, count: int) -> Iterator[Webapps]:
    """Start `count` webapps on ports of their own, with a Valkey beside them, and stop all."""
    folder.mkdir(parents=True, exist_ok=True)
    valkey = start_valkey(folder / "valkey", log=lambda _line: None)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        ports = [free_port() for _ in range(count)]
        for port in ports:
            # A folder without an .env of somebody's house; imports come from the checkout.
            environment = _environment(database_url, valkey.url, port)
            with (folder / f"webapp-{port}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "webapp"],
                        cwd=folder,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )
        for port, process in zip(ports, processes, strict=True):
            _await_ready(port, process, folder / f"webapp-{port}.log")
        yield Webapps(ports, processes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        valkey.stop()


def _environment(database_url: str, redis_url: str, port: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "VAULT_MASTER_KEYS": MASTER_KEYS,
        "TELEGRAM_PLAYER_BOT_TOKEN": "100:bench",
        "TELEGRAM_PLAYER_BOT_NAME": "bench_bot",
        "TELEGRAM_MINI_APP_URL": f"http://{HOST}:{port}/",
        "WEBAPP_HOST": HOST,
        "WEBAPP_PORT": str(port),
        "TON_NETWORK": "testnet",
        "SOFTSWISS_URL": "https://aggregator.invalid",
        "SOFTSWISS_CASINO_ID": "bench",
        "SOFTSWISS_AUTH_TOKEN": TOKEN.decode(),
    }


def _await_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"a webapp did not become ready:\n{last_lines(log, 20)}")
