"""Litecoin's own node on regtest: a second judge beside ours, for the tests only.

It descends from Bitcoin Core 0.21, so its RPC, mempool and policy are the real ones."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from payments.bitcoin_rpc import BitcoinRpc
from sandbox.processes import ServiceFailed, free_port

PROGRAM = "litecoind"
START_SECONDS = 60
STOP_SECONDS = 30
POLL_SECONDS = 0.05
HRP = "rltc"
OPTIONS = (
    "-regtest",
    "-server",
    "-listen=0",
    "-dnsseed=0",
    "-txindex=1",
    "-rest",
    "-fallbackfee=0.0001",
    "-acceptnonstdtxn=0",
    # Litecoin ships with replacement switched off.
    "-mempoolreplacement=1",
    # Its extension blocks would come alive at height 432 and break `generatetoaddress`.
    "-vbparams=mweb:4000000000:4000000001",
)


@dataclass(slots=True)
class LocalLitecoin:
    """One litecoind on 127.0.0.1:`port` with a fresh chain in a folder of its own."""

    port: int = field(default_factory=free_port)
    user: str = "fairhouse"
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    network = "litecoin_regtest"
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
        """Start the node and wait until it answers. Raises ServiceFailed with what to do."""
        if self.running:
            return
        program = shutil.which(PROGRAM)
        if program is None:
            raise ServiceFailed(
                f"{PROGRAM} is not on the PATH. `make test` installs it when it runs as root; "
                f"else: sudo apt-get install {PROGRAM}"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="fairhouse-ltc-"))
        settings = self._folder / "litecoin.conf"
        settings.touch(mode=0o600)
        # In a file, not in the command line, which other accounts of the machine can read.
        settings.write_text(
            f"regtest=1\n[regtest]\nrpcuser={self.user}\nrpcpassword={self.password}\n"
            f"rpcport={self.port}\nrpcbind=127.0.0.1\nrpcallowip=127.0.0.1\n"
        )
        with (self._folder / "output.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*_tied(), program, f"-datadir={self._folder}", *OPTIONS],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """End the node and forget its chain."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                log = self._folder / "output.log" if self._folder else None
                said = log.read_text(errors="replace")[-800:] if log else ""
                self.stop()
                raise ServiceFailed(f"{PROGRAM} did not start: {said}")
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        name = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        question = json.dumps({"method": "getblockcount", "params": [], "id": 0})
        try:
            connection.request("POST", "/", question, {"Authorization": f"Basic {name}"})
            return connection.getresponse().status == 200
        except (http.client.HTTPException, OSError):
            return False
        finally:
            connection.close()


def _tied() -> list[str]:
    """What makes the system end a process with its parent, where the system can."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "KILL"]
