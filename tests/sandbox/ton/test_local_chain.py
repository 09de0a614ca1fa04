"""The local TON node: it keeps its word through a crash, and strangers' clients understand it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from ton_core import NetworkGlobalID
from tonutils.clients import ToncenterClient
from tonutils.contracts import WalletV4R2, WalletV5R1

from casino.errors import OutsideRefused
from payments.rpc import Toncenter
from sandbox.processes import ServiceFailed
from sandbox.ton.chain import HERE, LocalChain
from sandbox.ton.wallet import PersonWallet
from tests.sandbox.ton.conftest import MakeChain

pytestmark = pytest.mark.chain

TON = 10**9
NOBODY = "0:" + "77" * 32
Client = Callable[[LocalChain], Toncenter]


async def everything(rpc: Toncenter) -> object:
    """All that a reader can know of the chain."""
    head = await rpc.index("masterchainInfo")
    transactions = await rpc.index("transactions", sort="asc", limit=1000)
    accounts = sorted({one["account"] for one in transactions["transactions"]})
    states = [await rpc.node("getAddressInformation", address=one) for one in accounts]
    for state in states:
        del state["block_id"], state["sync_utime"]
    return head["last"]["root_hash"], transactions["transactions"], states


async def test_what_was_served_survives_a_kill(
    make_chain: MakeChain, client: Client, tmp_path: Path
) -> None:
    chain = make_chain(store=tmp_path)
    rpc = client(chain)
    person = PersonWallet(rpc, "survivor")
    await chain.faucet(person.address.raw, 10 * TON)
    await person.send(NOBODY, TON, comment="one")
    await chain.mine(3)
    await person.send(NOBODY, TON, comment="two")
    await chain.mine()
    before = await everything(rpc)
    chain.kill()
    chain.start()
    assert await everything(rpc) == before
    # Life goes on from there: the same wallet, the next number.
    await person.send(NOBODY, TON, comment="three")
    await chain.mine()
    assert await chain.balance(NOBODY) in range(3 * TON - 10, 3 * TON + 1)


async def test_an_accepted_message_survives_a_kill(
    make_chain: MakeChain, client: Client, tmp_path: Path
) -> None:
    chain = make_chain(store=tmp_path)
    person = PersonWallet(client(chain), "waiting")
    await chain.faucet(person.address.raw, 10 * TON)
    await person.send(NOBODY, TON)
    chain.kill()
    chain.start()
    assert (await chain.status())["mempool"] == 1
    await chain.mine()
    assert await chain.balance(NOBODY) == TON
    chain.kill()
    chain.start()
    assert (await chain.status())["mempool"] == 0
    await chain.mine()
    assert await chain.balance(NOBODY) == TON, "executed once"


async def test_messages_between_blocks_survive_a_kill(
    make_chain: MakeChain, client: Client, tmp_path: Path
) -> None:
    chain = make_chain(store=tmp_path, hops_apart=True)
    person = PersonWallet(client(chain), "hops")
    await chain.faucet(person.address.raw, 10 * TON)
    await person.send(NOBODY, TON)
    await chain.mine()
    assert await chain.balance(NOBODY) == 0, "the coins are on their way"
    chain.kill()
    chain.start()
    await chain.mine()
    assert await chain.balance(NOBODY) == TON


async def test_the_clock_survives_a_restart(make_chain: MakeChain, tmp_path: Path) -> None:
    chain = make_chain(store=tmp_path)
    await chain.move_clock(86_400)
    await chain.mine()
    then = (await chain.status())["utime"]
    chain.stop()
    chain.start()
    await chain.mine()
    assert (await chain.status())["utime"] >= then


@pytest.mark.parametrize("garbage", [b'{"block":{"seqno":99,"utime":1', b"\x00\xff", b"{"])
async def test_a_line_that_a_crash_cut_short_never_happened(
    make_chain: MakeChain, client: Client, tmp_path: Path, garbage: bytes
) -> None:
    chain = make_chain(store=tmp_path)
    await chain.faucet(NOBODY, TON)
    before = await everything(client(chain))
    chain.kill()
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(garbage)
    chain.start()
    assert await everything(client(chain)) == before
    await chain.faucet(NOBODY, TON)
    chain.kill()
    chain.start()
    assert await chain.balance(NOBODY) in range(2 * TON - 10, 2 * TON + 1)


async def test_without_a_store_it_forgets(make_chain: MakeChain) -> None:
    chain = make_chain()
    await chain.faucet(NOBODY, TON)
    chain.kill()
    chain.start()
    assert await chain.balance(NOBODY) == 0


async def test_a_replayed_transfer_is_refused(make_chain: MakeChain, client: Client) -> None:
    chain = make_chain()
    rpc = client(chain)
    sent: list[str] = []

    class Recorder(Toncenter):
        async def send(self, boc_base64: str) -> None:
            sent.append(boc_base64)
            await rpc.send(boc_base64)

    recorder = Recorder(url=chain.url, api_key="", requests_per_second=1000)
    person = PersonWallet(recorder, "replay")
    await chain.faucet(person.address.raw, 10 * TON)
    await person.send(NOBODY, TON)
    await chain.mine()
    with pytest.raises(OutsideRefused) as refusal:
        await rpc.send(sent[0])
    assert "exitcode=33" in str(refusal.value.data["reason"])
    await chain.mine()
    assert await chain.balance(NOBODY) == TON
    await recorder.close()


async def test_an_independent_client_understands_it(make_chain: MakeChain) -> None:
    chain = make_chain()
    stranger = ToncenterClient(
        NetworkGlobalID.TESTNET, base_url=f"{chain.url}/api/v2", rps_limit=1000
    )
    await stranger.connect()
    for version, seed in ((WalletV4R2, 1), (WalletV5R1, 2)):
        wallet, *_ = version.create(stranger)
        await chain.faucet(wallet.address.to_str(is_bounceable=False), 10 * TON)
        await wallet.transfer(destination=NOBODY, amount=seed * TON, body="from a stranger")
        await chain.mine()
        await wallet.refresh()
        assert wallet.balance < 10 * TON
    assert await chain.balance(NOBODY) in range(3 * TON - 10, 3 * TON + 1)
    await stranger.close()


async def test_blocks_come_by_themselves(client: Client) -> None:
    chain = LocalChain(block_ms=50)
    chain.start()
    try:
        person = PersonWallet(client(chain), "patient")
        await chain.faucet(person.address.raw, 10 * TON)
        await person.wait(await person.send(NOBODY, TON))
        assert await chain.balance(NOBODY) == TON
    finally:
        chain.stop()
    assert not chain.running


def test_a_lost_parent_takes_the_node_along() -> None:
    """The parent is killed without a chance to clean up; the node ends by itself."""
    script = (
        "import sys, time\n"
        "from sandbox.ton.chain import LocalChain\n"
        "chain = LocalChain(block_ms=None)\n"
        "chain.start()\n"
        "print(chain._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=HERE.parent.parent
    )
    assert parent.stdout is not None
    node = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    while Path(f"/proc/{node}").exists() and "Z" not in state_of(node):
        os.sched_yield()


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v2/getAddressBalance?address=nonsense", None, 422),
        ("/api/v2/noSuchMethod", None, 404),
        ("/api/v2/constructor", None, 404),
        ("/api/v3/transactions?limit=-1", None, 422),
        ("/api/v3/transactionsByMessage?msg_hash=short", None, 422),
        ("/api/v2/sendBoc", {"boc": "????"}, 422),
        ("/admin/faucet", {"address": NOBODY, "units": "-5"}, 422),
        ("/admin/faucet", {"address": NOBODY, "units": "1e9"}, 422),
        ("/admin/fault", {"meteor": 1}, 422),
        ("/elsewhere", None, 404),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(
    shared_chain: LocalChain, path: str, body: object, status: int
) -> None:
    before = await shared_chain.status()
    async with (
        aiohttp.ClientSession() as session,
        session.request("POST" if body else "GET", shared_chain.url + path, json=body) as answer,
    ):
        assert answer.status == status
        assert (await answer.json())["error"]
    after = await shared_chain.status()
    del before["now"], after["now"], before["memory_mib"], after["memory_mib"]
    assert after == before


async def test_it_answers_to_local_names_only(shared_chain: LocalChain) -> None:
    async with (
        aiohttp.ClientSession(headers={"Host": "evil.example"}) as session,
        session.get(f"{shared_chain.url}/admin/status") as answer,
    ):
        assert answer.status == 404


async def test_a_second_node_on_the_same_port_says_why(shared_chain: LocalChain) -> None:
    second = LocalChain(port=shared_chain.port, block_ms=None)
    with pytest.raises(ServiceFailed, match="EADDRINUSE"):
        second.start()
