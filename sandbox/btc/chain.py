"""The local Bitcoin node as Python sees it: start, stop, kill, blocks, forks, fees."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payments.bitcoin_rpc import BitcoinRpc
from sandbox.processes import ServiceFailed, free_port

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 10
HRP = "bcrt"


@dataclass(slots=True)
class LocalBitcoin:
    """One node process on 127.0.0.1:`port`; its life ends with ours even if we are killed.

    With a `store` (a folder) everything is kept there: blocks, forks, what waits. `block_ms` None
    means that blocks come only when asked for."""

    port: int = field(default_factory=free_port)
    store: Path | None = None
    block_ms: int | None = None
    txindex: bool = False
    user: str = "fairhouse"
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _scratch: Path | None = None

    network = "bitcoin_regtest"
    hrp = HRP

    @property
    def url(self) -> str:
        """Where its JSON-RPC is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the node process is alive."""
        return self._process is not None and self._process.poll() is None

    def rpc(self, url: str = "") -> BitcoinRpc:
        """A client of this node; `url` replaces its own address, for one that stands between."""
        return BitcoinRpc(url=url or self.url, user=self.user, password=self.password)

    def start(self) -> None:
        """Start the node and wait until it answers; an own node that runs is left alone.

        Raises ServiceFailed with what to do about it."""
        if self.running:
            return
        # The kernel's working files, of which nothing is kept; a killed node cannot remove them.
        self._scratch = Path(tempfile.mkdtemp(prefix="fairhouse-btc-"))
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.btc.server", *self._options()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
            )
            said = self._greet()
            if said.get("event") != "ready":
                self.kill()
                errors.seek(0)
                reason = said.get("error") or errors.read().decode(errors="replace")[-800:]
                raise ServiceFailed(f"The local Bitcoin node did not start: {reason}")

    def stop(self) -> None:
        """Ask the node to end and wait for it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._let_go()

    def kill(self) -> None:
        """End the node at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._let_go()

    def _options(self) -> list[str]:
        options = ["--port", str(self.port), "--scratch", str(self._scratch)]
        if self.store is not None:
            options += ["--store", str(self.store)]
        if self.block_ms is not None:
            options += ["--block-ms", str(self.block_ms)]
        return [*options, "--txindex"] if self.txindex else options

    def _greet(self) -> dict[str, Any]:
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            return {}
        try:
            self._process.stdin.write(json.dumps([self.user, self.password]).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {}
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
        return said

    def _let_go(self) -> None:
        if self._process is None:
            return
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
