"""The local TON node as Python sees it: start, stop, kill, coins, blocks, the clock, faults."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.processes import ServiceFailed, free_port

HERE = Path(__file__).parent
STOP_SECONDS = 10
ANSWER_SECONDS = 120
BLOCK_MS = 3000


@dataclass(slots=True)
class LocalChain:
    """One node process on 127.0.0.1:`port`; its life ends with ours even if we are killed.

    With a `store` everything on the chain is kept there. `block_ms` None means that blocks come
    only from `mine`; `hops_apart` gives each internal message a block of its own."""

    port: int = field(default_factory=free_port)
    store: Path | None = None
    block_ms: int | None = BLOCK_MS
    hops_apart: bool = False
    slim: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """What a toncenter client takes as its base."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the node process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the node and wait until it answers; an own node that runs is left alone.

        Raises ServiceFailed with what to do about it."""
        if self.running:
            return
        node = shutil.which("node")
        if node is None:
            raise ServiceFailed("The local chain needs Node.js 20 or newer on the PATH.")
        if not (HERE / "node_modules" / "@ton" / "sandbox").is_dir():
            raise ServiceFailed("The local chain's packages are missing: npm ci in sandbox/ton.")
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                [node, str(HERE / "server.js"), *self._options()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=HERE,
            )
            said = self._first_line()
            if said.get("event") != "ready":
                self.kill()
                errors.seek(0)
                reason = said.get("error") or errors.read().decode(errors="replace")[-800:]
                raise ServiceFailed(f"The local chain did not start: {reason}")

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

    async def faucet(
        self, address: str, units: int, *, comment: str = "", bounce: bool = False
    ) -> None:
        """Give coins out of nothing; they are there when this returns."""
        wanted = {"address": address, "units": str(units), "comment": comment, "bounce": bounce}
        await self._admin("faucet", wanted)

    async def mine(self, count: int = 1) -> int:
        """Make blocks now; returns the number of the newest."""
        made = await self._admin("mine", {"count": count})
        return int(made["seqno"])

    async def move_clock(self, seconds: int) -> None:
        """Let chain time pass; it shows in the next block."""
        await self._admin("clock", {"add": seconds})

    async def fault(self, **counts: int) -> None:
        """Let things go wrong: dropSend, failAfterSend, http429, http500 (so many of the next
        requests), lag (so many blocks that the index is behind, until set to 0)."""
        await self._admin("fault", counts)

    async def balance(self, address: str) -> int:
        """Coins on an account, in units."""
        answer = await self._ask("GET", "/api/v2/getAddressBalance", params={"address": address})
        return int(answer["result"])

    async def status(self) -> dict[str, Any]:
        """Newest block, clock, counts of what waits."""
        return await self._ask("GET", "/admin/status")

    def _options(self) -> list[str]:
        options = ["--port", str(self.port), "--tied"]
        if self.store is not None:
            options += ["--store", str(self.store)]
        options += ["--manual"] if self.block_ms is None else ["--block-ms", str(self.block_ms)]
        if self.hops_apart:
            options += ["--hops", "one"]
        if self.slim:
            options += ["--slim"]
        return options

    def _first_line(self) -> dict[str, Any]:
        if self._process is None or self._process.stdout is None:
            return {}
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line.strip() else {}
        return said

    def _let_go(self) -> None:
        if self._process is None:
            return
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    async def _admin(self, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", f"/admin/{name}", json=wanted)

    async def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, self.url + path, **given) as response,
        ):
            answer: dict[str, Any] = await response.json()
            if response.status != 200:
                raise ServiceFailed(f"The local chain refused {path}: {answer.get('error')}")
        return answer
