"""What counts as a deposit on TON, against the real virtual machine."""

import pytest
from ton_core import begin_cell

from casino.errors import OutsideUnavailable
from payments.addresses import TonAddress
from payments.chains.base import Position
from payments.chains.ton_wallet import Payment
from tests.payments.conftest import TON, World

pytestmark = pytest.mark.chain


async def deploy(world: World) -> None:
    """Bring the hot wallet to life with a small payout to the person."""
    await world.node.faucet(world.account, 5 * TON)
    payout = await world.payout([Payment(world.person.address.raw, 1, "")])
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    assert (await world.chain.account(world.account)).active


async def test_a_plain_deposit_is_read_as_it_was_sent(world: World) -> None:
    await deploy(world)
    before = (await world.read()).position
    await world.pay_in(3 * TON, comment="7K3MPQ2X")
    page = await world.read(after=before)
    (transfer,) = page.transfers
    assert transfer.units == 3 * TON
    assert transfer.comment == "7K3MPQ2X"
    assert transfer.sender == world.person.address.raw
    assert transfer.business_key == f"{world.account}:{page.position.lt}"
    assert transfer.block == (await world.chain.head()).block


async def test_a_deposit_before_the_wallet_has_code_stays_and_counts(world: World) -> None:
    await world.pay_in(2 * TON, comment="tag")
    (transfer,) = (await world.read()).transfers
    assert (transfer.units, transfer.comment) == (2 * TON, "tag")
    assert await world.node.balance(world.account) == 2 * TON


async def test_a_bounced_deposit_is_no_deposit(world: World) -> None:
    await world.pay_in(2 * TON, comment="tag", bounceable=True)
    page = await world.read()
    assert page.transfers == ()
    assert page.position.lt > 0, "the transaction itself was read"
    assert await world.node.balance(world.account) == 0


async def test_our_money_coming_back_is_no_deposit(world: World) -> None:
    await deploy(world)
    nobody = TonAddress(0, b"\x11" * 32)
    payout = await world.payout([Payment(nobody.friendly(bounceable=True), TON, "back soon")])
    before = (await world.read()).position
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    assert (await world.read(after=before)).transfers == ()
    assert await world.node.balance(nobody.raw) == 0


async def test_a_failed_transaction_that_kept_the_money_waits_for_a_person(world: World) -> None:
    await deploy(world)
    before = (await world.read()).position
    # Too little to run the contract and too little to be sent back.
    await world.pay_in(1, comment="tag", bounceable=True)
    (transfer,) = (await world.read(after=before)).transfers
    assert transfer.units == 1
    assert transfer.comment is None


@pytest.mark.parametrize(
    "body",
    [
        begin_cell().store_uint(0x2167DA4B, 32).store_bytes(b"7K3MPQ2X").end_cell(),
        begin_cell().store_uint(0xDEADBEEF, 32).store_uint(7, 64).end_cell(),
        begin_cell().store_uint(0, 32).store_bytes(b"\xff\xfe\x00").end_cell(),
        begin_cell().store_uint(0, 32).store_uint(1, 3).end_cell(),
        begin_cell().store_uint(0, 16).end_cell(),
        begin_cell().end_cell(),
    ],
    ids=["encrypted", "opcode", "not utf-8", "half bytes", "too short", "empty"],
)
async def test_what_is_not_text_has_no_comment(world: World, body: object) -> None:
    await world.pay_in(TON, body=body)
    (transfer,) = (await world.read()).transfers
    assert transfer.comment is None
    assert transfer.units == TON


async def test_two_deposits_in_one_block_are_two(world: World) -> None:
    to = world.wallet.address.friendly()
    await world.person.send(to, TON, comment="one")
    await world.node.faucet(world.account, 2 * TON, comment="two")
    page = await world.read()
    assert [(one.comment, one.units) for one in page.transfers] == [("one", TON), ("two", 2 * TON)]
    assert len({one.block for one in page.transfers}) == 1
    assert len({one.business_key for one in page.transfers}) == 2


async def test_pages_of_any_size_tell_the_same_story(world: World) -> None:
    for number in range(7):
        await world.node.faucet(world.account, TON + number, comment=f"n{number}")
    whole = await world.read(limit=100)
    assert [one.units for one in whole.transfers] == [TON + number for number in range(7)]
    assert not whole.more
    for limit in (1, 2, 3, 7):
        told, position, more = [], Position(), True
        while more:
            page = await world.read(limit=limit, after=position)
            told += page.transfers
            position, more = page.position, page.more
        assert tuple(told) == whole.transfers
        assert position == whole.position


async def test_a_page_with_a_hole_moves_nothing(world: World) -> None:
    await world.pay_in(TON)
    first = (await world.read()).position
    await world.pay_in(TON)
    await world.pay_in(TON)
    with pytest.raises(OutsideUnavailable):
        await world.read(after=Position(first.lt + 1, first.tx_hash))
    with pytest.raises(OutsideUnavailable):
        await world.read(after=Position(first.lt, "00" * 32))


async def test_an_index_that_lags_shows_nothing_early(world: World) -> None:
    await world.node.mine(3)
    await world.node.fault(lag=2)
    await world.pay_in(TON, comment="late")
    assert (await world.read()).transfers == ()
    await world.node.mine(2)
    assert [one.comment for one in (await world.read()).transfers] == ["late"]


async def test_blocks_after_the_given_head_are_left_for_later(world: World) -> None:
    head = await world.chain.head()
    await world.pay_in(TON)
    page = await world.chain.page(world.account, after=Position(), head=head, limit=10)
    assert page.transfers == ()
    assert page.position == Position()


@pytest.mark.parametrize("fault", ["http429", "http500"])
async def test_a_node_in_trouble_is_an_error_not_an_empty_answer(world: World, fault: str) -> None:
    await world.pay_in(TON)
    await world.node.fault(**{fault: 1})
    with pytest.raises(OutsideUnavailable):
        await world.read()
    assert len((await world.read()).transfers) == 1


async def test_money_sent_back_pays_its_own_way(world: World) -> None:
    await world.pay_in(2 * TON)
    await world.pay_in(3 * TON, bounceable=True)
    await world.pay_in(4 * TON)
    page = await world.read()
    came = sum(one.units for one in page.transfers)
    assert came == 6 * TON
    assert await world.node.balance(world.account) == came - sum(fee.units for fee in page.fees)


async def test_fees_and_amounts_explain_the_balance_to_the_unit(world: World) -> None:
    await deploy(world)
    for number in range(3):
        await world.pay_in(TON, comment=f"{number}")
    await world.pay_in(1, comment="too little to come back", bounceable=True)
    nobody = TonAddress(0, b"\x22" * 32)
    payout = await world.payout(
        [
            Payment(world.person.address.friendly(), TON // 2, "a memo " * 30),
            Payment(nobody.friendly(bounceable=True), TON, "comes back"),
        ]
    )
    await world.chain.broadcast(payout.signed)
    await world.node.mine()
    page = await world.read()
    came = sum(one.units for one in page.transfers)
    fees = sum(fee.units for fee in page.fees)
    returned = 0
    for record in (await world.rpc.index("transactions", account=world.account, limit=100))[
        "transactions"
    ]:
        if record["in_msg"]["bounced"]:
            returned += int(record["in_msg"]["value"])
    paid = 1 + TON // 2 + TON
    assert returned > 0
    assert await world.node.balance(world.account) == came + returned - paid - fees
