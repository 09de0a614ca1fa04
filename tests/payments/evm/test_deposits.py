"""Deposits of an ERC-20 token on a real node: what is credited, and what survives another history."""

import inspect

import pytest

from casino.db import transaction_open
from casino.errors import NetworkInsideTransaction, OutsideUnavailable
from payments.chains.blocks import BlockChain
from payments.chains.evm_logs import BATCH, linked
from sandbox.evm.usdt import deploy_usdt
from tests.payments.evm.conftest import USDT, EvmWorld

pytestmark = pytest.mark.chain


def test_it_speaks_the_protocol(evm: EvmWorld) -> None:
    chain: BlockChain = evm.chain
    assert chain.name == "ethereum"
    for name, promised in inspect.getmembers(BlockChain, inspect.iscoroutinefunction):
        given = getattr(type(chain), name)
        assert inspect.iscoroutinefunction(given)
        assert inspect.signature(given).parameters == inspect.signature(promised).parameters


async def test_the_tip_moves_and_finality_follows(evm: EvmWorld) -> None:
    before = await evm.chain.tip()
    await evm.node.mine(6)
    after = await evm.chain.tip()
    assert after.head.height == before.head.height + 6
    assert after.head.at >= before.head.at
    assert before.final_height < after.final_height < after.head.height


async def test_headers_are_a_chain(evm: EvmWorld) -> None:
    await evm.node.mine(BATCH + 20)
    tip = await evm.chain.tip()
    headers = await evm.chain.headers(1, tip.head.height)
    assert [one.height for one in headers] == list(range(1, tip.head.height + 1))
    assert linked(headers)
    assert headers[-1] == tip.head


async def test_headers_end_where_the_chain_ends(evm: EvmWorld) -> None:
    height = await evm.node.height()
    for last in (height + 1, height + 3 * BATCH):
        headers = await evm.chain.headers(height - 1, last)
        assert [one.height for one in headers] == [height - 1, height]
    assert await evm.chain.headers(height + 1, height + 5) == []


async def test_a_payment_arrives_to_the_unit(evm: EvmWorld) -> None:
    ours, first = evm.wallet("deposit"), await evm.next_height()
    sent = await evm.person.pay_tokens(ours.address.raw, 12_345_678)
    await evm.node.mine(2)
    (one,) = await evm.since(first, watched=[ours])
    header = await evm.header(first)
    assert (one.tx_hash, one.units) == (sent.tx_hash, 12_345_678)
    assert (one.address, one.sender) == (ours.address.raw, evm.person.address.raw)
    assert (one.height, one.block_hash, one.at) == (header.height, header.hash, header.at)
    token = evm.usdt.address.raw
    assert one.business_key == f"31337:{sent.tx_hash}:{token}:{ours.address.raw}:0"


async def test_several_payments_in_one_transaction_are_several(evm: EvmWorld) -> None:
    ours, other = evm.wallet("twice"), evm.wallet("other")
    first = await evm.next_height()
    await evm.usdt.give_many([(ours.address.raw, 5), (other.address.raw, 6), (ours.address.raw, 5)])
    found = await evm.since(first, watched=[ours, other])
    assert [(one.address, one.units) for one in found] == [
        (ours.address.raw, 5),
        (other.address.raw, 6),
        (ours.address.raw, 5),
    ]
    assert len({one.business_key for one in found}) == 3


async def test_payments_of_nothing_are_left_out_but_counted(evm: EvmWorld) -> None:
    ours, first = evm.wallet("poisoned"), await evm.next_height()
    await evm.usdt.give_many([(ours.address.raw, 0), (ours.address.raw, 8)])
    (one,) = await evm.since(first, watched=[ours])
    assert one.units == 8
    assert one.business_key.endswith(":1"), "its place does not depend on what we leave out"


async def test_what_arrived_counts_and_not_what_was_sent(evm: EvmWorld) -> None:
    ours, first = evm.wallet("charged"), await evm.next_height()
    await evm.usdt.charge(10, USDT)
    await evm.person.pay_tokens(ours.address.raw, 100 * USDT)
    await evm.node.mine()
    (one,) = await evm.since(first, watched=[ours])
    assert one.units == 99_900_000


async def test_another_token_of_the_same_looks_is_nothing(evm: EvmWorld) -> None:
    ours, first = evm.wallet("fooled"), await evm.next_height()
    fake = await deploy_usdt(evm.node)
    await fake.give(ours.address.raw, 1_000_000 * USDT)
    assert await evm.since(first, watched=[ours]) == []
    front = await evm.front()
    log = (
        await evm.node.ask("eth_getLogs", {"fromBlock": hex(first), "address": fake.address.raw})
    )[-1]
    front.forged["eth_getLogs"] = lambda logs: [*logs, log]
    chain = evm.through(front.url)
    headers = await chain.headers(int(log["blockNumber"], 16), int(log["blockNumber"], 16))
    assert await chain.incoming(headers, {ours.address.raw}) == [], "even if a node lists it"


async def test_what_is_not_ours_is_not_reported(evm: EvmWorld) -> None:
    first = await evm.next_height()
    await evm.person.pay_tokens(evm.wallet("somebody").address.raw, 5)
    await evm.node.mine()
    assert await evm.since(first, watched=[evm.wallet("else")]) == []


async def test_a_payment_mined_again_elsewhere_keeps_its_key(evm: EvmWorld) -> None:
    ours, other = evm.wallet("moved"), evm.wallet("before it")
    first = await evm.next_height()
    sent = await evm.person.pay_tokens(ours.address.raw, 3 * USDT)
    await evm.node.mine(3)
    (before,) = await evm.since(first, watched=[ours])
    # Another payment with a better fee stands before it in its new block.
    rival = evm.hot.signed(evm.transfer(other.address, 1, nonce=await evm.hot.nonce()))
    old = await evm.node.receipt(sent.tx_hash)
    await evm.node.reorg(3, [(rival.signed, 2), (sent.signed, 2)])
    new = await evm.node.receipt(sent.tx_hash)
    (after,) = await evm.since(first, watched=[ours])
    assert after.business_key == before.business_key
    assert after.units == before.units
    assert after.block_hash != before.block_hash
    assert after.height == before.height + 2
    assert new["logs"][0]["logIndex"] != old["logs"][0]["logIndex"]


async def test_a_payment_that_another_history_lacks_is_gone(evm: EvmWorld) -> None:
    ours, first = evm.wallet("undone"), await evm.next_height()
    sent = await evm.person.pay_tokens(ours.address.raw, 3 * USDT)
    await evm.node.mine(2)
    headers = await evm.chain.headers(first, first)
    assert await evm.chain.landed(sent.tx_hash) is not None
    await evm.node.reorg(2)
    assert await evm.since(first, watched=[ours]) == []
    assert await evm.chain.landed(sent.tx_hash) is None
    replaced = await evm.chain.headers(first, first)
    assert (replaced[0].height, replaced[0].parent) == (headers[0].height, headers[0].parent)
    assert replaced[0].hash != headers[0].hash
    # Asked for by its hash, the block of the old history is unknown, never empty.
    with pytest.raises(OutsideUnavailable):
        await evm.chain.incoming(headers, {ours.address.raw})


async def test_a_short_chain_is_no_end_of_the_world(evm: EvmWorld) -> None:
    height = await evm.node.mine(3)
    await evm.node.rollback(2)
    assert (await evm.chain.tip()).head.height == height - 2
    assert len(await evm.chain.headers(height - 3, height)) == 2


async def test_old_blocks_are_read_by_range_with_the_same_result(evm: EvmWorld) -> None:
    ours, first = evm.wallet("history"), await evm.next_height()
    for units in range(1, 31):
        payments = [(ours.address.raw, units), (ours.address.raw, units)]
        await evm.usdt.give_many(payments)
    await evm.finalize()
    front = await evm.front()
    chain = evm.through(front.url)
    headers = await chain.headers(first, first + 29)
    front.asked.clear()
    by_range = await chain.incoming(headers, {ours.address.raw})
    assert front.asked.count("eth_getLogs") == 1
    assert [one.units for one in by_range] == [units for units in range(1, 31) for _ in range(2)]
    one_by_one = [
        one for header in headers for one in await chain.incoming([header], {ours.address.raw})
    ]
    assert by_range == one_by_one


async def test_a_node_that_refuses_ranges_is_asked_block_by_block(evm: EvmWorld) -> None:
    ours, first = evm.wallet("refused range"), await evm.next_height()
    for _ in range(12):
        await evm.usdt.give(ours.address.raw, 1)
    await evm.finalize()
    headers = await evm.chain.headers(first, first + 11)
    front = await evm.front()
    front.too_wide = True
    found = await evm.through(front.url).incoming(headers, {ours.address.raw})
    assert len(found) == 12


async def test_it_never_calls_from_inside_a_transaction(evm: EvmWorld) -> None:
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await evm.chain.tip()
        with pytest.raises(NetworkInsideTransaction):
            await evm.chain.broadcast(b"\x02")


async def test_a_receipt_tells_place_result_and_fee(evm: EvmWorld) -> None:
    sent = await evm.person.pay_tokens(evm.wallet("x").address.raw, 1)
    assert await evm.chain.landed(sent.tx_hash) is None, "waiting"
    await evm.node.mine()
    landed = await evm.chain.landed(sent.tx_hash)
    assert landed is not None
    header = await evm.header(landed.height)
    assert (landed.block_hash, landed.succeeded) == (header.hash, True)
    receipt = await evm.node.receipt(sent.tx_hash)
    paid = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert landed.fee_units == paid > 0
