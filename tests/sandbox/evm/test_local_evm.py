"""The local Ethereum: it keeps what it stored, dies with its parent, and can tell other histories."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.evm import chain as chain_module
from sandbox.evm.chain import LocalEvm
from sandbox.evm.usdt import LocalUsdt, the_usdt
from sandbox.evm.wallet import PersonWallet
from sandbox.processes import ServiceFailed, children, wait_until_gone
from tests.sandbox.evm.conftest import MakeEvm

pytestmark = pytest.mark.chain

NOBODY = "0x" + "77" * 20
ETH = 10**18


async def everything(chain: LocalEvm, usdt: LocalUsdt) -> object:
    """All that a reader can know of the chain."""
    height = await chain.height()
    blocks = [await chain.ask("eth_getBlockByNumber", hex(one), False) for one in range(height + 1)]
    for block in blocks:
        del block["size"], block["totalDifficulty"]
    logs = await chain.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(height)})
    receipts = [await chain.receipt(log["transactionHash"]) for log in logs]
    final = await chain.ask("eth_getBlockByNumber", "finalized", False)
    at_final = await chain.ask("eth_getBalance", NOBODY, {"blockHash": final["hash"]})
    return blocks, logs, receipts, final["hash"], at_final, await usdt.units(NOBODY)


async def stored(store: Path, height: int) -> None:
    """Wait until the node has written a block down."""
    deadline = time.monotonic() + 30
    wanted = f'"best_block_number":{height}'
    while time.monotonic() < deadline:
        file = store / "chain.json"
        if file.exists() and wanted in file.read_text().replace(" ", ""):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("never stored")


@pytest.mark.parametrize("crash", [False, True], ids=["stop", "kill"])
async def test_what_was_stored_survives(make_evm: MakeEvm, tmp_path: Path, *, crash: bool) -> None:
    chain = make_evm(store=tmp_path)
    usdt = await the_usdt(chain)
    await chain.give(NOBODY, 5)
    await usdt.give(NOBODY, 7)
    height = await chain.mine(6)
    before = await everything(chain, usdt)
    if crash:
        await stored(tmp_path, height)
        chain.kill()
    else:
        chain.stop()
    assert not chain.running
    chain.start()
    assert await everything(chain, usdt) == before
    # Life goes on from there: the same token, the next nonce.
    assert await the_usdt(chain) == usdt
    await usdt.give(NOBODY, 1)
    assert await usdt.units(NOBODY) == 8


async def test_without_a_store_it_forgets(make_evm: MakeEvm) -> None:
    chain = make_evm()
    await chain.mine(3)
    chain.kill()
    chain.start()
    assert await chain.height() == 0


async def test_blocks_come_by_themselves() -> None:
    chain = LocalEvm(block_seconds=1)
    chain.start()
    try:
        usdt = await the_usdt(chain)
        await usdt.give(NOBODY, 3)
        assert await usdt.units(NOBODY) == 3
    finally:
        chain.stop()


def test_it_dies_with_its_parent() -> None:
    program = (
        "import sys, time\n"
        "from sandbox.evm.chain import LocalEvm\n"
        "chain = LocalEvm(block_seconds=None)\n"
        "chain.start()\n"
        "print(chain._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    shell = int(parent.stdout.readline())
    nodes = [shell, *children(shell)]
    assert len(nodes) > 1
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_until_gone(nodes, seconds=30)


def test_a_node_that_ended_by_itself_is_started_again(make_evm: MakeEvm) -> None:
    chain = make_evm()
    assert chain._process is not None
    shell = chain._process.pid
    node = next(one for one in children(shell) if is_node(one))
    os.kill(node, signal.SIGKILL)
    wait_until_gone([shell], seconds=30)
    assert not chain.running
    chain.start()
    assert chain.running


def is_node(pid: int) -> bool:
    return b"anvil" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]


def test_a_missing_node_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "find_anvil", lambda: None)
    with pytest.raises(ServiceFailed, match="npm ci in sandbox/evm"):
        LocalEvm().start()


def test_a_taken_port_is_explained(chain: LocalEvm) -> None:
    with pytest.raises(ServiceFailed, match="is taken"):
        LocalEvm(port=chain.port).start()


def test_a_broken_store_is_explained(tmp_path: Path) -> None:
    (tmp_path / "chain.json").write_text('{"block": ')
    chain = LocalEvm(store=tmp_path)
    with pytest.raises(ServiceFailed, match="did not start"):
        chain.start()
    assert not chain.running


async def test_a_transaction_is_mined_again_elsewhere(chain: LocalEvm, usdt: LocalUsdt) -> None:
    person = PersonWallet(chain, usdt.address, "twice")
    await chain.give(person.address.raw, ETH)
    sent = await person.pay_coins(NOBODY, 9)
    await chain.mine(3)
    first = await chain.receipt(sent.tx_hash)
    await chain.reorg(3, [(sent.signed, 2)])
    second = await chain.receipt(sent.tx_hash)
    assert int(second["blockNumber"], 16) == int(first["blockNumber"], 16) + 2
    await chain.reorg(3)
    assert await chain.ask("eth_getTransactionReceipt", sent.tx_hash) is None


async def test_blocks_can_be_taken_away_and_states_returned_to(chain: LocalEvm) -> None:
    height = await chain.mine()
    await chain.mine(2)
    await chain.rollback(2)
    assert await chain.height() == height
    snapshot = await chain.snapshot()
    await chain.give(NOBODY, 123)
    await chain.revert(snapshot)
    assert await chain.coins(NOBODY) != 123
    with pytest.raises(ServiceFailed, match="no snapshot"):
        await chain.revert("0x999")


async def test_the_clock_moves(chain: LocalEvm) -> None:
    before = await chain.ask("eth_getBlockByNumber", "latest", False)
    await chain.move_clock(86_400)
    await chain.mine()
    after = await chain.ask("eth_getBlockByNumber", "latest", False)
    assert int(after["timestamp"], 16) >= int(before["timestamp"], 16) + 86_400


async def test_finality_follows_four_blocks_behind(chain: LocalEvm) -> None:
    height = await chain.mine(5)
    final = await chain.ask("eth_getBlockByNumber", "finalized", False)
    assert int(final["number"], 16) == height - 4


async def test_waiting_transactions_can_be_forgotten(chain: LocalEvm, usdt: LocalUsdt) -> None:
    person = PersonWallet(chain, usdt.address, "forgotten")
    await chain.give(person.address.raw, ETH)
    await person.pay_coins(NOBODY, 1)
    assert await person.nonce() == 1
    await chain.drop_waiting()
    assert await person.nonce() == 0
