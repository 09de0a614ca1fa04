"""The local Bitcoin node: Core's consensus and words, and everything back after a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from casino.errors import OutsideRefused
from payments.bitcoin_rpc import BitcoinRpc
from sandbox.btc.chain import ROOT, LocalBitcoin
from sandbox.btc.mining import NOBODY, SUBSIDY_UNITS, mine
from sandbox.btc.node import Node
from sandbox.btc.records import read_tx
from sandbox.btc.wallet import PersonWallet, WalletIsShort
from sandbox.processes import ServiceFailed

pytestmark = pytest.mark.chain

BTC = 10**8
STRANGER = b"\x00\x14" + b"\x07" * 20
MakeNode = Callable[..., LocalBitcoin]


@pytest.fixture
def make_node() -> Iterator[MakeNode]:
    made: list[LocalBitcoin] = []

    def make(**options: Any) -> LocalBitcoin:
        node = LocalBitcoin(**options)
        node.start()
        made.append(node)
        return node

    yield make
    for node in made:
        node.kill()


@pytest.fixture
async def client() -> AsyncIterator[Callable[[LocalBitcoin], BitcoinRpc]]:
    made: list[BitcoinRpc] = []

    def make(node: LocalBitcoin) -> BitcoinRpc:
        made.append(node.rpc())
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(scope="module")
def shared_node() -> Iterator[LocalBitcoin]:
    node = LocalBitcoin()
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def shared_rpc(shared_node: LocalBitcoin) -> AsyncIterator[BitcoinRpc]:
    rpc = shared_node.rpc()
    yield rpc
    await rpc.close()


async def rich_person(rpc: BitcoinRpc, seed: str) -> PersonWallet:
    person = PersonWallet(rpc, "bitcoin_regtest", seed)
    await person.mine_for_himself(3)
    return person


async def everything(rpc: BitcoinRpc) -> object:
    """All that a reader can know."""
    height = await rpc.call("getblockcount")
    hashes = await rpc.batch([("getblockhash", at) for at in range(height + 1)])
    blocks = [await rpc.call("getblock", one, 2) for one in hashes[-5:]]
    tips = await rpc.call("getchaintips")
    waiting = await rpc.call("getrawmempool")
    return hashes, blocks, sorted(tips, key=lambda tip: tip["hash"]), waiting


async def test_everything_survives_a_kill(
    make_node: MakeNode, client: Callable[[LocalBitcoin], BitcoinRpc], tmp_path: Path
) -> None:
    node = make_node(store=tmp_path)
    rpc = client(node)
    person = await rich_person(rpc, "survivor")
    await person.pay([(STRANGER, BTC)])
    (lost,) = await person.mine()
    await rpc.call("invalidateblock", lost)
    await person.mine(2)
    await person.pay([(STRANGER, 2 * BTC)])
    before = await everything(rpc)
    assert len(before[2]) == 2  # type: ignore[index]
    assert len(before[3]) == 1  # type: ignore[index]
    node.kill()
    node.start()
    rpc = client(node)
    assert await everything(rpc) == before
    await person.rpc.close()
    again = PersonWallet(rpc, "bitcoin_regtest", "survivor")
    await again.mine()
    assert await rpc.call("getrawmempool") == []
    # A line that a crash cut short never happened.
    before = await everything(rpc)
    node.kill()
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(b'["block", "0000')
    node.start()
    rpc = client(node)
    assert await everything(rpc) == before
    await PersonWallet(rpc, "bitcoin_regtest", "survivor").mine()
    before = await everything(rpc)
    node.kill()
    node.start()
    assert await everything(client(node)) == before


async def test_without_a_store_it_forgets(
    make_node: MakeNode, client: Callable[[LocalBitcoin], BitcoinRpc]
) -> None:
    node = make_node()
    await PersonWallet(client(node), "bitcoin_regtest", "nobody").mine(3)
    node.kill()
    node.start()
    assert await client(node).call("getblockcount") == 0


async def test_the_kernel_decides_what_a_block_may_hold(shared_rpc: BitcoinRpc) -> None:
    """Coins out of nothing: our own front would mine them; Bitcoin Core's engine does not."""
    person = await rich_person(shared_rpc, "forger")
    height = await shared_rpc.call("getblockcount")
    (coin, *_) = await person.coins()
    forged = await person.sign([(STRANGER, coin.units * 2)], coins=[coin, coin], rate=0)
    unripe = await shared_rpc.call("getblock", await shared_rpc.call("getbestblockhash"), 2)
    assert unripe["tx"][0]["vin"][0]["coinbase"]
    stolen = await PersonWallet(shared_rpc, "bitcoin_regtest", "thief").sign(
        [(STRANGER, BTC)], coins=[coin]
    )
    for sent in (forged, stolen):
        with pytest.raises(OutsideRefused, match="kernel refused"):
            await shared_rpc.call("generateblock", person.address, [sent.raw.hex()])
        assert await shared_rpc.call("getblockcount") == height
    # Life goes on.
    await person.mine()
    assert await shared_rpc.call("getblockcount") == height + 1


async def test_a_longer_branch_from_elsewhere_wins() -> None:
    """Blocks of a second node by submitblock: an honest reorganisation between two."""
    ours, theirs = Node(), Node()
    try:
        for node, blocks, salt in ((ours, 2, 1), (theirs, 3, 7)):
            for number in range(blocks):
                block = mine(node.chain, NOBODY, [], fees=0, now=1_700_000_000, salt=salt + number)
                assert node.submit_block(block)
        lost = ours.chain.tip.hash
        blocks = [theirs.chain.blocks[one] for one in theirs.chain.chain[1:]]
        assert not ours.submit_block(blocks[1]), "its parent is not known"
        assert [ours.submit_block(one) for one in blocks] == [False, False, True]
        assert ours.chain.chain == theirs.chain.chain
        assert ours.chain.confirmations(lost) == -1
        assert {coin.height for coin in ours.chain.coins.values()} == {1, 2, 3}
        ours.invalidate(blocks[0].hash)
        assert ours.chain.tip.hash == lost
        ours.reconsider(blocks[2].hash)
        assert ours.chain.tip.hash == blocks[2].hash
    finally:
        ours.close()
        theirs.close()


async def test_what_a_mempool_says_no_to(shared_rpc: BitcoinRpc) -> None:
    person = await rich_person(shared_rpc, "refused")
    coin, second, *_ = await person.coins()
    unripe_hash = (await shared_rpc.call("generatetoaddress", 1, person.address))[0]
    unripe_id = (await shared_rpc.call("getblock", unripe_hash, 1))["tx"][0]
    unripe = type(coin)(unripe_id, 0, 10**6)
    cases = [
        (await person.sign([(STRANGER, 293)], coins=[coin]), -26, "dust"),
        (await person.sign([(b"\x51", BTC)], coins=[coin]), -26, "scriptpubkey"),
        (await person.sign([(STRANGER, BTC)], coins=[coin], rate=0), -26, "min relay fee not met"),
        (await person.sign([(STRANGER, 1000)], coins=[unripe]), -26, "bad-txns-premature-spend"),
        (
            await person.sign([(STRANGER, BTC)], coins=[type(coin)("77" * 32, 0, 2 * BTC)]),
            -25,
            "bad-txns-inputs-missingorspent",
        ),
        (
            await person.sign([(STRANGER, BTC)], coins=[type(coin)(coin.txid, 0, coin.units - 1)]),
            -26,
            "mandatory-script-verify-flag-failed",
        ),
        (
            await person.sign([(STRANGER, BTC)], coins=[coin], rate=11_000),
            -25,
            "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)",
        ),
    ]
    for sent, code, words in cases:
        (judged,) = await shared_rpc.call("testmempoolaccept", [sent.raw.hex()])
        assert judged["allowed"] is False
        with pytest.raises(OutsideRefused) as refusal:
            await shared_rpc.call("sendrawtransaction", sent.raw.hex())
        assert refusal.value.data["rpc_code"] == code
        assert str(refusal.value.data["reason"]).startswith(words)
    assert await shared_rpc.call("getrawmempool") == []
    good = await person.pay([(STRANGER, BTC)], coins=[coin], rate=10)
    assert await shared_rpc.call("sendrawtransaction", good.raw.hex()) == good.txid
    low = await person.sign([(STRANGER, BTC)], coins=[coin], rate=9)
    with pytest.raises(OutsideRefused, match="insufficient fee, rejecting replacement"):
        await shared_rpc.call("sendrawtransaction", low.raw.hex())
    child = type(coin)(good.txid, 1, read_tx(good.raw).outputs[1].units)
    grand = await person.pay([(STRANGER, BTC)], coins=[child, second])
    entry = await shared_rpc.call("getmempoolentry", grand.txid)
    assert (entry["ancestorcount"], entry["depends"]) == (2, [good.txid])
    await person.mine()
    with pytest.raises(OutsideRefused) as refusal:
        await shared_rpc.call("sendrawtransaction", good.raw.hex())
    assert refusal.value.data["rpc_code"] == -27


async def test_a_node_without_an_index_does_not_know_mined_transactions(
    make_node: MakeNode, client: Callable[[LocalBitcoin], BitcoinRpc], shared_rpc: BitcoinRpc
) -> None:
    indexed = client(make_node(txindex=True))
    for rpc, knows in ((indexed, True), (shared_rpc, False)):
        person = await rich_person(rpc, "indexed")
        sent = await person.pay([(STRANGER, BTC)])
        assert await rpc.call("getrawtransaction", sent.txid) == sent.raw.hex()
        (block_hash,) = await person.mine()
        in_block = await rpc.call("getrawtransaction", sent.txid, True, block_hash)
        assert in_block["blockhash"] == block_hash
        if knows:
            assert await rpc.call("getrawtransaction", sent.txid, True) == in_block
        else:
            with pytest.raises(OutsideRefused, match="-txindex"):
                await rpc.call("getrawtransaction", sent.txid, True)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nosuchmethod", [], -32601),
        ("__init__", [], -32601),
        ("getblockhash", [10**9], -8),
        ("getblockhash", [-1], -8),
        ("getblockhash", ["1"], -3),
        ("getblockhash", [], -1),
        ("getblockhash", [1, 2, 3], -1),
        ("getblock", ["00" * 32], -5),
        ("getblock", ["zz"], -8),
        ("getblock", [None], -3),
        ("getrawtransaction", ["11" * 32], -5),
        ("getmempoolentry", ["11" * 32], -5),
        ("sendrawtransaction", ["zz"], -22),
        ("sendrawtransaction", ["00"], -22),
        ("sendrawtransaction", [""], -22),
        ("submitblock", ["00"], -22),
        ("generatetoaddress", [1, "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"], -5),
        ("generatetoaddress", [1, "nonsense"], -5),
        ("scantxoutset", ["start", ["wpkh(x)"]], -5),
        ("invalidateblock", ["11" * 32], -5),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(
    shared_rpc: BitcoinRpc, method: str, params: list[object], code: int
) -> None:
    before = await everything(shared_rpc)
    with pytest.raises(OutsideRefused) as refusal:
        await shared_rpc.call(method, *params)
    assert refusal.value.data["rpc_code"] == code
    assert await everything(shared_rpc) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 500),
        (b"{", 500),
        (b"3", 400),
        (b'{"method": 1}', 400),
        (b'{"method": "getblockcount", "params": {}}', 200),
    ],
)
async def test_only_those_who_know_the_password_are_answered(
    shared_node: LocalBitcoin, body: bytes, status: int
) -> None:
    known = aiohttp.encode_basic_auth(shared_node.user, shared_node.password)
    wrong = aiohttp.encode_basic_auth(shared_node.user, "guess")
    async with aiohttp.ClientSession() as session:
        for given, expected in ((known, status), (wrong, 401), ("", 401)):
            headers = {"Authorization": given}
            async with session.post(shared_node.url, data=body, headers=headers) as answer:
                assert answer.status == expected


async def test_a_poor_person_cannot_pay(shared_rpc: BitcoinRpc) -> None:
    poor = PersonWallet(shared_rpc, "bitcoin_regtest", "poor")
    assert await poor.balance() == 0
    with pytest.raises(WalletIsShort):
        await poor.send(poor.address, 1000)
    await shared_rpc.call("generatetoaddress", 1, poor.address)
    assert await poor.balance() == 0, "not ripe yet"
    await poor.mine(100)
    assert 0 < await poor.balance() <= SUBSIDY_UNITS


async def test_blocks_come_by_themselves(
    make_node: MakeNode, client: Callable[[LocalBitcoin], BitcoinRpc]
) -> None:
    rpc = client(make_node(block_ms=20))
    while await rpc.call("getblockcount") < 3:
        os.sched_yield()


def test_a_second_node_on_the_same_port_says_why(shared_node: LocalBitcoin) -> None:
    second = LocalBitcoin(port=shared_node.port)
    with pytest.raises(ServiceFailed, match="address already in use"):
        second.start()
    assert not second.running


def test_a_lost_parent_takes_the_node_along() -> None:
    """The parent is killed without a chance to clean up; the node ends by itself."""
    script = (
        "import sys, time\n"
        "from sandbox.btc.chain import LocalBitcoin\n"
        "node = LocalBitcoin()\n"
        "node.start()\n"
        "print(node._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
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
