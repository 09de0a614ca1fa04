"""What a node knows besides blocks: our unspent coins as of a final one, and what fees are."""

import pytest

from casino.errors import OutsideUnavailable
from payments.chains.btc_coins import Target
from payments.chains.btc_fees import FeeBounds, fee_rate
from payments.chains.btc_unspent import Unspent, UnspentCoin, unspent
from tests.payments.btc.conftest import BTC, World

pytestmark = pytest.mark.chain


async def scan(world: World, *, known: tuple[UnspentCoin, ...] = ()) -> Unspent:
    _tip, headers = await world.final_headers()
    scripts = [world.script(index) for index in range(world.next_index)]
    rpc = world.node.rpc(world.wire.url)
    try:
        return await unspent(rpc, world.chain, scripts, block=headers[-1], known=known)
    finally:
        await rpc.close()


async def test_coins_are_those_of_the_final_block(world: World) -> None:
    coins = await world.funded(BTC, 2 * BTC)
    assert (await scan(world)).coins == {}, "nothing of that is final yet"
    await world.bury()
    found = await scan(world)
    assert {coin.outpoint: coin.units for coin in coins} == {
        outpoint: coin.units for outpoint, coin in found.coins.items()
    }
    assert found.units == 3 * BTC
    # A coin that is spent in a block that is not final was still there as of the final one.
    signed = world.sign(world.draft(coins[:1], Target(BTC // 2, world.stranger())))
    await world.chain.broadcast(signed.raw)
    await world.mine()
    known = tuple(found.coins.values())
    assert (await scan(world, known=known)).coins == found.coins
    assert (await scan(world)).units == 2 * BTC, "what we do not remember cannot be put back"
    await world.bury()
    assert (await scan(world, known=known)).units == 2 * BTC


async def test_a_scan_of_another_chain_is_no_answer(world: World) -> None:
    await world.funded(BTC)
    tip, headers = await world.final_headers()
    with pytest.raises(OutsideUnavailable):
        await unspent(
            world.rpc,
            world.chain,
            [world.script(0)],
            block=type(tip.head)(tip.final_height, "00" * 32, "00" * 32, tip.head.at),
        )
    world.wire.lag = 2
    with pytest.raises(OutsideUnavailable):
        await unspent(world.rpc, world.chain, [world.script(0)], block=headers[-1])


async def test_fees_have_bounds_and_a_fallback(world: World) -> None:
    bounds = FeeBounds(least=2, most=60, fallback=20)
    # Neither node has seen enough of life to have an opinion; Litecoin's floor is its own.
    assert await fee_rate(world.rpc, bounds, blocks=6) == 20
    rpc = world.node.rpc(world.wire.url)
    for fault in ("http500", "http429", "empty", "silent"):
        setattr(world.wire, fault, 1)
        with pytest.raises(OutsideUnavailable):
            await fee_rate(rpc, bounds, blocks=6)
    await rpc.close()
    if world.node.hrp != "bcrt":
        return
    for units_per_kvb, expected in ((30_000, 30), (30_001, 31), (1, 2), (10**8, 60)):
        await world.rpc.call("setfeeestimate", units_per_kvb)
        assert await fee_rate(world.rpc, bounds, blocks=6) == expected
    await world.rpc.call("setfeeestimate", None)


@pytest.mark.parametrize("given", [(0, 5, 5), (5, 4, 9), (1, 10, 9)])
def test_bounds_that_hold_nothing_are_refused(given: tuple[int, int, int]) -> None:
    least, fallback, most = given
    with pytest.raises(ValueError, match="fee bounds"):
        FeeBounds(least=least, most=most, fallback=fallback)
