"""Payouts of jettons against the real virtual machine: judged member by member, paid once."""

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from ton_core import Cell, begin_cell

from casino.errors import InvariantViolation, OutsideUnavailable
from payments.addresses import TonAddress, parse_ton
from payments.chains.base import Outcome, PayoutVerdict
from payments.chains.ton import TonChain
from payments.chains.ton_cells import read_cell_base64, read_comment
from payments.chains.ton_jetton import TonJettonChain
from payments.chains.ton_jetton_facts import member_query_id, read_transfer
from payments.chains.ton_jetton_payout import ATTACHED_UNITS, MEMBER_UNITS_MAX
from payments.chains.ton_jetton_wallets import JettonWallets
from payments.chains.ton_wallet import Payment, carried_parcels
from payments.desks.hot_account import PAYOUT_FEE_UNITS
from payments.rpc import Json, Toncenter
from sandbox.ton.chain import LocalChain
from sandbox.ton.jetton import Kind
from sandbox.ton.wallet import PersonWallet
from tests.payments.conftest import TIMEOUT_SECONDS, TON, World, hot_key
from tests.payments.jettons.conftest import DOLLAR, JettonWorld, make_jettons

pytestmark = pytest.mark.chain

PENDING, PAID, DEAD = Outcome.UNKNOWN, Outcome.SUCCEEDED, Outcome.FAILED
YEAR = 365 * 86400


def account(number: int) -> TonAddress:
    return TonAddress(0, number.to_bytes(32, "big"))


def pay(number: int, units: int = DOLLAR, memo: str = "") -> Payment:
    return Payment(account(number).friendly(), units, memo)


def outcomes(verdict: PayoutVerdict) -> list[Outcome]:
    return [member.outcome for member in verdict.members]


async def balances(house: JettonWorld, *numbers: int) -> list[int]:
    return [await house.jetton.balance(account(number).raw) for number in numbers]


async def chain_over(rpc: Toncenter, house: JettonWorld) -> TonJettonChain:
    """Our adapter as a process that has just begun, over another client."""
    master = house.jetton.master.raw
    wallets = JettonWallets(rpc, masters=[master])
    chain = TonJettonChain(
        "usdt", rpc, coins=TonChain(rpc, jettons=wallets), wallets=wallets, master=master
    )
    await chain.locate(house.owner)
    return chain


async def test_a_batch_reaches_everyone_and_tells_him(house: JettonWorld) -> None:
    numbers = range(1000, 1020)
    payout = await house.payout([pay(number, number, f"memo {number} " * 5) for number in numbers])
    assert outcomes(await house.judge(payout)) == [PENDING] * 20
    assert await house.chain.broadcast(payout.signed) is Outcome.SUCCEEDED
    assert outcomes(await house.judge(payout)) == [PENDING] * 20, "not in a block yet"
    await house.world.node.mine()
    verdict = await house.judge(payout)
    assert verdict.seen
    assert outcomes(verdict) == [PAID] * 20
    assert len({member.tx_hash for member in verdict.members}) == 20
    assert await balances(house, *numbers) == list(numbers)
    assert await house.ours() == 1000 * DOLLAR - sum(numbers)
    told = await house.world.rpc.index("transactions", account=account(1000).raw)
    body = read_cell_base64(told["transactions"][0]["in_msg"]["message_content"]["body"])
    notification = body.begin_parse()
    assert (notification.load_uint(32), notification.skip_bits(64).load_coins()) == (
        0x7362D09C,
        1000,
    )
    assert read_comment(notification.load_ref()) == "memo 1000 " * 5
    assert len((await house.read()).transfers) == 1, "only what came to us at first"
    await house.require_coins_explained()


async def test_of_the_largest_batch_one_too_dear_dies_alone(house: JettonWorld) -> None:
    payments = [pay(2000 + number, DOLLAR, f"{number}") for number in range(199)]
    payments.insert(100, pay(2999, 5000 * DOLLAR, "too dear"))
    payout = await house.sent(payments)
    verdict = await house.judge(payout)
    assert [member.outcome for member in verdict.members] == [PAID] * 100 + [DEAD] + [PAID] * 99
    dead = verdict.members[100]
    assert (dead.retriable, dead.lost_units) == (True, 0)
    assert "refused query" in dead.proof
    counting = TroubledAt(house.world, 0, "")
    chain = await chain_over(counting, house)
    assert await chain.judge(payout, head=await house.chain.head()) == verdict
    assert counting.asked == 4, "however many members there are"
    await counting.close()
    assert await balances(house, 2000, 2198, 2999) == [DOLLAR, DOLLAR, 0]
    assert await house.ours() == (1000 - 199) * DOLLAR
    await house.require_coins_explained()


async def test_too_few_coins_for_all_is_told_for_each(jettons: JettonWorld) -> None:
    await jettons.world.node.faucet(jettons.owner, 5 * ATTACHED_UNITS)
    await jettons.arrive(1000 * DOLLAR)
    payout = await jettons.sent([pay(2500 + number) for number in range(8)])
    told = outcomes(await jettons.judge(payout))
    assert PAID in told
    assert DEAD in told
    assert set(told) == {PAID, DEAD}
    here = await balances(jettons, *range(2500, 2508))
    assert here == [DOLLAR if one is PAID else 0 for one in told]
    await jettons.require_coins_explained()


async def test_the_coins_that_are_asked_for_each_member_are_enough(jettons: JettonWorld) -> None:
    members = 40
    await jettons.world.node.faucet(jettons.owner, members * MEMBER_UNITS_MAX + PAYOUT_FEE_UNITS)
    await jettons.arrive(1000 * DOLLAR)
    payments = [pay(2700 + number, DOLLAR, f"{number:0120}") for number in range(members)]
    payout = await jettons.sent(payments)
    assert outcomes(await jettons.judge(payout)) == [PAID] * members
    await jettons.require_coins_explained()
    cost = sum(fee.units for fee in (await jettons.read_coins()).fees)
    assert 0 < cost < members * ATTACHED_UNITS


async def test_a_carrier_that_sends_nothing_kills_all(jettons: JettonWorld) -> None:
    await jettons.world.node.faucet(jettons.owner, 20_000_000)
    payout = await jettons.sent([pay(2600)])
    verdict = await jettons.judge(payout)
    assert verdict.seen
    assert outcomes(verdict) == [DEAD]
    assert "sent nothing" in verdict.members[0].proof


async def test_an_under_gassed_payout_is_not_paid(house: JettonWorld) -> None:
    payout = await house.sent([pay(3000), pay(3001)], attached_units=10_000_000)
    verdict = await house.judge(payout)
    assert verdict.seen, "the carrier itself succeeded"
    assert outcomes(verdict) == [DEAD, DEAD]
    assert all(member.retriable and not member.lost_units for member in verdict.members)
    assert await balances(house, 3000, 3001) == [0, 0]
    assert await house.ours() == 1000 * DOLLAR
    assert len((await house.read()).transfers) == 1, "what came back is no deposit"
    assert [one.units for one in (await house.read_coins()).transfers] == [100 * TON]
    await house.require_coins_explained()


@pytest.mark.parametrize("units", [1, 10**12, 2**90], ids=str)
async def test_amounts_are_paid_to_the_unit(house: JettonWorld, units: int) -> None:
    await house.jetton.mint(house.owner, units)
    await house.world.node.mine()
    payout = await house.sent([pay(3100, units)])
    assert outcomes(await house.judge(payout)) == [PAID]
    assert await balances(house, 3100) == [units]
    assert await house.ours() == 1000 * DOLLAR


async def test_members_that_look_the_same_are_both_paid(house: JettonWorld) -> None:
    payout = await house.sent([pay(3200, memo="same")] * 2)
    verdict = await house.judge(payout)
    assert outcomes(verdict) == [PAID, PAID]
    assert verdict.members[0].tx_hash != verdict.members[1].tx_hash
    assert await balances(house, 3200) == [2 * DOLLAR]


async def test_of_two_equal_members_with_jettons_for_one_exactly_one_dies(
    house: JettonWorld,
) -> None:
    payout = await house.sent([pay(3300, 600 * DOLLAR)] * 2)
    assert outcomes(await house.judge(payout)) == [PAID, DEAD]
    assert await balances(house, 3300) == [600 * DOLLAR]


async def test_a_flag_in_the_address_changes_nothing(house: JettonWorld) -> None:
    bounceable = Payment(account(3400).friendly(bounceable=True), DOLLAR, "")
    payout = await house.sent([bounceable])
    assert outcomes(await house.judge(payout)) == [PAID]


async def test_a_lost_message_is_sent_again_and_pays_once(house: JettonWorld) -> None:
    payout = await house.payout([pay(4000)])
    await house.world.node.fault(dropSend=1)
    assert await house.chain.broadcast(payout.signed) is Outcome.SUCCEEDED, "the node lied"
    await house.world.node.mine()
    assert outcomes(await house.judge(payout)) == [PENDING]
    for _ in range(3):
        await house.chain.broadcast(payout.signed)
        await house.world.node.mine()
    assert outcomes(await house.judge(payout)) == [PAID]
    assert await balances(house, 4000) == [DOLLAR]


async def test_an_error_after_acceptance_is_unknown_and_pays_once(house: JettonWorld) -> None:
    payout = await house.payout([pay(4100)])
    await house.world.node.fault(failAfterSend=1)
    assert await house.chain.broadcast(payout.signed) is Outcome.UNKNOWN
    await house.world.node.mine()
    assert await house.chain.broadcast(payout.signed) is Outcome.FAILED, "already processed"
    await house.world.node.mine()
    assert outcomes(await house.judge(payout)) == [PAID]
    assert await balances(house, 4100) == [DOLLAR]


@pytest.mark.parametrize("fault", ["http429", "http500"])
async def test_a_node_in_trouble_judges_nobody(house: JettonWorld, fault: str) -> None:
    payout = await house.sent([pay(4200)])
    # Four questions make a judgement; the trouble begins at each of them in turn.
    for question in range(1, 5):
        rpc = TroubledAt(house.world, question, fault)
        chain = await chain_over(rpc, house)
        head = await house.chain.head()
        with pytest.raises(OutsideUnavailable):
            await chain.judge(payout, head=head)
        assert rpc.asked == question
        assert outcomes(await chain.judge(payout, head=head)) == [PAID]
        await rpc.close()


class TroubledAt(Toncenter):
    """A client whose node falls ill right before one of the questions to the index."""

    def __init__(self, world: World, question: int, fault: str) -> None:
        super().__init__(url=world.node.url, api_key="", requests_per_second=1000)
        self.world, self.question, self.fault, self.asked = world, question, fault, 0

    async def index(self, name: str, **query: str | int) -> Json:
        self.asked += 1
        if self.asked == self.question:
            await self.world.node.fault(**{self.fault: 1})
        return await super().index(name, **query)


async def test_expiry_is_proof_and_a_replay_pays_nobody(house: JettonWorld) -> None:
    payout = await house.payout([pay(5000)])
    await house.world.node.fault(dropSend=1)
    await house.chain.broadcast(payout.signed)
    await house.arrive(DOLLAR, comment="in between")
    await house.world.node.move_clock(TIMEOUT_SECONDS + 60)
    assert outcomes(await house.judge(payout)) == [PENDING], "no final block after the expiry"
    await house.world.node.mine()
    verdict = await house.judge(payout)
    assert outcomes(verdict) == [DEAD]
    assert verdict.members[0].retriable
    assert "absent from the whole history" in verdict.members[0].proof
    assert await house.chain.broadcast(payout.signed) is Outcome.FAILED
    await house.world.node.mine()
    assert await balances(house, 5000) == [0]


async def test_expired_but_paid_is_paid(house: JettonWorld) -> None:
    payout = await house.sent([pay(5100)])
    await house.world.node.move_clock(3 * TIMEOUT_SECONDS)
    await house.world.node.mine()
    assert await house.chain.broadcast(payout.signed) is Outcome.FAILED
    assert outcomes(await house.judge(payout)) == [PAID]
    assert await balances(house, 5100) == [DOLLAR]


async def test_a_lagging_index_is_no_proof(house: JettonWorld) -> None:
    payout = await house.payout([pay(5200)])
    await house.world.node.move_clock(TIMEOUT_SECONDS - 100)
    await house.chain.broadcast(payout.signed)
    await house.world.node.mine()  # paid, just in time
    await house.world.node.move_clock(200)
    await house.world.node.mine(3)
    await house.world.node.fault(lag=4)
    try:
        told = outcomes(await house.judge(payout))
    except OutsideUnavailable:
        told = [PENDING]
    assert told == [PENDING]
    await house.world.node.fault(lag=0)
    assert outcomes(await house.judge(payout)) == [PAID]


async def test_one_query_id_pays_once_whatever_the_bytes(house: JettonWorld) -> None:
    first = await house.payout([pay(5300)])
    other = house.sign([pay(5300, memo="other")], like=first, attached_units=ATTACHED_UNITS)
    await house.chain.broadcast(first.signed)
    await house.world.node.mine()
    assert await house.chain.broadcast(other.boc) is Outcome.FAILED
    await house.world.node.mine()
    assert await balances(house, 5300) == [DOLLAR]


async def test_the_same_query_id_may_be_used_again_much_later(house: JettonWorld) -> None:
    first = await house.sent([pay(5400)])
    await house.world.node.move_clock(3 * TIMEOUT_SECONDS)
    await house.world.node.mine()
    house.world.next_query = first.query_id - 1
    second = await house.payout([pay(5400)])
    assert second.query_id == first.query_id
    assert outcomes(await house.judge(second)) == [PENDING]
    await house.chain.broadcast(second.signed)
    await house.world.node.mine()
    assert outcomes(await house.judge(second)) == [PAID]
    assert outcomes(await house.judge(first)) == [PAID]
    assert await balances(house, 5400) == [2 * DOLLAR]


async def test_it_judges_by_the_bytes_and_not_by_todays_code(house: JettonWorld) -> None:
    """A release that attaches another amount must find what the one before it has sent."""
    payout = await house.sent([pay(5500), pay(5501)], attached_units=77_777_777)
    assert outcomes(await house.judge(payout)) == [PAID, PAID]


async def test_what_it_was_not_told_of_it_does_not_judge(house: JettonWorld) -> None:
    payout = await house.sent([pay(5600)])
    restarted = await chain_over(house.world.rpc, house)
    elsewhere = (await house.jetton.wallet_of(house.world.person.address.raw)).raw
    foreign = replace(payout, account=elsewhere)
    head = await restarted.head()
    with pytest.raises(InvariantViolation, match="not located"):
        await restarted.judge(foreign, head=head)
    await restarted.locate(house.world.person.address.raw)
    with pytest.raises(InvariantViolation, match="another wallet"):
        await restarted.judge(foreign, head=head)
    dearer = replace(payout.members[0], units=DOLLAR + 1)
    with pytest.raises(InvariantViolation, match="not signed"):
        await restarted.judge(replace(payout, members=(dearer,)), head=head)
    assert outcomes(await restarted.judge(payout, head=head)) == [PAID]


async def test_coins_that_only_look_like_ours_are_deposits(house: JettonWorld) -> None:
    """Nobody can make us believe that a stranger's coins were our own carriage: at most he makes
    us a present."""
    before = (await house.read_coins()).position
    await house.world.pay_in(TON, body=_excesses(5))
    await house.world.pay_in(2 * TON, body=_excesses(1 << 63 | 5))
    page = await house.read_coins(after=before)
    assert [(one.units, one.comment) for one in page.transfers] == [(TON, None), (2 * TON, None)]
    now = int((await house.chain.head()).at.timestamp())
    like_ours = member_query_id(query_id=5, created_at=now - 60, place=0)
    await house.world.pay_in(3 * TON, body=_excesses(like_ours))
    page = await house.read_coins(after=page.position)
    assert page.transfers == ()
    assert [fee.units < -2 * TON for fee in page.fees] == [True], "a present lowers our costs"
    await house.require_coins_explained()


async def test_a_jetton_wallet_that_does_not_exist_yet_pays_nobody(jettons: JettonWorld) -> None:
    await jettons.world.node.faucet(jettons.owner, 10 * TON)
    assert (await jettons.chain.account(jettons.wallet)).active is False
    payout = await jettons.sent([pay(5800)])
    (dead,) = (await jettons.judge(payout)).members
    assert (dead.outcome, dead.retriable, dead.lost_units) == (DEAD, True, 0)
    await jettons.require_coins_explained()


def _excesses(query_id: int) -> Cell:
    return begin_cell().store_uint(0xD53276DB, 32).store_uint(query_id, 64).end_cell()


@pytest.fixture(params=list(Kind), ids=lambda kind: kind.name.lower())
async def slow(request: pytest.FixtureRequest) -> AsyncIterator[JettonWorld]:
    """A node of its own, on which each message takes a block for each hop."""
    node = LocalChain(block_ms=None, hops_apart=True)
    node.start()
    rpc = Toncenter(url=node.url, api_key="", requests_per_second=1000)
    person = PersonWallet(rpc, "slow person")
    world = World(node, rpc, TonChain(rpc), hot_key(b"slow"), person)
    await node.faucet(person.address.raw, 1000 * TON)
    jettons = await make_jettons(world, request.param, "slow")
    await node.mine(5)
    await node.faucet(jettons.owner, 100 * TON)
    await jettons.arrive(1000 * DOLLAR)
    await node.mine(5)
    yield jettons
    await rpc.close()
    node.stop()


async def test_until_the_last_hop_nothing_is_known(slow: JettonWorld) -> None:
    payout = await slow.payout([pay(6000), pay(6001, 2000 * DOLLAR)])
    await slow.chain.broadcast(payout.signed)
    told = []
    for hop in range(7):
        await slow.world.node.mine()
        told.append(outcomes(await slow.judge(payout)))
        if hop:  # at first the wallet's message to itself is on its way
            await slow.require_coins_explained()
    assert told[:2] == [[PENDING, PENDING]] * 2
    assert told[2] == [PENDING, DEAD], "ours refuses before theirs can take"
    assert told[3:] == [[PAID, DEAD]] * 4
    assert await balances(slow, 6000, 6001) == [DOLLAR, 0]


async def age(jettons: JettonWorld, wallet: str) -> None:
    """Let nobody pay the rent of a jetton wallet until it is closed for its debt."""
    node = jettons.world.node
    for _ in range(3):
        await node.move_clock(9 * YEAR)
        await node.mine()
    # Rent is taken when something moves, and one coin is not enough to pay it.
    await jettons.world.person.send(parse_ton(wallet).friendly(), 1)
    await node.mine(3)
    assert (await jettons.coins.account(wallet)).frozen


async def test_a_frozen_receiver_is_not_paid(slow: JettonWorld) -> None:
    node = slow.world.node
    await slow.jetton.pay(slow.world.person, account(7000).raw, DOLLAR)
    await node.mine(5)
    await slow.world.person.send(parse_ton(slow.wallet).friendly(), 10 * TON)  # ours lives on
    await node.mine(2)
    await age(slow, (await slow.jetton.wallet_of(account(7000).raw)).raw)
    payout = await slow.payout([pay(7000), pay(7001)])
    await slow.chain.broadcast(payout.signed)
    await node.mine(8)
    verdict = await slow.judge(payout)
    assert outcomes(verdict) == [DEAD, PAID]
    dead = verdict.members[0]
    assert (dead.retriable, dead.lost_units) == (False, 0)
    assert "refused it" in dead.proof
    assert "back in" in dead.proof
    assert await slow.ours() == 999 * DOLLAR
    assert len((await slow.read()).transfers) == 1, "what came back is no deposit"
    await slow.require_coins_explained()
    # Thanks of somebody else, even for the right query, prove nothing.
    asked = read_transfer(carried_parcels(payout.signed)[1][0].body)
    assert asked is not None
    await slow.world.pay_in(TON, body=_excesses(asked.query_id))
    await node.mine(2)
    assert await slow.judge(payout) == verdict


class Doctored(Toncenter):
    """A client to which the index tells a change of every transaction that says `where`."""

    def __init__(self, url: str, where: str, **change: object) -> None:
        super().__init__(url=url, api_key="", requests_per_second=1000)
        self.where, self.change = where, change

    async def index(self, name: str, **query: str | int) -> Json:
        answer = await super().index(name, **query)
        for record in answer.get("transactions", []):
            if base64.b64decode(record["hash"]).hex() == self.where:
                record.update(self.change)
        return answer


async def test_jettons_that_get_lost_on_the_way_back_are_told(slow: JettonWorld) -> None:
    """What comes back can fail to: then nobody has it. No contract here does that, so the index
    is made to tell it."""
    node = slow.world.node
    await slow.jetton.pay(slow.world.person, account(7200).raw, DOLLAR)
    await node.mine(5)
    await slow.world.person.send(parse_ton(slow.wallet).friendly(), 10 * TON)
    await node.mine(2)
    await age(slow, (await slow.jetton.wallet_of(account(7200).raw)).raw)
    payout = await slow.payout([pay(7200)])
    await slow.chain.broadcast(payout.signed)
    await node.mine(8)
    proof = (await slow.judge(payout)).members[0].proof
    refused, returned = re.findall(r"[0-9a-f]{64}", proof.partition(" ")[2])
    aborted = {"aborted": True, "compute_ph": {"skipped": True, "reason": "no_gas"}}
    for client, said in (
        (Doctored(node.url, refused, out_msgs=[]), "no coins to send it back"),
        (Doctored(node.url, returned, description=aborted), "could not take it back"),
    ):
        chain = await chain_over(client, slow)
        (dead,) = (await chain.judge(payout, head=await chain.head())).members
        assert (dead.outcome, dead.retriable, dead.lost_units) == (DEAD, False, DOLLAR)
        assert said in dead.proof
        await client.close()


async def test_our_own_frozen_wallet_pays_nobody_and_says_so(slow: JettonWorld) -> None:
    await age(slow, slow.wallet)
    with pytest.raises(OutsideUnavailable):
        await slow.ours()
    payout = await slow.payout([pay(7100)])
    await slow.chain.broadcast(payout.signed)
    await slow.world.node.mine(8)
    (dead,) = (await slow.judge(payout)).members
    assert (dead.outcome, dead.retriable, dead.lost_units) == (DEAD, True, 0)
    await slow.require_coins_explained()
    await slow.jetton.pay(slow.world.person, slow.owner, DOLLAR)
    await slow.world.node.mine(6)
    assert len((await slow.read()).transfers) == 1, "what comes now is turned away"
