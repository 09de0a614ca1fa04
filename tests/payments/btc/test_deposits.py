"""Bitcoin deposits on real nodes: each output once, wherever it is mined, and never one too many."""

import pytest

from casino.db import transaction_open
from casino.errors import NetworkInsideTransaction, OutsideUnavailable
from payments.chains.blocks import BlockChain, Unmined
from payments.chains.btc import BtcChain
from payments.chains.btc_addresses import BITCOIN, parse
from tests.payments.btc.conftest import BTC, DEPTH, World

pytestmark = pytest.mark.chain


async def waiting(world: World) -> list[Unmined]:
    """What waits for us as the node tells it."""
    return list((await world.chain.waiting(world.watched)).payments)


async def test_a_payment_arrives_to_the_satoshi(world: World) -> None:
    address = world.deposit_address()
    sent = await world.person.send(address, 123_456_789)
    await world.mine()
    headers = await world.all_headers()
    (incoming,) = await world.chain.incoming(headers, world.watched)
    assert incoming.units == 123_456_789
    assert incoming.address == address
    assert incoming.tx_hash == sent.txid
    assert incoming.business_key.startswith(f"{sent.txid}:")
    assert (incoming.height, incoming.block_hash) == (headers[-1].height, headers[-1].hash)
    assert incoming.at == headers[-1].at
    # Any container of addresses will do, only slower.
    assert list(await world.chain.incoming(headers, {address})) == [incoming]
    assert await world.chain.incoming(headers, frozenset()) == ()


async def test_two_outputs_to_one_address_are_two_payments(world: World) -> None:
    script = parse(world.deposit_address(), world.network)
    sent = await world.person.pay([(script, BTC), (script, BTC), (script, BTC // 2)])
    await world.mine()
    found = await world.chain.incoming(await world.all_headers(), world.watched)
    assert [one.units for one in found] == [BTC, BTC, BTC // 2]
    assert {one.business_key for one in found} == {f"{sent.txid}:{vout}" for vout in range(3)}


async def test_the_tip_is_final_only_so_deep(world: World) -> None:
    before = await world.chain.tip()
    await world.mine(2)
    after = await world.chain.tip()
    assert after.head.height == before.head.height + 2
    assert after.final_height == after.head.height - DEPTH + 1
    (header,) = await world.chain.headers(after.head.height, after.head.height)
    assert header == after.head
    shown = await world.rpc.call("getblockheader", header.hash)
    assert (header.parent, int(header.at.timestamp())) == (
        shown["previousblockhash"],
        shown["time"],
    )


async def test_headers_end_where_the_chain_ends(world: World) -> None:
    tip = await world.chain.tip()
    height = tip.head.height
    headers = await world.chain.headers(height - 1, height + 5)
    assert [one.height for one in headers] == [height - 1, height]
    assert await world.chain.headers(height + 1, height + 5) == []
    whole = await world.chain.headers(0, height)
    assert len(whole) == height + 1
    assert all(one.parent == two.hash for one, two in zip(whole[1:], whole, strict=False))


async def test_a_reorganisation_takes_a_payment_back(world: World) -> None:
    """The block goes, and the payer spends his coin elsewhere: the payment never happened."""
    address = world.deposit_address()
    (coin, *_) = await world.person.coins()
    sent = await world.person.pay([(parse(address, world.network), BTC)], coins=[coin])
    await world.mine()
    lost = await world.all_headers()
    assert [one.tx_hash for one in await world.chain.incoming(lost, world.watched)] == [sent.txid]
    await world.rpc.call("invalidateblock", lost[-1].hash)
    assert sent.txid in await world.waiting(), "back in the mempool"
    rival = await world.person.pay([(world.stranger(), 3 * BTC)], coins=[coin], rate=50)
    await world.rpc.call("generatetoaddress", 2, world.person.address)
    headers = await world.all_headers()
    assert lost[-1].hash not in {one.hash for one in headers}
    assert headers[-2].parent == lost[-2].hash, "the common ancestor"
    assert await world.chain.incoming(headers, world.watched) == ()
    assert sent.txid not in await world.waiting()
    landed = await world.chain.landed(rival.txid)
    assert landed is not None
    assert landed.block_hash == headers[-2].hash
    assert await world.chain.landed(sent.txid) is None
    # Blocks of the branch that was left are still read, by their hash, as they were.
    assert len(await world.chain.incoming(lost, world.watched)) == 1


async def test_a_payment_mined_elsewhere_has_the_same_key(world: World) -> None:
    await world.person.send(world.deposit_address(), BTC)
    await world.mine()
    old = await world.all_headers()
    (before,) = await world.chain.incoming(old, world.watched)
    await world.rpc.call("invalidateblock", old[-1].hash)
    await world.rpc.call("generateblock", world.person.address, [])
    await world.mine()
    (after,) = await world.chain.incoming(await world.all_headers(), world.watched)
    assert after.business_key == before.business_key
    assert after.height == before.height + 1
    assert after.block_hash != before.block_hash


async def test_what_waits_is_seen_and_what_was_replaced_is_not(world: World) -> None:
    address = world.deposit_address()
    (coin, *_) = await world.person.coins()
    sent = await world.person.pay([(parse(address, world.network), BTC)], coins=[coin], rate=2)
    (seen,) = await waiting(world)
    assert (seen.tx_hash, seen.address, seen.units) == (sent.txid, address, BTC)
    assert await waiting(world) == [seen]
    # The sender changes his mind: the replacement does not pay us.
    await world.person.pay([(world.stranger(), BTC)], coins=[coin], rate=20)
    assert await waiting(world) == []
    await world.mine()
    assert await waiting(world) == []
    assert await world.chain.incoming(await world.all_headers(), world.watched) == ()


async def test_a_payment_seen_has_the_key_that_it_gets(world: World) -> None:
    await world.person.send(world.deposit_address(), BTC)
    (seen,) = await waiting(world)
    world.wire.http500 = 1
    with pytest.raises(OutsideUnavailable):
        await waiting(world)
    assert await waiting(world) == [seen], "trouble makes nothing disappear"
    await world.mine()
    (incoming,) = await world.chain.incoming(await world.all_headers(), world.watched)
    assert incoming.business_key == seen.business_key
    assert await waiting(world) == []


async def test_coinbases_are_no_payments(world: World) -> None:
    address = world.deposit_address()
    await world.rpc.call("generatetoaddress", 1, address)
    assert await world.chain.incoming(await world.all_headers(), world.watched) == ()


async def test_a_node_that_lags_or_goes_back_takes_nothing_away(world: World) -> None:
    await world.person.send(world.deposit_address(), BTC)
    await world.mine()
    ahead = await world.chain.tip()
    headers = await world.all_headers()
    world.wire.lag = 2
    behind = await world.chain.tip()
    assert behind.head.height == ahead.head.height - 2, "the height goes back"
    assert behind.head == headers[-3]
    # It says that it does not know the block, never that there is nothing in it.
    with pytest.raises(OutsideUnavailable):
        await world.chain.incoming(headers, world.watched)
    known = await world.chain.headers(headers[0].height, headers[-1].height)
    assert known == headers[:-2]
    world.wire.lag = 0
    assert len(await world.chain.incoming(headers, world.watched)) == 1


@pytest.mark.parametrize("fault", ["http500", "http429", "empty", "silent"])
async def test_trouble_is_raised_and_never_an_answer(world: World, fault: str) -> None:
    headers = await world.all_headers()
    tx_hash = (await world.person.send(world.deposit_address(), BTC)).txid
    for call in (
        world.chain.tip,
        lambda: world.chain.headers(0, 3),
        lambda: world.chain.incoming(headers, world.watched),
        lambda: world.chain.landed(tx_hash),
    ):
        setattr(world.wire, fault, 1)
        with pytest.raises(OutsideUnavailable):
            await call()
    await world.mine()


async def test_a_node_of_another_network_is_refused(world: World) -> None:
    chain = BtcChain(world.rpc, BITCOIN)
    with pytest.raises(OutsideUnavailable, match="another network"):
        await chain.tip()


async def test_it_never_calls_from_inside_a_transaction(world: World) -> None:
    chain: BlockChain = world.chain
    async with transaction_open():
        with pytest.raises(NetworkInsideTransaction):
            await chain.tip()
    assert "getblockchaininfo" not in world.wire.asked
