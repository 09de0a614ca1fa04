"""The local Ethereum node: start, stop, kill, blocks, other histories, the clock, coins."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox.processes import ServiceFailed, children, free_port, wait_until_gone
from sandbox.setup.system import find_anvil

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
CONTRACTS = HERE / "build" / "contracts.json"
CHAIN_ID = 31337
MNEMONIC = "test test test test test test test test test test test junk"
SLOTS_IN_AN_EPOCH = 2
"""A block is final when two epochs stand on it: four blocks here."""
START_SECONDS = 30
STOP_SECONDS = 20
ANSWER_SECONDS = 60
BLOCK_SECONDS = 2
POLL_SECONDS = 0.02
STORE_EVERY_SECONDS = 1

# The node lives as long as our end of the pipe on descriptor 3 is open, however we end. Whoever
# waits for that end goes first when the node dies by itself: its number may be another's by then.
_TIED = """
exec 3<&0 </dev/null
"$@" 3<&- & node=$!
(cat <&3 >/dev/null; kill $node) & tie=$!
wait $node; code=$?
kill $tie 2>/dev/null
exit $code
"""


@cache
def contract_code(name: str) -> str:
    """The deployment code of a contract in contracts/, hex without 0x."""
    try:
        made: dict[str, dict[str, str]] = json.loads(CONTRACTS.read_text())
    except FileNotFoundError as error:
        raise ServiceFailed("The contracts are not compiled: make setup.") from error
    return made[name]["code"]


@dataclass(slots=True)
class LocalEvm:
    """One anvil process on 127.0.0.1:`port`; its life ends with ours even if we are killed.

    With a `store` the chain is kept there, at the latest a second after it changed.
    `block_seconds` None means that blocks come only from `mine`."""

    port: int = field(default_factory=free_port)
    store: Path | None = None
    block_seconds: int | None = BLOCK_SECONDS
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """What a JSON-RPC client asks."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the node process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the node and wait until it listens; an own node that runs is left alone.

        Raises ServiceFailed with what to do about it."""
        if self.running:
            return
        anvil = find_anvil()
        if anvil is None:
            raise ServiceFailed("The local Ethereum's packages are missing: npm ci in sandbox/evm.")
        self._let_go()  # of a node that ended by itself
        if self._connects():
            raise ServiceFailed(f"Port {self.port} is taken by another process.")
        if self.store is not None:
            self.store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _TIED, "sh", anvil, *self._options()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=HERE,
                start_new_session=True,
            )
            if not self._listens():
                self.kill()
                errors.seek(0)
                reason = errors.read().decode(errors="replace")[-800:]
                raise ServiceFailed(f"The local Ethereum did not start: {reason}")

    def stop(self) -> None:
        """Let the node end in its own way, storing the chain, and wait for it."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill_group()
        self._let_go()

    def kill(self) -> None:
        """End the node at once, as a power cut would."""
        if self._process is not None:
            self._kill_group()
            self._let_go()

    async def mine(self, count: int = 1) -> int:
        """Make blocks now; returns the height of the newest."""
        for _ in range(count):
            await self.ask("evm_mine")
        return await self.height()

    async def height(self) -> int:
        """The height of the newest block."""
        return int(await self.ask("eth_blockNumber"), 16)

    async def reorg(self, depth: int, again: Sequence[tuple[bytes, int]] = ()) -> None:
        """Replace the newest `depth` blocks by as many others. What they held is gone, except the
        signed transactions in `again`, each mined in the block of that offset from the fork."""
        wanted = [["0x" + signed.hex(), offset] for signed, offset in again]
        await self.ask("anvil_reorg", depth, wanted)

    async def rollback(self, depth: int) -> None:
        """Take the newest `depth` blocks away."""
        await self.ask("anvil_rollback", depth)

    async def snapshot(self) -> str:
        """Remember everything as it is now, for `revert`."""
        return str(await self.ask("evm_snapshot"))

    async def revert(self, snapshot: str) -> None:
        """Return to a snapshot, which is used up by that."""
        if await self.ask("evm_revert", snapshot) is not True:
            raise ServiceFailed(f"The local Ethereum has no snapshot {snapshot}.")

    async def move_clock(self, seconds: int) -> None:
        """Let chain time pass; it shows in the next block."""
        await self.ask("evm_increaseTime", seconds)

    async def drop_waiting(self) -> None:
        """Forget every transaction that is not mined yet."""
        await self.ask("anvil_dropAllTransactions")

    async def ask_fee(self, wei: int) -> None:
        """Let the next block ask for this base fee."""
        await self.ask("anvil_setNextBlockBaseFeePerGas", hex(wei))

    async def give(self, address: str, wei: int) -> None:
        """Set an account's coins."""
        await self.ask("anvil_setBalance", address, hex(wei))

    async def coins(self, address: str) -> int:
        """An account's wei."""
        return int(await self.ask("eth_getBalance", address, "latest"), 16)

    async def send(self, signed: bytes) -> str:
        """Hand in signed bytes; returns the hash."""
        return str(await self.ask("eth_sendRawTransaction", "0x" + signed.hex()))

    async def transact(self, payload: bytes, *, to: str | None, sender: str | None = None) -> Any:
        """Let an unlocked account (the rich one) send a transaction; returns its receipt.

        Raises ServiceFailed when it was reverted."""
        rich = sender or await self.rich_account()
        wanted = {"from": rich, "data": "0x" + payload.hex(), "gas": hex(3_000_000)}
        if to is not None:
            wanted["to"] = to
        tx_hash = await self.ask("eth_sendTransaction", wanted)
        if self.block_seconds is None:
            await self.mine()
        receipt = await self.receipt(tx_hash)
        if receipt["status"] != "0x1":
            raise ServiceFailed(f"The local Ethereum reverted {tx_hash}.")
        return receipt

    async def receipt(self, tx_hash: str) -> Any:
        """The receipt of a transaction, as soon as there is one."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            receipt = await self.ask("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            await asyncio.sleep(POLL_SECONDS)
        raise ServiceFailed(f"The local Ethereum did not mine {tx_hash}.")

    async def rich_account(self) -> str:
        """The account that has coins from the beginning and that the node signs for."""
        accounts = await self.ask("eth_accounts")
        return str(accounts[0])

    async def ask(self, method: str, *params: object) -> Any:
        """Ask the node anything. Raises ServiceFailed with its words when it refuses."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self.url, json=body) as response,
        ):
            answer = await response.json()
        if "error" in answer:
            raise ServiceFailed(f"The local Ethereum refused {method}: {answer['error']}")
        return answer["result"]

    def _options(self) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--silent", "--no-cors"]
        options += ["--chain-id", str(CHAIN_ID), "--mnemonic", MNEMONIC, "--accounts", "1"]
        options += ["--slots-in-an-epoch", str(SLOTS_IN_AN_EPOCH)]
        if self.store is not None:
            options += ["--state", str(self.store / "chain.json"), "--preserve-historical-states"]
            options += ["--state-interval", str(STORE_EVERY_SECONDS)]
        if self.block_seconds is None:
            return [*options, "--no-mining"]
        return [*options, "--block-time", str(self.block_seconds)]

    def _listens(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while self.running and time.monotonic() < deadline:
            if self._connects():
                return True
            time.sleep(0.01)
        return False

    def _connects(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def _kill_group(self) -> None:
        if self._process is None:
            return
        nodes = children(self._process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        wait_until_gone(nodes, seconds=STOP_SECONDS)
        # Its first thread may be gone while others still hold the port.
        deadline = time.monotonic() + STOP_SECONDS
        while self._connects() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _let_go(self) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._process = None
