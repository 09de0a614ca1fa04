"""Our node beside one that descends from Bitcoin Core: same questions, same kinds of answer."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from casino.errors import OutsideRefused
from payments.bitcoin_rpc import BitcoinRpc
from sandbox.btc.chain import LocalBitcoin
from sandbox.btc.litecoin import LocalLitecoin
from sandbox.btc.wallet import PersonWallet
from sandbox.processes import ServiceFailed

pytestmark = pytest.mark.chain

BTC = 10**8
STRANGER = b"\x00\x14" + b"\x07" * 20
# What Bitcoin Core learned after 0.21, from which Litecoin's node descends.
NEWER = {"fee", "address", "coinbase", "time", "blocks", "wtxid", "ancestor", "descendant"}
Node = LocalBitcoin | LocalLitecoin


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[LocalBitcoin, LocalLitecoin]]:
    ours, theirs = LocalBitcoin(), LocalLitecoin()
    ours.start()
    theirs.start()
    yield ours, theirs
    ours.stop()
    theirs.stop()


@pytest.fixture
async def clients(
    nodes: tuple[LocalBitcoin, LocalLitecoin],
) -> AsyncIterator[tuple[BitcoinRpc, BitcoinRpc]]:
    ours, theirs = (node.rpc() for node in nodes)
    yield ours, theirs
    await ours.close()
    await theirs.close()


async def life(rpc: BitcoinRpc, network: str) -> dict[str, Any]:
    """A small story, and everything that the node says of it."""
    person = PersonWallet(rpc, network, "a life")
    await person.mine_for_himself(2)
    (coin, *_) = await person.coins()
    sent = await person.pay([(STRANGER, BTC), (person.script, BTC)], coins=[coin])
    judged = await rpc.call("testmempoolaccept", [sent.raw.hex()])
    again = await person.sign([(STRANGER, 2 * BTC)], coins=[coin], rate=50)
    story = {
        "judged": judged,
        "accepted": await rpc.call("testmempoolaccept", [again.raw.hex()]),
        "entry": await rpc.call("getmempoolentry", sent.txid),
        "waiting": await rpc.call("getrawmempool"),
        "verbose pool": list((await rpc.call("getrawmempool", True)).values()),
        "pool": await rpc.call("getmempoolinfo"),
        "raw": await rpc.call("getrawtransaction", sent.txid),
        "decoded": await rpc.call("getrawtransaction", sent.txid, True),
        "gone": await rpc.call("gettxout", coin.txid, coin.vout),
        "still there": await rpc.call("gettxout", coin.txid, coin.vout, False),
        "estimate": await rpc.call("estimatesmartfee", 6),
    }
    (block_hash,) = await person.mine()
    story |= {
        "count": await rpc.call("getblockcount"),
        "info": await rpc.call("getblockchaininfo"),
        "network": await rpc.call("getnetworkinfo"),
        "best": await rpc.call("getbestblockhash"),
        "header": await rpc.call("getblockheader", block_hash),
        "raw header": await rpc.call("getblockheader", block_hash, False),
        "raw block": await rpc.call("getblock", block_hash, 0),
        "block": await rpc.call("getblock", block_hash),
        "whole block": await rpc.call("getblock", block_hash, 2),
        "in block": await rpc.call("getrawtransaction", sent.txid, True, block_hash),
        "output": await rpc.call("gettxout", sent.txid, 0),
        "scan": await rpc.call("scantxoutset", "start", [f"addr({person.address})"]),
        "tips": await rpc.call("getchaintips"),
        "duplicate": await rpc.call("submitblock", await rpc.call("getblock", block_hash, 0)),
    }
    (coin, *_) = await person.coins()
    sent = await person.sign([(STRANGER, BTC)], coins=[coin])
    story["generated"] = await rpc.call("generateblock", person.address, [sent.raw.hex()])
    await rpc.call("invalidateblock", story["generated"]["hash"])
    story["back"] = await rpc.call("getrawmempool") == [sent.txid]
    story["stale"] = await rpc.call("getblockheader", story["generated"]["hash"])
    await rpc.call("reconsiderblock", story["generated"]["hash"])
    story["forth"] = await rpc.call("getrawmempool")
    return story


def differences(ours: Any, theirs: Any, at: str) -> list[str]:
    """Where an answer of ours has something that theirs has not, or another kind of it."""
    if type(ours) is not type(theirs):
        return [f"{at}: {type(ours).__name__}, not {type(theirs).__name__}"]
    if isinstance(ours, list):
        pairs = zip(ours, theirs, strict=False)
        return [
            one for place, pair in enumerate(pairs) for one in differences(*pair, f"{at}[{place}]")
        ]
    if not isinstance(ours, dict):
        return [] if not isinstance(ours, bool) or ours == theirs else [f"{at}: {ours}"]
    found = [f"{at}.{key}: only ours" for key in ours.keys() - theirs.keys() - NEWER]
    for key in ours.keys() & theirs.keys():
        found += differences(ours[key], theirs[key], f"{at}.{key}")
    return found


async def test_the_same_life_gets_the_same_kinds_of_answer(
    clients: tuple[BitcoinRpc, BitcoinRpc],
) -> None:
    ours, theirs = clients
    told = await life(ours, "bitcoin_regtest")
    expected = await life(theirs, "litecoin_regtest")
    assert told.keys() == expected.keys()
    assert [one for name in told for one in differences(told[name], expected[name], name)] == []
    for name in ("gone", "back", "forth", "duplicate"):
        assert told[name] == expected[name]
    assert told["stale"]["confirmations"] == expected["stale"]["confirmations"] == -1
    assert told["judged"][0]["reject-reason"] == expected["judged"][0]["reject-reason"]
    assert told["entry"]["vsize"] == expected["entry"]["vsize"]
    assert told["entry"]["fees"]["base"] == expected["entry"]["fees"]["base"]
    assert told["whole block"]["tx"][1]["vsize"] == expected["whole block"]["tx"][1]["vsize"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("nosuchmethod", []),
        ("getblockhash", [10**8]),
        ("getblockhash", [-1]),
        ("getblockhash", []),
        ("getblock", ["00" * 32]),
        ("getblock", ["zz"]),
        ("getblockheader", ["11" * 32]),
        ("getrawtransaction", ["11" * 32]),
        ("getmempoolentry", ["11" * 32]),
        ("sendrawtransaction", ["zz"]),
        ("sendrawtransaction", ["00"]),
        ("submitblock", ["00"]),
        ("generatetoaddress", [1, "nonsense"]),
        ("invalidateblock", ["11" * 32]),
        ("reconsiderblock", ["11" * 32]),
        ("scantxoutset", ["start", ["nonsense(x)"]]),
    ],
)
async def test_the_same_nonsense_gets_the_same_code(
    clients: tuple[BitcoinRpc, BitcoinRpc], method: str, params: list[object]
) -> None:
    codes = []
    for rpc in clients:
        with pytest.raises(OutsideRefused) as refusal:
            await rpc.call(method, *params)
        codes.append(refusal.value.data["rpc_code"])
    assert codes[0] == codes[1]


async def test_a_strangers_client_understands_us(
    nodes: tuple[LocalBitcoin, LocalLitecoin], clients: tuple[BitcoinRpc, BitcoinRpc]
) -> None:
    """The command line client that comes with Litecoin's node."""
    program = shutil.which("litecoin-cli")
    assert program is not None, "it comes in the package of litecoind"
    for node, rpc in zip(nodes, clients, strict=True):
        asked = await asyncio.create_subprocess_exec(
            program,
            "-regtest",
            f"-rpcport={node.port}",
            f"-rpcuser={node.user}",
            "-stdinrpcpass",
            "getbestblockhash",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asked.communicate(node.password.encode() + b"\n")
        assert said.decode().strip() == await rpc.call("getbestblockhash")


def test_without_litecoind_the_tests_fail_and_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    node = LocalLitecoin()
    with pytest.raises(ServiceFailed, match="apt-get install litecoind"):
        node.start()
    assert not node.running


def test_a_litecoind_that_cannot_start_says_why(
    nodes: tuple[LocalBitcoin, LocalLitecoin],
) -> None:
    second = LocalLitecoin(port=nodes[1].port)
    with pytest.raises(ServiceFailed, match="did not start"):
        second.start()
    assert not second.running
