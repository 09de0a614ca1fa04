"""Nodes that fail, lag, lie or go back: nothing is an answer unless one node stands by all of it."""

import base64
from collections.abc import AsyncIterator

import pytest

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.chains import evm_facts as facts
from payments.chains.base import Outcome
from payments.chains.evm_refusals import Refusal, meaning
from payments.json_rpc import Call, JsonRpcNode, NodePool
from sandbox.evm.chain import CHAIN_ID
from sandbox.evm.faulty_front import FaultyFront
from tests.payments.evm.conftest import USDT, EvmWorld, Payout

pytestmark = pytest.mark.chain

NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
async def front(evm: EvmWorld) -> FaultyFront:
    return await evm.front()


@pytest.fixture
async def second(evm: EvmWorld) -> FaultyFront:
    return await evm.front()


@pytest.fixture
async def raw_node(front: FaultyFront) -> AsyncIterator[JsonRpcNode]:
    node = JsonRpcNode(url=front.url, requests_per_second=100_000)
    yield node
    await node.close()


CHAIN_ID_CALL = Call("eth_chainId", (), facts.QUANTITY)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_trouble_is_raised_and_never_an_answer(
    evm: EvmWorld, front: FaultyFront, payout: Payout, status: int
) -> None:
    await evm.finalize()
    height = await evm.node.height()
    headers = await evm.chain.headers(height - 1, height)
    chain = evm.through(front.url)
    await chain.tip()
    for call in (
        chain.tip,
        lambda: chain.headers(1, 2),
        lambda: chain.incoming(headers, set()),
        lambda: chain.landed(payout.last.tx_hash),
        lambda: chain.account(evm.hot.address.raw),
        chain.fee_market,
        lambda: chain.estimate_gas(payout.last.transaction, sender=evm.hot.address),
        lambda: chain.judge(payout.asked()),
    ):
        front.statuses = [status] * 2
        with pytest.raises(OutsideUnavailable):
            await call()
        front.statuses = []
        await call()  # nothing was remembered


@pytest.mark.parametrize("forged", [None, [], {}, "", "0x", "0xzz", 7, {"number": "0x1"}, "0x1\n"])
async def test_nonsense_is_no_answer(
    evm: EvmWorld, front: FaultyFront, payout: Payout, forged: object
) -> None:
    height = await evm.node.height()
    headers = await evm.chain.headers(height - 1, height)
    chain = evm.through(front.url)
    for method, call in (
        ("eth_chainId", chain.tip),
        ("eth_getBlockByNumber", chain.tip),
        ("eth_getLogs", lambda: chain.incoming(headers, set())),
        ("eth_getBlockByHash", lambda: chain.incoming(headers, set())),
        ("eth_getTransactionCount", lambda: chain.account(evm.hot.address.raw)),
        ("eth_call", lambda: chain.account(evm.hot.address.raw)),
        ("eth_feeHistory", chain.fee_market),
        ("eth_getTransactionCount", lambda: chain.judge(payout.asked())),
    ):
        if (method, forged) == ("eth_getLogs", []):
            continue  # a block may well have none
        front.forged = {method: lambda _result: forged}
        with pytest.raises(OutsideUnavailable):
            await call()


async def test_a_node_that_lags_does_not_call_new_blocks_empty(
    evm: EvmWorld, front: FaultyFront
) -> None:
    ours, first = evm.wallet("lagging"), await evm.next_height()
    await evm.person.pay_tokens(ours.address.raw, 5)
    height = await evm.node.mine(3)
    headers = await evm.chain.headers(first, height)
    chain = evm.through(front.url)
    front.lag = 2
    with pytest.raises(OutsideUnavailable):
        await chain.incoming(headers, {ours.address.raw})
    with pytest.raises(OutsideUnavailable):
        await chain.incoming(headers[:1] + headers[2:], {ours.address.raw})
    assert len(await chain.headers(first, height)) == len(headers) - 2
    front.lag = 0
    assert len(await chain.incoming(headers, {ours.address.raw})) == 1


async def test_even_one_that_answers_empty_is_found_out(evm: EvmWorld, front: FaultyFront) -> None:
    ours, first = evm.wallet("emptied"), await evm.next_height()
    await evm.person.pay_tokens(ours.address.raw, 5)
    await evm.node.mine(1)
    headers = await evm.chain.headers(first, first)
    front.lag = 1
    front.mute_errors = True  # it says [] where it should say that it does not know the block
    with pytest.raises(OutsideUnavailable):
        await evm.through(front.url).incoming(headers, {ours.address.raw})


async def test_a_range_is_only_believed_of_a_node_that_has_it(
    evm: EvmWorld, front: FaultyFront
) -> None:
    ours, first = evm.wallet("range"), await evm.next_height()
    for _ in range(20):
        await evm.usdt.give(ours.address.raw, 1)
    await evm.finalize()
    headers = await evm.chain.headers(first, first + 19)
    chain = evm.through(front.url)
    # Its `finalized` is from before it went back, its logs from after.
    front.lag = 15
    final = await evm.node.ask("eth_getBlockByNumber", "finalized", False)
    front.forged = {"eth_getBlockByNumber": lambda _block: final}
    with pytest.raises(OutsideUnavailable):
        await chain.incoming(headers, {ours.address.raw})
    front.forged = {}
    front.lag = 0
    assert len(await chain.incoming(headers, {ours.address.raw})) == 20


async def test_a_range_is_not_believed_when_the_end_of_the_final_chain_moves_back(
    evm: EvmWorld, front: FaultyFront
) -> None:
    """Behind a balancer the second request may meet another node."""
    ours, first = evm.wallet("balanced"), await evm.next_height()
    for _ in range(20):
        await evm.usdt.give(ours.address.raw, 1)
    await evm.finalize()
    headers = await evm.chain.headers(first, first + 19)
    behind = await evm.node.ask("eth_getBlockByNumber", hex(first), False)
    turns = iter(range(100))
    front.forged = {"eth_getBlockByNumber": lambda block: behind if next(turns) == 1 else block}
    with pytest.raises(OutsideUnavailable) as trouble:
        await evm.through(front.url).incoming(headers, {ours.address.raw})
    assert "went back" in str(trouble.value.data["reason"])


async def test_a_node_that_goes_back_is_a_shorter_chain(evm: EvmWorld, front: FaultyFront) -> None:
    await evm.node.mine(10)
    chain = evm.through(front.url)
    before = await chain.tip()
    front.lag = 4
    after = await chain.tip()
    assert after.head.height == before.head.height - 4
    assert after.final_height <= before.final_height


async def test_headers_that_do_not_link_are_refused(evm: EvmWorld, front: FaultyFront) -> None:
    await evm.node.mine(3)
    forge = {"parentHash": "0x" + "ab" * 32}
    front.forged = {"eth_getBlockByNumber": lambda block: {**block, **forge}}
    height = await evm.node.height()
    with pytest.raises(OutsideUnavailable):
        await evm.through(front.url).headers(height - 2, height)


async def test_logs_of_another_block_are_refused(evm: EvmWorld, front: FaultyFront) -> None:
    first = await evm.next_height()
    for _ in range(12):
        await evm.usdt.give(evm.person.address.raw, 1)
    await evm.finalize()
    chain = evm.through(front.url)
    headers = await chain.headers(first, first + 11)
    wrong = {"blockHash": "0x" + "ab" * 32}
    front.forged = {"eth_getLogs": lambda logs: [{**one, **wrong} for one in logs]}
    for part in (headers, headers[:1]):
        with pytest.raises(OutsideUnavailable):
            await chain.incoming(part, {evm.person.address.raw})


@pytest.mark.parametrize(
    "change", [{"removed": True}, {"data": "0x01"}, {"topics": [facts.TRANSFER_TOPIC]}]
)
async def test_a_log_that_is_no_transfer_of_this_token_stops_the_reading(
    evm: EvmWorld, front: FaultyFront, change: dict[str, object]
) -> None:
    first = await evm.next_height()
    await evm.usdt.give(evm.person.address.raw, 1)
    front.forged = {"eth_getLogs": lambda logs: [{**one, **change} for one in logs]}
    headers = await evm.chain.headers(first, first)
    with pytest.raises(OutsideUnavailable):
        await evm.through(front.url).incoming(headers, {evm.person.address.raw})


async def test_another_network_is_refused(evm: EvmWorld) -> None:
    wrong = evm.through(evm.node.url, chain_id=1)
    with pytest.raises(OutsideUnavailable) as trouble:
        await wrong.tip()
    assert trouble.value.data["reason"] == "wrong chain id"
    assert trouble.value.data["chain_id"] == CHAIN_ID
    assert await wrong.broadcast(b"\x02\xc0") is Outcome.UNKNOWN


async def test_a_node_is_asked_for_its_network_again_after_trouble(
    evm: EvmWorld, front: FaultyFront
) -> None:
    chain = evm.through(front.url)
    await chain.tip()
    await chain.tip()
    assert front.asked.count("eth_chainId") == 1
    front.statuses = [500]
    with pytest.raises(OutsideUnavailable):
        await chain.tip()
    front.forged = {"eth_chainId": lambda _number: "0x1"}
    with pytest.raises(OutsideUnavailable):
        await chain.tip()


async def test_the_next_node_takes_over(evm: EvmWorld, front: FaultyFront) -> None:
    chain = evm.through(NOBODY_LISTENS, front.url)
    tip = await chain.tip()
    assert tip.head.height == await evm.node.height()
    front.asked.clear()
    await chain.tip()
    assert "eth_chainId" not in front.asked, "it stays with the node that worked"


async def test_one_decision_is_one_nodes_word(
    evm: EvmWorld, front: FaultyFront, second: FaultyFront
) -> None:
    """The first fails in the middle: the second is asked everything again from the beginning."""
    ours, first = evm.wallet("whole"), await evm.next_height()
    for _ in range(120):
        await evm.usdt.give(ours.address.raw, 1)
    headers = await evm.chain.headers(first, first + 119)
    chain = evm.through(front.url, second.url)
    front.refused_after = {"eth_getLogs": 10}
    found = await chain.incoming(headers, {ours.address.raw})
    assert len(found) == 120
    # A range of final blocks, then the others by their hashes, among which the trouble comes.
    assert front.asked.count("eth_getLogs") == 21
    assert second.asked.count("eth_getLogs") == 21


async def test_when_all_fail_nothing_is_known(
    evm: EvmWorld, front: FaultyFront, second: FaultyFront
) -> None:
    chain = evm.through(front.url, second.url)
    front.statuses, second.statuses = [500], [429]
    with pytest.raises(OutsideUnavailable):
        await chain.tip()


async def test_sending_tells_three_outcomes_apart(
    evm: EvmWorld, front: FaultyFront, payout: Payout
) -> None:
    chain, signed = evm.through(front.url), payout.last.signed
    front.statuses = [500] * 2
    assert await chain.broadcast(signed) is Outcome.UNKNOWN
    front.statuses = []
    assert await chain.broadcast(signed) is Outcome.SUCCEEDED
    assert await chain.broadcast(signed) is Outcome.SUCCEEDED, "it has them already"
    await evm.node.mine()
    assert await chain.broadcast(signed) is Outcome.SUCCEEDED, "nonce too low, and it is mined"
    rival = Payout(evm, evm.person.address, 3, nonce=payout.nonce)
    assert await chain.broadcast(rival.last.signed) is Outcome.FAILED, "nonce too low, and unknown"
    assert await chain.broadcast(b"\x02\xc0") is Outcome.FAILED


async def test_bytes_may_be_taken_although_the_answer_is_lost(
    evm: EvmWorld, front: FaultyFront, payout: Payout
) -> None:
    chain, signed = evm.through(front.url), payout.last.signed
    await chain.tip()
    front.lost_answers = 1
    assert await chain.broadcast(signed) is Outcome.UNKNOWN
    assert await chain.broadcast(signed) is Outcome.SUCCEEDED
    await evm.finalize()
    verdict = await chain.judge(payout.asked())
    assert [one.outcome for one in verdict.members] == [Outcome.SUCCEEDED]
    assert await evm.usdt.units(payout.to.raw) >= payout.units


async def test_silence_is_no_answer(evm: EvmWorld, front: FaultyFront, payout: Payout) -> None:
    chain = evm.through(front.url, timeout_seconds=1)
    await chain.tip()
    front.silent = 1
    assert await chain.broadcast(payout.last.signed) is Outcome.UNKNOWN
    assert await evm.chain.broadcast(payout.last.signed) is Outcome.SUCCEEDED


async def test_a_refusal_after_a_doubt_is_a_doubt(
    evm: EvmWorld, front: FaultyFront, second: FaultyFront, payout: Payout
) -> None:
    chain = evm.through(front.url, second.url)
    await chain.tip()
    front.lost_answers = 1
    second.refused = {"eth_sendRawTransaction": "transaction underpriced"}
    assert await chain.broadcast(payout.last.signed) is Outcome.UNKNOWN
    front.statuses = [500] * 3
    assert await chain.broadcast(payout.last.signed) is Outcome.FAILED, "the first never saw them"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("already known", Outcome.SUCCEEDED),
        ("AlreadyKnown", Outcome.SUCCEEDED),
        ("nonce too low: next nonce 9, tx nonce 8", Outcome.FAILED),
        ("OldNonce, Current nonce: 9, nonce of rejected tx: 8", Outcome.FAILED),
        ("insufficient funds for gas * price + value: balance 0, tx cost 1", Outcome.FAILED),
        ("replacement transaction underpriced", Outcome.FAILED),
        ("the moon is in the wrong house", Outcome.UNKNOWN),
        ("block already known", Outcome.UNKNOWN),
        ("", Outcome.UNKNOWN),
    ],
)
async def test_only_known_words_are_an_answer(
    evm: EvmWorld, front: FaultyFront, payout: Payout, words: str, expected: Outcome
) -> None:
    front.refused = {"eth_sendRawTransaction": words}
    assert await evm.through(front.url).broadcast(payout.last.signed) is expected


def test_the_nonce_of_an_authority_is_another_matter() -> None:
    assert meaning("nonce too low") is Refusal.NONCE_USED
    assert meaning("authority nonce too low") is Refusal.REFUSED


async def test_a_node_that_names_another_hash_is_not_believed(
    evm: EvmWorld, front: FaultyFront, payout: Payout
) -> None:
    front.forged = {"eth_sendRawTransaction": lambda _hash: "0x" + "11" * 32}
    assert await evm.through(front.url).broadcast(payout.last.signed) is Outcome.UNKNOWN


async def test_the_words_of_the_real_node(evm: EvmWorld, payout: Payout) -> None:
    """What anvil itself says, so that a new version with new words is noticed."""
    node = JsonRpcNode(url=evm.node.url, requests_per_second=100_000)

    async def said(signed: bytes) -> str:
        try:
            await node.ask(Call("eth_sendRawTransaction", ("0x" + signed.hex(),), facts.WORD))
        except OutsideRefused as refusal:
            return str(refusal.data["reason"])
        return ""

    poor = evm.wallet("poor")
    broke = poor.signed(evm.transfer(evm.person.address, 1, nonce=0))
    assert meaning(await said(broke.signed)) is Refusal.REFUSED
    assert await said(payout.last.signed) == ""
    assert meaning(await said(payout.last.signed)) is Refusal.KNOWN
    rival = evm.hot.signed(evm.transfer(evm.person.address, 1, nonce=payout.nonce))
    assert meaning(await said(rival.signed)) is Refusal.REFUSED
    await evm.node.mine()
    assert meaning(await said(rival.signed)) is Refusal.NONCE_USED
    assert meaning(await said(b"\x02\xc0")) is Refusal.REFUSED
    assert meaning(await said(b"")) is Refusal.REFUSED
    await node.close()


async def test_credentials_travel_in_a_header_and_stay_out_of_errors(front: FaultyFront) -> None:
    url = front.url.replace("http://", "http://us%40er:pa%3Ass@")
    node = JsonRpcNode(url=url, requests_per_second=100_000)
    await node.ask(CHAIN_ID_CALL)
    kind, _, encoded = front.headers[-1]["Authorization"].partition(" ")
    assert (kind, base64.b64decode(encoded)) == ("Basic", b"us@er:pa:ss")
    front.statuses = [500]
    with pytest.raises(OutsideUnavailable) as trouble:
        await node.ask(CHAIN_ID_CALL)
    for secret in ("us@er", "us%40er", "pa:ss", "pa%3Ass", encoded):
        assert secret not in str(trouble.value)
        assert secret not in node.name
    await node.close()


@pytest.mark.parametrize("url", ["", "localhost:8545", "ftp://host", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address begins"):
        JsonRpcNode(url=url, requests_per_second=1)


async def test_a_pool_needs_a_node() -> None:
    async def greet(_node: JsonRpcNode) -> None:
        return None

    with pytest.raises(ValueError, match="needs a node"):
        NodePool([], greet=greet)


async def test_a_batch_is_whole_or_nothing(front: FaultyFront, raw_node: JsonRpcNode) -> None:
    calls = [CHAIN_ID_CALL] * 3
    assert await raw_node.ask_all(calls) == ["0x7a69"] * 3
    assert await raw_node.ask_all([]) == []
    for spoil in (
        lambda answers: answers[:2],
        lambda answers: [*answers, answers[0]],
        lambda answers: [{**one, "id": 0} for one in answers],
        lambda answers: [{**one, "id": None} for one in answers],
        lambda _answers: {"jsonrpc": "2.0", "id": None, "result": "0x1"},
    ):
        front.spoil_batch = spoil
        with pytest.raises(OutsideUnavailable):
            await raw_node.ask_all(calls)
    front.spoil_batch = lambda answers: list(reversed(answers))
    assert await raw_node.ask_all(calls) == ["0x7a69"] * 3
    front.spoil_batch = lambda _answers: {
        "id": None,
        "error": {"code": -32600, "message": "too many"},
    }
    with pytest.raises(OutsideRefused):
        await raw_node.ask_all(calls)


@pytest.mark.parametrize(
    "words",
    [
        {"message": "slow down"},
        {"jsonrpc": "2.0", "id": 0},
        {"jsonrpc": "2.0", "id": 1, "result": None},
        {"jsonrpc": "2.0", "result": None},
        {"jsonrpc": "2.0", "id": 0, "error": None},
    ],
    ids=str,
)
async def test_a_gateways_own_words_do_not_pass_for_nothing_there(
    front: FaultyFront, raw_node: JsonRpcNode, words: dict[str, object]
) -> None:
    call = facts.receipt("0x" + "11" * 32)
    assert await raw_node.ask(call) is None
    front.words = words
    with pytest.raises(OutsideUnavailable):
        await raw_node.ask(call)
    front.spoil_batch = lambda _answers: [words]
    with pytest.raises(OutsideUnavailable):
        await raw_node.ask_all([call])


async def test_an_answer_too_deep_to_read_is_none(
    front: FaultyFront, raw_node: JsonRpcNode
) -> None:
    front.text = '{"id": 0, "jsonrpc": "2.0", "result": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(OutsideUnavailable):
        await raw_node.ask(facts.block_by_number(1))


async def test_a_redirect_is_no_answer(front: FaultyFront, raw_node: JsonRpcNode) -> None:
    front.statuses = [302]
    with pytest.raises(OutsideRefused):
        await raw_node.ask(CHAIN_ID_CALL)


async def test_a_gate_that_wants_a_key_says_no(front: FaultyFront, raw_node: JsonRpcNode) -> None:
    front.statuses = [401]
    with pytest.raises(OutsideRefused):
        await raw_node.ask(CHAIN_ID_CALL)


async def test_fees_follow_the_chain(evm: EvmWorld) -> None:
    await evm.node.ask_fee(7 * 10**9)
    await evm.node.mine()
    market = await evm.chain.fee_market()
    assert 0 < market.base_fee <= 7 * 10**9
    assert market.fees.max_fee == 2 * market.base_fee + market.tip


async def test_an_account_is_read_at_a_final_block(evm: EvmWorld, payout: Payout) -> None:
    await evm.finalize()
    before = await evm.chain.account(evm.hot.address.raw)
    assert (before.units, before.wei) == (10_000 * USDT, 10 * 10**18)
    await evm.chain.broadcast(payout.last.signed)
    waiting = await evm.chain.account(evm.hot.address.raw)
    assert (waiting.nonce_final, waiting.nonce_latest, waiting.nonce_pending) == (0, 0, 1)
    await evm.node.mine()
    mined = await evm.chain.account(evm.hot.address.raw)
    assert (mined.nonce_final, mined.nonce_latest, mined.nonce_pending) == (0, 1, 1)
    assert mined.units == before.units, "not final"
    await evm.finalize()
    after = await evm.chain.account(evm.hot.address.raw)
    assert after.nonce_final == 1
    assert after.units == before.units - payout.units
    assert after.wei < before.wei
    header = await evm.header(after.height)
    assert (after.block_hash, after.at) == (header.hash, header.at)


async def test_gas_is_estimated_and_a_revert_is_told(evm: EvmWorld, payout: Payout) -> None:
    gas = await evm.chain.estimate_gas(payout.last.transaction, sender=evm.hot.address)
    assert 21_000 < gas < 100_000
    await evm.usdt.pause(on=True)
    with pytest.raises(OutsideRefused) as refusal:
        await evm.chain.estimate_gas(payout.last.transaction, sender=evm.hot.address)
    assert "revert" in str(refusal.value.data["reason"])
