"""Payouts on a real node: sent, replaced, refused, lost to another, and judged by final facts only."""

from dataclasses import replace

import pytest

from casino.errors import OutsideUnavailable
from payments.chains.base import MemberVerdict, Outcome
from payments.chains.evm_addresses import EvmAddress
from payments.chains.evm_final import final_facts
from payments.chains.evm_judge import EvmPayout
from payments.chains.evm_wallet import Fees, coin_transfer, read_transfer
from payments.json_rpc import JsonRpcNode
from sandbox.evm.chain import CHAIN_ID
from sandbox.evm.usdt import call
from tests.payments.evm.conftest import ETH, FEES, FINAL_AFTER, GWEI, USDT, EvmWorld, Payout

pytestmark = pytest.mark.chain


async def judged(evm: EvmWorld, payout: EvmPayout) -> MemberVerdict:
    verdict = await evm.chain.judge(payout)
    (member,) = verdict.members
    assert verdict.tx_hash == member.tx_hash
    assert verdict.seen == bool(verdict.tx_hash)
    assert bool(member.proof) == (member.outcome is not Outcome.UNKNOWN)
    return member


async def test_a_payout_is_paid_when_it_is_final_and_not_before(
    evm: EvmWorld, payout: Payout
) -> None:
    before = await evm.usdt.units(payout.to.raw)
    assert (await judged(evm, payout.asked())).outcome is Outcome.UNKNOWN
    assert await evm.chain.broadcast(payout.last.signed) is Outcome.SUCCEEDED
    for _ in range(FINAL_AFTER - 1):
        assert (await judged(evm, payout.asked())).outcome is Outcome.UNKNOWN
        await evm.node.mine()
    await evm.node.mine()
    verdict = await judged(evm, payout.asked())
    assert (verdict.outcome, verdict.tx_hash) == (Outcome.SUCCEEDED, payout.last.tx_hash)
    assert await evm.usdt.units(payout.to.raw) == before + payout.units


async def test_of_a_payment_and_its_replacements_one_is_paid(evm: EvmWorld, payout: Payout) -> None:
    before = await evm.usdt.units(payout.to.raw)
    attempts = [payout.last, payout.bump(), payout.bump()]
    for one in attempts:
        assert await evm.chain.broadcast(one.signed) is Outcome.SUCCEEDED
    await evm.finalize()
    verdict = await judged(evm, payout.asked())
    assert (verdict.outcome, verdict.tx_hash) == (Outcome.SUCCEEDED, attempts[-1].tx_hash)
    assert await evm.usdt.units(payout.to.raw) == before + payout.units
    # The old bytes again, for ever: nothing happens.
    assert await evm.chain.broadcast(attempts[0].signed) is Outcome.FAILED
    assert await judged(evm, payout.asked()) == verdict


async def test_the_first_attempt_may_win_after_all(evm: EvmWorld, payout: Payout) -> None:
    first = payout.last
    payout.bump()  # signed, never sent
    await evm.chain.broadcast(first.signed)
    await evm.finalize()
    verdict = await judged(evm, payout.asked())
    assert (verdict.outcome, verdict.tx_hash) == (Outcome.SUCCEEDED, first.tx_hash)


@pytest.mark.parametrize("trouble", ["pause", "blacklist", "too poor"])
async def test_a_payout_that_the_token_refuses_failed_with_proof(
    evm: EvmWorld, payout: Payout, trouble: str
) -> None:
    match trouble:
        case "pause":
            await evm.usdt.pause(on=True)
        case "blacklist":
            await evm.usdt.blacklist(evm.hot.address.raw, on=True)
        case _:
            payout = Payout(evm, payout.to, 10**9 * USDT, nonce=payout.nonce)
    await evm.chain.broadcast(payout.last.signed)
    await evm.finalize()
    verdict = await judged(evm, payout.asked())
    assert verdict.outcome is Outcome.FAILED
    assert verdict.proof.startswith(f"reverted: {payout.last.tx_hash} in final block")
    assert not verdict.retriable
    landed = await evm.chain.landed(payout.last.tx_hash)
    assert landed is not None
    assert not landed.succeeded
    assert landed.fee_units > 0


async def test_a_fee_that_the_token_keeps_is_for_people_to_judge(
    evm: EvmWorld, payout: Payout
) -> None:
    await evm.usdt.charge(10, USDT)
    await evm.chain.broadcast(payout.last.signed)
    await evm.finalize()
    verdict = await evm.chain.judge(payout.asked())
    assert verdict.seen, "it is mined, and sending it again is pointless"
    assert verdict.members[0].outcome is Outcome.UNKNOWN


async def test_a_nonce_that_another_took_is_dead_with_proof(evm: EvmWorld, payout: Payout) -> None:
    """Somebody with the same key, at another desk."""
    assert await evm.chain.broadcast(payout.last.signed) is Outcome.SUCCEEDED
    rival = evm.hot.signed(
        coin_transfer(
            chain_id=CHAIN_ID,
            nonce=payout.nonce,
            fees=Fees(90 * GWEI, 9 * GWEI),
            to=evm.person.address,
            wei=1,
        )
    )
    assert await evm.chain.broadcast(rival.signed) is Outcome.SUCCEEDED
    await evm.node.mine()
    assert (await judged(evm, payout.asked())).outcome is Outcome.UNKNOWN, "not final"
    await evm.finalize()
    assert await evm.chain.broadcast(payout.last.signed) is Outcome.FAILED
    verdict = await judged(evm, payout.asked())
    assert verdict.outcome is Outcome.FAILED
    assert verdict.retriable
    assert f"nonce {payout.nonce} was used by {rival.tx_hash}" in verdict.proof


async def test_a_forgotten_attempt_is_why_all_must_be_stored(evm: EvmWorld, payout: Payout) -> None:
    """Left out of the list, a payment of ours looks like a stranger's: the judge says so."""
    await evm.chain.broadcast(payout.last.signed)
    await evm.finalize()
    whole = payout.asked()
    payout.attempts.clear()
    assert (await judged(evm, payout.asked())).outcome is Outcome.FAILED
    assert (await judged(evm, whole)).outcome is Outcome.SUCCEEDED


async def test_a_cancelled_payout_failed_with_proof(evm: EvmWorld, payout: Payout) -> None:
    before = await evm.usdt.units(payout.to.raw)
    await evm.chain.broadcast(payout.last.signed)
    cancel = payout.cancel()
    assert await evm.chain.broadcast(cancel.signed) is Outcome.SUCCEEDED
    await evm.finalize()
    verdict = await judged(evm, payout.asked())
    assert (verdict.outcome, verdict.tx_hash) == (Outcome.FAILED, cancel.tx_hash)
    assert verdict.retriable
    assert await evm.usdt.units(payout.to.raw) == before


async def test_a_payment_that_beat_its_cancellation_is_paid(evm: EvmWorld, payout: Payout) -> None:
    paid = payout.last
    await evm.chain.broadcast(paid.signed)
    await evm.node.mine()
    cancel = payout.cancel()
    assert await evm.chain.broadcast(cancel.signed) is Outcome.FAILED
    await evm.finalize()
    verdict = await judged(evm, payout.asked())
    assert (verdict.outcome, verdict.tx_hash) == (Outcome.SUCCEEDED, paid.tx_hash)


async def test_a_payout_lost_in_another_history_is_sent_again(
    evm: EvmWorld, payout: Payout
) -> None:
    await evm.chain.broadcast(payout.last.signed)
    await evm.node.mine(2)
    await evm.node.reorg(2)
    assert (await judged(evm, payout.asked())).outcome is Outcome.UNKNOWN
    assert await evm.chain.broadcast(payout.last.signed) is Outcome.SUCCEEDED
    await evm.finalize()
    assert (await judged(evm, payout.asked())).outcome is Outcome.SUCCEEDED


async def test_a_gap_before_it_keeps_a_payout_waiting(evm: EvmWorld, payout: Payout) -> None:
    later = Payout(evm, payout.to, 3, nonce=payout.nonce + 1)
    assert await evm.chain.broadcast(later.last.signed) is Outcome.SUCCEEDED
    await evm.finalize()
    assert (await judged(evm, later.asked())).outcome is Outcome.UNKNOWN
    await evm.chain.broadcast(payout.last.signed)
    await evm.finalize()
    assert (await judged(evm, later.asked())).outcome is Outcome.SUCCEEDED
    assert (await judged(evm, payout.asked())).outcome is Outcome.SUCCEEDED


async def test_a_lying_receipt_is_not_enough(evm: EvmWorld, payout: Payout) -> None:
    """A node that shows a receipt of a block that its final chain does not have."""
    await evm.chain.broadcast(payout.last.signed)
    await evm.finalize()
    front = await evm.front()
    chain = evm.through(front.url)
    assert (await chain.judge(payout.asked())).members[0].outcome is Outcome.SUCCEEDED
    wrong = {"blockHash": "0x" + "ab" * 32}
    front.forged = {"eth_getTransactionReceipt": lambda receipt: {**receipt, **wrong}}
    assert (await chain.judge(payout.asked())).members[0].outcome is Outcome.UNKNOWN
    front.forged = {"eth_getTransactionReceipt": lambda _receipt: None}
    assert (await chain.judge(payout.asked())).members[0].outcome is Outcome.UNKNOWN, (
        "the receipt is gone, but the nonce was taken by ourselves"
    )


async def test_only_final_receipts_are_gathered(evm: EvmWorld, payout: Payout) -> None:
    node = JsonRpcNode(url=evm.node.url, requests_per_second=100_000)
    await evm.chain.broadcast(payout.last.signed)
    await evm.node.mine()
    facts = await final_facts(node, payout.asked())
    assert (facts.receipts, facts.taker, facts.nonce) == ((), None, payout.nonce)
    await evm.finalize()
    facts = await final_facts(node, payout.asked())
    (receipt,) = facts.receipts
    header = await evm.header(receipt.height)
    assert (receipt.tx_hash, receipt.block_hash) == (payout.last.tx_hash, header.hash)
    assert receipt.sender == evm.hot.address.raw
    assert [(one.recipient, one.units) for one in receipt.transfers] == [
        (payout.to.raw, payout.units)
    ]
    await node.close()


async def test_a_node_without_old_states_shows_the_blocks_themselves(
    evm: EvmWorld, payout: Payout
) -> None:
    payout.free_height = await evm.node.height()
    sent = payout.last
    await evm.node.mine(15)
    await evm.chain.broadcast(sent.signed)
    await evm.node.mine(15)
    await evm.finalize()
    front = await evm.front()
    chain = evm.through(front.url)
    payout.attempts.clear()
    front.forged = {"eth_getLogs": lambda _: []}
    for refused_after in (1, 2, 3):
        front.refused_after = {"eth_getTransactionCount": refused_after}
        (member,) = (await chain.judge(payout.asked())).members
        assert member.outcome is Outcome.FAILED
        assert sent.tx_hash in member.proof
    front.refused_after = {"eth_getTransactionCount": 1}
    front.forged["eth_getBlockByNumber"] = without_transactions
    (member,) = (await chain.judge(payout.asked())).members
    assert member.outcome is Outcome.UNKNOWN, "nobody shows who took it"
    del front.forged["eth_getLogs"]
    front.refused_after = {"eth_getTransactionCount": 1}
    (member,) = (await chain.judge(payout.asked())).members
    assert member.outcome is Outcome.FAILED, "the token has a record of it"
    assert sent.tx_hash in member.proof


def without_transactions(block: dict[str, object]) -> dict[str, object]:
    return {**block, "transactions": []}


async def test_coins_fill_up_an_account_that_pays_fees(evm: EvmWorld) -> None:
    empty = evm.wallet("empty")
    await evm.usdt.give(empty.address.raw, USDT)
    top_up = evm.hot.signed(
        coin_transfer(
            chain_id=CHAIN_ID,
            nonce=await evm.hot.nonce(),
            fees=FEES,
            to=empty.address,
            wei=ETH // 100,
        )
    )
    assert await evm.chain.broadcast(top_up.signed) is Outcome.SUCCEEDED
    await evm.node.mine()
    assert await evm.node.coins(empty.address.raw) == ETH // 100
    await empty.pay_tokens(evm.hot.address.raw, USDT)
    await evm.node.mine()
    assert await evm.usdt.units(empty.address.raw) == 0


async def test_the_chain_reads_the_bytes_as_we_do(evm: EvmWorld, payout: Payout) -> None:
    await evm.chain.broadcast(payout.last.signed)
    found = await evm.node.ask("eth_getTransactionByHash", payout.last.tx_hash)
    assert EvmAddress(bytes.fromhex(found["from"][2:])) == payout.last.sender
    assert read_transfer(bytes.fromhex(found["input"][2:])) == (payout.to, payout.units)
    assert int(found["maxFeePerGas"], 16) == FEES.max_fee
    assert int(found["maxPriorityFeePerGas"], 16) == FEES.tip


async def test_what_left_is_found_by_the_tokens_records(
    evm: EvmWorld, stranger: EvmAddress
) -> None:
    """Only what the account itself sent, and only what moved something; whatever the range."""
    first, hot = await evm.next_height(), evm.hot.address
    paid = await evm.hot.pay_tokens(stranger.raw, 7 * USDT)
    await evm.node.mine()
    rich = await evm.node.rich_account()
    allow = replace(
        evm.transfer(stranger, 1, nonce=await evm.hot.nonce()),
        payload=call("approve(address,uint256)", rich, 9 * USDT),
    )
    await evm.node.send(evm.hot.signed(allow).signed)
    await evm.node.mine()
    await evm.usdt.call("transferFrom(address,address,uint256)", hot.raw, stranger.raw, 2 * USDT)
    await evm.usdt.call("transferFrom(address,address,uint256)", hot.raw, stranger.raw, 0)
    twice = await evm.hot.pay_tokens(evm.person.address.raw, 3 * USDT)
    last = await evm.node.mine()
    with pytest.raises(OutsideUnavailable, match="final"):
        await evm.chain.token_sends(hot.raw, first, last)
    await evm.finalize()
    front = await evm.front()
    front.range_blocks_max = 2
    for chain in (evm.chain, evm.through(front.url)):
        found = await chain.token_sends(hot.raw, first, last)
        assert [(nonce, taker.tx_hash, taker.sends) for nonce, taker, _ in found] == [
            (0, paid.tx_hash, ((stranger.raw, 7 * USDT),)),
            (2, twice.tx_hash, ((evm.person.address.raw, 3 * USDT),)),
        ]
        for _, taker, burnt in found:
            receipt = await evm.node.receipt(taker.tx_hash)
            assert taker.height == int(receipt["blockNumber"], 16) == burnt.height
            assert burnt.parts == int(receipt["gasUsed"], 16) * int(
                receipt["effectiveGasPrice"], 16
            )


@pytest.mark.parametrize("method", ["eth_getTransactionByHash", "eth_getTransactionReceipt"])
async def test_a_record_without_its_transaction_is_not_believed(
    evm: EvmWorld, stranger: EvmAddress, method: str
) -> None:
    await evm.hot.pay_tokens(stranger.raw, 7 * USDT)
    height = await evm.node.mine()
    await evm.finalize()
    front = await evm.front()
    front.forged[method] = lambda _: None
    with pytest.raises(OutsideUnavailable):
        await evm.through(front.url).token_sends(evm.hot.address.raw, height, height)
