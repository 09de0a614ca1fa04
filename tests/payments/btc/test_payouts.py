"""Bitcoin payouts on real nodes: sent twice, raised, pushed, killed, and judged by final blocks."""

import hashlib

import pbk
import pytest
from embit.psbt import PSBT
from pbk.script import PrecomputedTransactionData

from casino.errors import OutsideRefused
from payments.chains.base import Outcome, PayoutVerdict
from payments.chains.btc_coins import Coin, Target, TargetRefused, consolidate
from payments.chains.btc_judge import Family, Member, Version, judge, read_version
from payments.chains.btc_wallet import (
    SignedTx,
    WalletError,
    bump,
    change_coin,
    draft_child,
    draft_consolidation,
    from_psbt,
    to_psbt,
)
from tests.payments.btc.conftest import ACCOUNT_PATH, BTC, RATE, World

pytestmark = pytest.mark.chain


def kernel_agrees(signed: SignedTx, coins: tuple[Coin, ...]) -> bool:
    """Whether Bitcoin Core's script check passes every input."""
    parsed = pbk.Transaction(signed.raw)
    spent = [pbk.TransactionOutput(pbk.ScriptPubkey(coin.script), coin.units) for coin in coins]
    shared = PrecomputedTransactionData(parsed, spent)
    return all(
        pbk.ScriptPubkey(coin.script).verify(
            coin.units, parsed, shared, number, pbk.ScriptVerificationFlags.ALL
        )
        for number, coin in enumerate(coins)
    )


def members(*targets: Target) -> tuple[Member, ...]:
    return tuple(
        Member(number, target.units, target.script) for number, target in enumerate(targets, 1)
    )


def version(signed: SignedTx) -> Version:
    read = read_version(signed.raw)
    assert (read.txid, read.inputs) == (signed.txid, frozenset(signed.inputs))
    return read


async def verdict(world: World, family: Family) -> PayoutVerdict:
    tip = await world.chain.tip()
    headers = await world.all_headers()
    spends = await world.chain.spends(headers, family.inputs)
    return judge(family, spends, final_height=tip.final_height)


def outcomes(found: PayoutVerdict) -> list[Outcome]:
    return [member.outcome for member in found.members]


async def test_a_payout_is_paid_and_proven(world: World) -> None:
    coins = await world.funded(BTC, 2 * BTC)
    targets = (Target(BTC, world.stranger(1)), Target(BTC // 2, world.stranger(2)))
    draft = world.draft(coins, *targets)
    signed = world.sign(draft)
    assert kernel_agrees(signed, draft.coins)
    assert signed.vsize <= draft.vsize
    assert signed.fee_units >= signed.vsize * RATE
    family = Family(members(*targets), (version(signed),))
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED
    assert outcomes(await verdict(world, family)) == [Outcome.UNKNOWN] * 2
    await world.mine()
    landed = await world.chain.landed(signed.txid)
    assert landed is not None
    assert (landed.fee_units, landed.succeeded) == (signed.fee_units, True)
    assert outcomes(await verdict(world, family)) == [Outcome.UNKNOWN] * 2, "not final yet"
    await world.bury()
    final = await verdict(world, family)
    assert outcomes(final) == [Outcome.SUCCEEDED] * 2
    assert (final.seen, final.tx_hash) == (True, signed.txid)
    assert landed.block_hash in final.members[0].proof


async def test_a_payout_of_a_hundred(world: World) -> None:
    coins = await world.funded(4 * BTC)
    targets = [Target(10_000 + number, world.stranger(number)) for number in range(100)]
    draft = world.draft(coins, *targets)
    signed = world.sign(draft)
    assert kernel_agrees(signed, draft.coins)
    (answer,) = await world.rpc.call("testmempoolaccept", [signed.raw.hex()])
    assert answer["allowed"]
    assert answer["vsize"] == signed.vsize
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED
    await world.mine()
    await world.bury()
    family = Family(members(*targets), (version(signed),))
    assert outcomes(await verdict(world, family)) == [Outcome.SUCCEEDED] * 100


async def test_after_a_silence_the_same_bytes_again(world: World) -> None:
    """The node took them and the answer was lost: unknown, and then the same again is no harm."""
    coins = await world.funded(BTC)
    signed = world.sign(world.draft(coins, Target(BTC // 2, world.stranger())))
    world.wire.silent = 1
    assert await world.chain.broadcast(signed.raw) is Outcome.UNKNOWN
    assert signed.txid in await world.waiting()
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED
    await world.mine()
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED, "in the chain already"
    for fault in ("http500", "http429", "empty"):
        setattr(world.wire, fault, 1)
        assert await world.chain.broadcast(signed.raw) is Outcome.UNKNOWN


async def test_what_a_node_refuses_is_failed(world: World) -> None:
    coins = await world.funded(BTC)
    signed = world.sign(world.draft(coins, Target(BTC // 2, world.stranger())))
    assert await world.chain.broadcast(b"") is Outcome.FAILED
    assert await world.chain.broadcast(signed.raw[:-1]) is Outcome.FAILED
    nowhere = Coin("77" * 32, 0, BTC, coins[0].script, 0, coins[0].index, 1)
    missing = world.sign(world.draft([nowhere], Target(BTC // 2, world.stranger())))
    assert await world.chain.broadcast(missing.raw) is Outcome.FAILED
    spoilt = bytearray(signed.raw)
    spoilt[-60] ^= 1  # inside the witness: the id stays, the signature does not hold
    assert await world.chain.broadcast(bytes(spoilt)) is Outcome.FAILED


async def test_dust_is_refused_by_us_and_by_the_node(world: World) -> None:
    (coin,) = await world.funded(BTC)
    for script, limit in (
        (world.stranger(), 294),
        (
            b"\x51\x20"
            + bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
            330,
        ),
        (b"\x76\xa9\x14" + bytes(20) + b"\x88\xac", 546),
    ):
        with pytest.raises(TargetRefused, match="dust"):
            world.draft([coin], Target(limit - 1, script))
        signed = world.sign(world.draft([coin], Target(limit, script)))
        (answer,) = await world.rpc.call("testmempoolaccept", [signed.raw.hex()])
        # Litecoin's own limits are ten times as high; what counts is that ours are not below.
        assert answer["allowed"] or world.node.hrp == "rltc"
    with pytest.raises(OutsideRefused) as refusal:
        await world.person.pay([(world.stranger(), 200)])
    assert (refusal.value.data["rpc_code"], refusal.value.data["reason"]) == (-26, "dust")


async def test_a_payout_is_raised(world: World) -> None:
    coins = await world.funded(BTC)
    targets = (Target(BTC // 2, world.stranger()),)
    first = world.draft(coins, *targets, rate=2)
    second = bump(first, rate=2, later_rate=RATE)
    third = bump(second, rate=40, later_rate=RATE)
    signed = [world.sign(one) for one in (first, second, third)]
    assert second.targets == third.targets == targets
    assert second.fee_units >= first.fee_units + signed[1].vsize
    assert third.fee_units >= 40 * signed[2].vsize
    for number, one in enumerate(signed):
        assert await world.chain.broadcast(one.raw) is Outcome.SUCCEEDED
        assert one.txid in await world.waiting()
        assert not {other.txid for other in signed[:number]} & await world.waiting()
    assert await world.chain.broadcast(signed[0].raw) is Outcome.FAILED, "pays less"
    await world.mine()
    await world.bury()
    family = Family(members(*targets), tuple(map(version, signed)))
    final = await verdict(world, family)
    assert (final.tx_hash, outcomes(final)) == (signed[2].txid, [Outcome.SUCCEEDED])


async def test_an_earlier_version_may_win(world: World) -> None:
    coins = await world.funded(BTC)
    targets = (Target(BTC // 2, world.stranger()),)
    first = world.draft(coins, *targets)
    signed = [world.sign(one) for one in (first, bump(first, rate=50, later_rate=RATE))]
    assert await world.chain.broadcast(signed[1].raw) is Outcome.SUCCEEDED
    # A miner who never heard of the second takes the first.
    await world.rpc.call("generateblock", world.person.address, [signed[0].raw.hex()])
    await world.bury()
    final = await verdict(world, Family(members(*targets), tuple(map(version, signed))))
    assert (final.tx_hash, outcomes(final)) == (signed[0].txid, [Outcome.SUCCEEDED])
    assert await world.chain.broadcast(signed[1].raw) is Outcome.FAILED


async def test_a_raise_takes_further_coins_and_keeps_the_old(world: World) -> None:
    coins = await world.funded(100_000, 90_000, 80_000)
    small = [coin for coin in coins if coin.units == 100_000]
    first = world.draft(small, Target(95_000, world.stranger()), rate=1)
    raised = bump(first, rate=60, later_rate=RATE, extra=coins)
    assert {coin.outpoint for coin in first.coins} < {coin.outpoint for coin in raised.coins}
    signed = [world.sign(one) for one in (first, raised)]
    for one in signed:
        assert await world.chain.broadcast(one.raw) is Outcome.SUCCEEDED
    assert kernel_agrees(signed[1], raised.coins)
    assert (await world.waiting()) & {one.txid for one in signed} == {signed[1].txid}
    with pytest.raises(WalletError, match="too_little"):
        bump(first, rate=500, later_rate=RATE)
    await world.mine()


async def test_a_child_pays_for_its_parent(world: World) -> None:
    coins = await world.funded(BTC)
    parent_draft = world.draft(coins, Target(BTC // 2, world.stranger()), rate=1)
    parent = world.sign(parent_draft)
    change = change_coin(parent_draft, parent)
    assert change is not None
    child = draft_child(parent, change, rate=30, to=world.change(1))
    signed = world.sign(child)
    together = parent.fee_units + signed.fee_units
    assert together >= 30 * (parent.vsize + signed.vsize)
    for one in (parent, signed):
        assert await world.chain.broadcast(one.raw) is Outcome.SUCCEEDED
    assert {parent.txid, signed.txid} <= await world.waiting()
    entry = await world.rpc.call("getmempoolentry", signed.txid)
    assert entry["ancestorcount"] == 2
    if world.node.hrp == "bcrt":
        # A miner who wants 20 satoshis for each byte takes neither alone, and both together.
        await world.rpc.call("setminingfee", 20_000)
        await world.mine()
        await world.rpc.call("setminingfee", 0)
    else:
        await world.mine()
    assert not {parent.txid, signed.txid} & await world.waiting()
    assert kernel_agrees(signed, child.coins)


async def test_a_foreign_spend_is_the_proof_of_death(world: World) -> None:
    """The coin went elsewhere, signed by our key in another life; the payout can never land."""
    coins = await world.funded(BTC, 2 * BTC)
    targets = (Target(2 * BTC + BTC // 2, world.stranger()),)
    draft = world.draft(coins, *targets)
    signed = world.sign(draft)
    family = Family(members(*targets), (version(signed),))
    rival = world.sign(world.draft(coins[:1], Target(BTC // 2, world.stranger(9)), rate=50))
    assert await world.chain.broadcast(rival.raw) is Outcome.SUCCEEDED
    assert await world.chain.broadcast(signed.raw) is Outcome.FAILED, "refused is no proof"
    assert outcomes(await verdict(world, family)) == [Outcome.UNKNOWN]
    await world.mine()
    assert outcomes(await verdict(world, family)) == [Outcome.UNKNOWN], "not final yet"
    await world.bury()
    final = await verdict(world, family)
    assert outcomes(final) == [Outcome.FAILED]
    assert not final.members[0].retriable, "people decide what that was"
    assert rival.txid in final.members[0].proof
    assert (final.seen, final.tx_hash) == (False, "")
    assert await world.chain.broadcast(signed.raw) is Outcome.FAILED


async def test_a_death_that_a_reorganisation_undoes_was_none(world: World) -> None:
    (coin,) = await world.funded(BTC)
    targets = (Target(BTC // 2, world.stranger()),)
    signed = world.sign(world.draft([coin], *targets))
    rival = world.sign(world.draft([coin], Target(BTC // 4, world.stranger(9)), rate=2))
    family = Family(members(*targets), (version(signed),))
    assert await world.chain.broadcast(rival.raw) is Outcome.SUCCEEDED
    await world.mine()
    tip = await world.chain.tip()
    await world.rpc.call("invalidateblock", tip.head.hash)
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED, "it replaces the rival"
    await world.rpc.call("generatetoaddress", 1, world.person.address)
    await world.bury()
    assert outcomes(await verdict(world, family)) == [Outcome.SUCCEEDED]


async def test_many_small_coins_become_one(world: World) -> None:
    coins = await world.funded(*[20_000 + number for number in range(30)])
    chosen = consolidate(coins, rate=1, rate_max=3, coins_min=10)
    assert chosen is not None
    draft = draft_consolidation(chosen, to=world.change(7))
    signed = world.sign(draft)
    assert kernel_agrees(signed, draft.coins)
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED
    await world.mine()
    joined = await world.rpc.call("gettxout", signed.txid, 0)
    assert joined["scriptPubKey"]["hex"] == world.change(7).script.hex()


async def test_another_signer_by_psbt(world: World) -> None:
    coins = await world.funded(BTC, BTC)
    draft = world.draft(coins, Target(BTC + BTC // 2, world.stranger()))
    seed = hashlib.sha256(b"another root").digest()
    carried = to_psbt(draft, world.keys.public, fingerprint=seed[:4], path=ACCOUNT_PATH)
    psbt = PSBT.from_base64(carried)
    for coin in draft.coins:
        psbt.sign_with(world.keys.account.derive([coin.branch, coin.index]).key)
    signed = from_psbt(draft, psbt.to_base64(), script_of=world.account.script, rate_max=1000)
    assert signed == world.sign(draft), "the same bytes, whoever signs"
    assert await world.chain.broadcast(signed.raw) is Outcome.SUCCEEDED
    with pytest.raises(WalletError, match="signature"):
        from_psbt(draft, carried, script_of=world.account.script, rate_max=1000)
    other = world.draft(coins, Target(BTC, world.stranger()))
    with pytest.raises(WalletError, match="psbt"):
        from_psbt(other, psbt.to_base64(), script_of=world.account.script, rate_max=1000)
    await world.mine()
