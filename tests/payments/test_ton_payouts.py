"""Payouts on TON against the real virtual machine: judged member by member, paid once."""

import pytest

from casino.errors import OutsideUnavailable
from payments.addresses import TonAddress
from payments.chains.base import Outcome, PayoutVerdict
from payments.chains.ton_wallet import Payment
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World

pytestmark = pytest.mark.chain

PENDING, PAID, DEAD = Outcome.UNKNOWN, Outcome.SUCCEEDED, Outcome.FAILED


def account(number: int) -> TonAddress:
    return TonAddress(0, number.to_bytes(32, "big"))


def outcomes(verdict: PayoutVerdict) -> list[Outcome]:
    return [member.outcome for member in verdict.members]


async def funded(world: World, units: int) -> World:
    await world.node.faucet(world.account, units)
    return world


async def test_a_batch_reaches_everyone_with_its_memo(world: World) -> None:
    await funded(world, 100 * TON)
    to = [account(1000 + number) for number in range(40)]
    payout = await world.payout(
        [Payment(one.friendly(), TON + at, f"memo {at}") for at, one in enumerate(to)]
    )
    assert outcomes(await world.judge(payout)) == [PENDING] * 40
    assert await world.chain.broadcast(payout.signed) is Outcome.SUCCEEDED
    assert outcomes(await world.judge(payout)) == [PENDING] * 40, "not in a block yet"
    await world.node.mine()
    verdict = await world.judge(payout)
    assert verdict.seen
    assert outcomes(verdict) == [PAID] * 40
    assert {len(member.tx_hash) for member in verdict.members} == {64}
    assert [await world.node.balance(one.raw) for one in to] == [TON + at for at in range(40)]


async def test_the_largest_batch_works(world: World) -> None:
    await funded(world, 100 * TON)
    to = account(2000)
    payout = await world.payout(
        [Payment(to.friendly(), TON // 10, f"{number}") for number in range(200)]
    )
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    assert outcomes(await world.judge(payout)) == [PAID] * 200
    assert await world.node.balance(to.raw) == 200 * (TON // 10)


async def test_two_members_that_look_the_same_are_both_paid(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(3000).friendly(), TON, "same")] * 2)
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    assert outcomes(await world.judge(payout)) == [PAID, PAID]
    assert await world.node.balance(account(3000).raw) == 2 * TON


async def test_a_member_too_dear_dies_alone(world: World) -> None:
    await funded(world, 5 * TON)
    payout = await world.payout(
        [
            Payment(account(4000).friendly(), 1000 * TON, "too dear"),
            Payment(account(4001).friendly(), TON, "fine"),
        ]
    )
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    verdict = await world.judge(payout)
    assert outcomes(verdict) == [DEAD, PAID]
    assert "no message" in verdict.members[0].proof
    assert await world.node.balance(account(4000).raw) == 0
    assert await world.node.balance(account(4001).raw) == TON


async def test_of_two_equal_members_with_money_for_one_exactly_one_dies(world: World) -> None:
    await funded(world, 3 * TON)
    payout = await world.payout([Payment(account(4100).friendly(), 2 * TON, "same")] * 2)
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    assert sorted(outcomes(await world.judge(payout))) == sorted([PAID, DEAD])
    assert await world.node.balance(account(4100).raw) == 2 * TON


async def test_a_carrier_that_sends_nothing_kills_all(world: World) -> None:
    await funded(world, 20_000_000)  # enough for the carrier's gas, not for its message to itself
    payout = await world.payout([Payment(account(4200).friendly(), 1, "")])
    assert await world.chain.broadcast(payout.signed) is Outcome.SUCCEEDED
    await world.node.mine()
    verdict = await world.judge(payout)
    assert verdict.seen
    assert outcomes(verdict) == [DEAD]
    assert "sent nothing" in verdict.members[0].proof


async def test_money_that_comes_back_is_not_paid(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(5000).friendly(bounceable=True), TON, "")])
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    verdict = await world.judge(payout)
    assert outcomes(verdict) == [DEAD]
    assert "sent back" in verdict.members[0].proof


async def test_bounceable_money_that_is_kept_is_paid(world: World) -> None:
    await funded(world, 10 * TON)
    await world.pay_in(TON)  # the first transfer out deploys the person's wallet
    destination = world.person.address.friendly(bounceable=True)
    payout = await world.payout([Payment(destination, TON, "thanks")])
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    assert outcomes(await world.judge(payout)) == [PAID]


async def test_a_lost_message_is_sent_again_and_pays_once(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(6000).friendly(), TON, "")])
    await world.node.fault(dropSend=1)
    assert await world.chain.broadcast(payout.signed) is Outcome.SUCCEEDED, "the node lied"
    await world.node.mine()
    assert outcomes(await world.judge(payout)) == [PENDING]
    for _ in range(3):
        await world.chain.broadcast(payout.signed)
        await world.node.mine()
    assert outcomes(await world.judge(payout)) == [PAID]
    assert await world.node.balance(account(6000).raw) == TON


async def test_an_error_after_acceptance_is_unknown_and_pays_once(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(6100).friendly(), TON, "")])
    await world.node.fault(failAfterSend=1)
    assert await world.chain.broadcast(payout.signed) is Outcome.UNKNOWN
    assert await world.chain.broadcast(payout.signed) is Outcome.SUCCEEDED
    await world.node.mine()
    assert await world.chain.broadcast(payout.signed) is Outcome.FAILED, "already processed"
    assert outcomes(await world.judge(payout)) == [PAID]
    assert await world.node.balance(account(6100).raw) == TON


async def test_expiry_is_proof_only_when_the_whole_history_says_so(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(7000).friendly(), TON, "")])
    await world.node.fault(dropSend=1)
    await world.chain.broadcast(payout.signed)
    for number in range(3):
        await world.pay_in(TON, comment=f"in between {number}")
    assert outcomes(await world.judge(payout)) == [PENDING]
    await world.node.move_clock(TIMEOUT_SECONDS + 60)
    assert outcomes(await world.judge(payout)) == [PENDING], "no final block after the expiry"
    await world.node.mine()
    verdict = await world.judge(payout)
    assert outcomes(verdict) == [DEAD]
    assert "absent from the whole history" in verdict.members[0].proof
    # The proof is true: nobody can land these bytes any more.
    assert await world.chain.broadcast(payout.signed) is Outcome.FAILED
    await world.node.mine()
    assert await world.node.balance(account(7000).raw) == 0


async def test_a_lagging_index_is_no_proof(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(7100).friendly(), TON, "")])
    await world.node.move_clock(TIMEOUT_SECONDS - 100)
    await world.chain.broadcast(payout.signed)
    await world.node.mine()  # paid, just in time
    await world.node.move_clock(200)
    await world.node.mine(3)
    await world.node.fault(lag=4)
    verdict_or_error: object
    try:
        verdict_or_error = outcomes(await world.judge(payout))
    except OutsideUnavailable:
        verdict_or_error = [PENDING]
    assert verdict_or_error == [PENDING]
    await world.node.fault(lag=0)
    assert outcomes(await world.judge(payout)) == [PAID]


async def test_expired_but_paid_is_paid(world: World) -> None:
    await funded(world, 10 * TON)
    payout = await world.payout([Payment(account(7200).friendly(), TON, "")])
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    await world.node.move_clock(3 * TIMEOUT_SECONDS)
    await world.node.mine()
    assert outcomes(await world.judge(payout)) == [PAID]


async def test_one_query_id_pays_once_whatever_the_bytes(world: World) -> None:
    await funded(world, 10 * TON)
    first = await world.payout([Payment(account(8000).friendly(), TON, "")])
    other = world.sign(
        [Payment(account(8000).friendly(), TON, "other")],
        query_id=first.query_id,
        created_at=first.created_at,
    )
    await world.chain.broadcast(first.signed)
    await world.node.mine()
    assert await world.chain.broadcast(other.boc) is Outcome.FAILED
    await world.node.mine()
    assert await world.node.balance(account(8000).raw) == TON


async def test_the_same_query_id_may_be_used_again_much_later(world: World) -> None:
    await funded(world, 10 * TON)
    first = await world.payout([Payment(account(8100).friendly(), TON, "")])
    await world.chain.broadcast(first.signed)
    await world.node.mine()
    await world.node.move_clock(3 * TIMEOUT_SECONDS)
    await world.node.mine()
    world.next_query = first.query_id - 1
    second = await world.payout([Payment(account(8100).friendly(), TON, "")])
    assert second.query_id == first.query_id
    await world.chain.broadcast(second.signed)
    await world.node.mine()
    assert outcomes(await world.judge(second)) == [PAID]
    assert outcomes(await world.judge(first)) == [PAID]
    rent = 2 * TON - await world.node.balance(account(8100).raw)
    assert 0 <= rent < 100
