"""A node that says anything at all: a reading of it is whole or raises, never half of one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from casino.errors import OutsideError, OutsideRefused, OutsideUnavailable
from payments.bitcoin_rpc import BitcoinRpc
from payments.chains.base import Outcome
from payments.chains.blocks import Header, Waiting
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import BITCOIN, BITCOIN_REGTEST, WatchList
from payments.chains.btc_blocks import read_header, read_transaction
from payments.chains.btc_fees import FeeBounds, fee_rate
from payments.chains.btc_mempool import BtcMempool
from payments.chains.btc_unspent import unspent
from tests.payments.btc.test_blocks import GENESIS, GENESIS_HASH, GENESIS_TXID

NAMES = [
    "bestblock",
    "bestblockhash",
    "blockhash",
    "blocks",
    "chain",
    "confirmations",
    "fee",
    "feerate",
    "height",
    "initialblockdownload",
    "mempoolminfee",
    "success",
    "tx",
    "txid",
    "unspents",
    "value",
    "vin",
    "vout",
]
leaves = (
    some.none()
    | some.booleans()
    | some.integers(-2, 2**40)
    | some.decimals(allow_nan=True)
    | some.sampled_from(["", "regtest", "zz", GENESIS_HASH, GENESIS_TXID, GENESIS.hex(), "00" * 80])
    | some.text(max_size=8)
)
json = some.recursive(
    leaves,
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)
refusals = some.builds(
    lambda code: OutsideRefused(source="bitcoin", rpc_code=code, reason="no"),
    some.sampled_from([-1, -5, -8, -22, -25, -26, -27, -32601]),
)
GENESIS_HEADER = Header(0, GENESIS_HASH, "00" * 32, datetime(2009, 1, 3, tzinfo=UTC))


class Liar(BitcoinRpc):
    """Answers from a list; when it is used up, with nothing."""

    def __init__(self, answers: list[Any]) -> None:
        super().__init__(url="http://127.0.0.1:9")
        self._answers = answers

    def _next(self) -> Any:
        return self._answers.pop(0) if self._answers else None

    async def call(self, method: str, *params: Any, timeout_seconds: float | None = None) -> Any:
        del method, params, timeout_seconds
        answer = self._next()
        if isinstance(answer, OutsideRefused):
            raise answer
        return answer

    async def batch(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [self._next() for _ in questions]


@given(answers=some.lists(json | refusals, max_size=6))
@settings(deadline=None)
async def test_garbage_is_never_an_answer(answers: list[Any]) -> None:
    def chain() -> BtcChain:
        return BtcChain(Liar(list(answers)), BITCOIN_REGTEST)

    watched = WatchList(BITCOIN_REGTEST)
    mempool = BtcMempool(Liar(list(answers)), BITCOIN_REGTEST)
    rpc = Liar(list(answers))
    for call in (
        lambda: chain().tip(),
        lambda: chain().headers(0, 2),
        lambda: chain().incoming([GENESIS_HEADER], watched),
        lambda: chain().spends([GENESIS_HEADER], [f"{GENESIS_TXID}:0"]),
        lambda: chain().landed(GENESIS_TXID),
        lambda: mempool.waiting(watched),
        lambda: fee_rate(Liar(list(answers)), FeeBounds(), blocks=2),
        lambda: unspent(rpc, BtcChain(rpc, BITCOIN_REGTEST), [b"\x51"], block=GENESIS_HEADER),
    ):
        try:
            await call()
        except OutsideError:
            continue


@given(answer=json | refusals)
async def test_bytes_that_were_sent_are_taken_only_by_their_own_name(answer: Any) -> None:
    chain = BtcChain(Liar([answer]), BITCOIN_REGTEST)
    outcome = await chain.broadcast(GENESIS[81:])
    if outcome is Outcome.SUCCEEDED:
        accepted = isinstance(answer, OutsideRefused) and answer.data["rpc_code"] == -27
        assert accepted or answer == GENESIS_TXID
    elif outcome is Outcome.FAILED:
        assert isinstance(answer, OutsideRefused)


@pytest.mark.parametrize(
    ("code", "reason", "outcome"),
    [
        (-27, "Transaction already in block chain", Outcome.SUCCEEDED),
        (-27, "Transaction outputs already in utxo set", Outcome.SUCCEEDED),
        (-26, "txn-already-in-mempool", Outcome.SUCCEEDED),
        (-25, "txn-already-known", Outcome.SUCCEEDED),
        (-25, "bad-txns-inputs-missingorspent", Outcome.FAILED),
        (-26, "txn-mempool-conflict", Outcome.FAILED),
        (-26, "insufficient fee, rejecting replacement", Outcome.FAILED),
        (-22, "TX decode failed", Outcome.FAILED),
        (-1, "something", Outcome.UNKNOWN),
        (-32601, "Method not found", Outcome.UNKNOWN),
        (None, "not let in", Outcome.UNKNOWN),
    ],
)
async def test_what_each_refusal_means(code: int | None, reason: str, outcome: Outcome) -> None:
    data = {"source": "bitcoin", "reason": reason} | ({} if code is None else {"rpc_code": code})
    chain = BtcChain(Liar([OutsideRefused(**data)]), BITCOIN_REGTEST)
    assert await chain.broadcast(GENESIS[81:]) is outcome


async def test_a_block_or_header_that_is_not_the_one_asked_for_is_nothing() -> None:
    other = Header(0, "11" * 32, "00" * 32, GENESIS_HEADER.at)
    with pytest.raises(OutsideUnavailable, match="another block"):
        await BtcChain(Liar([GENESIS.hex()]), BITCOIN_REGTEST).incoming([other], frozenset())
    chain = BtcChain(Liar(["11" * 32, GENESIS[:80].hex()]), BITCOIN_REGTEST)
    with pytest.raises(OutsideUnavailable, match="another header"):
        await chain.headers(0, 0)
    cut = GENESIS[:-5].hex()
    with pytest.raises(OutsideUnavailable, match="unreadable"):
        await BtcChain(Liar([cut]), BITCOIN_REGTEST).incoming([GENESIS_HEADER], frozenset())


async def test_headers_that_do_not_link_are_nothing() -> None:
    header = GENESIS[:80].hex()
    chain = BtcChain(Liar([GENESIS_HASH, GENESIS_HASH, header, header]), BITCOIN_REGTEST)
    with pytest.raises(OutsideUnavailable, match="link"):
        await chain.headers(0, 1)


async def test_the_fee_of_a_landed_transaction_is_exact() -> None:
    spent = [{"txid": "22" * 32, "vout": 1}]
    shown = {"txid": GENESIS_TXID, "vin": spent, "vout": [{"value": Decimal("0.29999999")}]}
    block = {"confirmations": 3, "height": 7, "tx": [shown]}
    source = {"vout": [{"value": Decimal("9.0")}, {"value": Decimal("0.30000000")}]}
    chain = BtcChain(Liar([{"blockhash": GENESIS_HASH}, block, source]), BITCOIN_REGTEST)
    landed = await chain.landed(GENESIS_TXID)
    assert landed is not None
    assert (landed.fee_units, landed.height, landed.block_hash) == (1, 7, GENESIS_HASH)
    shown["fee"] = Decimal("0.00000123")
    chain = BtcChain(Liar([{"blockhash": GENESIS_HASH}, block]), BITCOIN_REGTEST)
    landed = await chain.landed(GENESIS_TXID)
    assert landed is not None
    assert landed.fee_units == 123


async def test_a_node_that_downloads_the_chain_is_not_believed() -> None:
    info = {"blocks": 0, "bestblockhash": GENESIS_HASH, "chain": "main"}
    header = GENESIS[:80].hex()
    tip = await BtcChain(Liar([info, header]), BITCOIN).tip()
    assert (tip.head, tip.final_height) == (read_header(GENESIS[:80], 0), 0)
    with pytest.raises(OutsideUnavailable, match="downloads"):
        await BtcChain(Liar([info | {"initialblockdownload": True}]), BITCOIN).tip()
    with pytest.raises(ValueError, match="deep"):
        BtcChain(Liar([]), BITCOIN, depth=0)


async def test_a_mempool_that_changes_while_it_is_read() -> None:
    raw = GENESIS[81:].hex()
    script = read_transaction(GENESIS[81:]).outputs[0].script
    watched = WatchList(BITCOIN)
    watched.by_script[script] = "ours"
    left = OutsideRefused(source="bitcoin", rpc_code=-5, reason="No such mempool transaction")
    here, loaded = GENESIS_HASH, {"loaded": True}
    rpc = Liar([here, loaded, ["11" * 32, GENESIS_TXID], left, raw, here])
    mempool = BtcMempool(rpc, BITCOIN)
    told = await mempool.waiting(watched)
    (payment,) = told.payments
    assert (payment.business_key, payment.units) == (f"{GENESIS_TXID}:0", 50 * 10**8)
    # What could not be fetched is not among the payments, and waits all the same.
    assert (told.top_hash, told.tx_hashes) == (here, {"11" * 32, GENESIS_TXID})
    rpc._answers = [here, loaded, [], here]
    assert await mempool.waiting(watched) == Waiting(here, (), frozenset())
    for lie in ("11" * 32, raw[:-2], 7, None):
        mempool = BtcMempool(Liar([here, loaded, [GENESIS_TXID], lie, here]), BITCOIN)
        with pytest.raises(OutsideUnavailable):
            await mempool.waiting(watched)
    mempool = BtcMempool(Liar([here, loaded, ["11" * 32], raw, here]), BITCOIN)
    with pytest.raises(OutsideUnavailable, match="another transaction"):
        await mempool.waiting(watched)


async def test_a_mempool_says_nothing_while_it_is_loaded_or_a_block_comes() -> None:
    here, loaded = GENESIS_HASH, {"loaded": True}
    for answers, reason in (
        ([here, {"loaded": False}], "loads its mempool"),
        ([here, {}], "loads its mempool"),
        ([here, loaded, [], "11" * 32], "a block came"),
        ([here, OutsideRefused(source="bitcoin", rpc_code=-1, reason="no")], "no"),
    ):
        with pytest.raises(OutsideUnavailable, match=reason):
            await BtcMempool(Liar(answers), BITCOIN).waiting(frozenset())


async def test_blocks_that_a_node_left_while_it_was_asked() -> None:
    moved = OutsideRefused(source="bitcoin", rpc_code=-5, reason="Block not found")
    with pytest.raises(OutsideUnavailable, match="not known"):
        await BtcChain(Liar([GENESIS_HASH, moved]), BITCOIN).headers(0, 0)
    with pytest.raises(OutsideUnavailable):
        await BtcChain(Liar([moved]), BITCOIN).incoming([GENESIS_HEADER], frozenset())
    stale = {"confirmations": -1, "height": 7, "tx": []}
    chain = BtcChain(Liar([{"blockhash": GENESIS_HASH}, stale]), BITCOIN)
    assert await chain.landed(GENESIS_TXID) is None
    elsewhere = {"confirmations": 1, "height": 7, "tx": [{"txid": "11" * 32}]}
    chain = BtcChain(Liar([{"blockhash": GENESIS_HASH}, elsewhere]), BITCOIN)
    assert await chain.landed(GENESIS_TXID) is None


async def test_who_does_not_let_us_in_refuses() -> None:
    closed = OutsideRefused(source="bitcoin", status=401, reason="not let in")
    chain = BtcChain(Liar([closed]), BITCOIN)
    with pytest.raises(OutsideRefused):
        await chain.tip()
