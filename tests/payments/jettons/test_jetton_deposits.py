"""What counts as a deposit of jettons, against the real virtual machine."""

import pytest
from ton_core import Cell, JettonInternalTransferBody, JettonTransferBody, begin_cell

from casino.errors import InvariantViolation, NotFound, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.base import Position
from payments.chains.ton_cells import comment_cell, library_address
from payments.chains.ton_jetton_wallets import JettonWallets
from sandbox.ton.jetton import LocalJetton
from sandbox.ton.wallet import PersonWallet
from tests.payments.conftest import TON
from tests.payments.jettons.conftest import DOLLAR, JettonWorld

pytestmark = pytest.mark.chain


async def test_a_deposit_is_read_as_it_was_sent(jettons: JettonWorld) -> None:
    await jettons.arrive(25 * DOLLAR, comment="7K3MPQ2X")
    page = await jettons.read()
    (transfer,) = page.transfers
    assert transfer.units == 25 * DOLLAR
    assert transfer.comment == "7K3MPQ2X"
    assert transfer.sender == jettons.world.person.address.raw
    assert transfer.account == jettons.wallet
    assert transfer.business_key == f"{jettons.wallet}:{page.position.lt}"
    assert transfer.block == (await jettons.chain.head()).block
    state = await jettons.chain.account(jettons.wallet)
    assert (state.units, state.lt, state.active) == (25 * DOLLAR, page.position.lt, True)


async def test_a_deposit_without_a_notification_is_seen(jettons: JettonWorld) -> None:
    await jettons.arrive(DOLLAR, comment="silent", forward_units=0)
    assert [(one.units, one.comment) for one in (await jettons.read()).transfers] == [
        (DOLLAR, "silent")
    ]
    assert (await jettons.read_coins()).position == Position(), "the owner was not told"


async def test_the_coin_of_a_notification_is_no_deposit_of_coins(jettons: JettonWorld) -> None:
    await jettons.world.node.faucet(jettons.owner, 3 * TON)
    await jettons.arrive(DOLLAR, comment="tag", forward_units=7)
    assert [one.units for one in (await jettons.read_coins()).transfers] == [3 * TON]
    await jettons.require_coins_explained()


async def test_many_coins_that_come_along_are_a_deposit_of_a_stranger(
    jettons: JettonWorld,
) -> None:
    await jettons.arrive(DOLLAR, comment="tag", forward_units=TON, attached_units=2 * TON)
    assert [(one.units, one.comment) for one in (await jettons.read_coins()).transfers] == [
        (TON, None)
    ]
    assert [one.comment for one in (await jettons.read()).transfers] == ["tag"]
    await jettons.require_coins_explained()


@pytest.mark.parametrize("units", [1, 10**15, 2**63 - 1, 2**100], ids=str)
async def test_amounts_arrive_to_the_unit(jettons: JettonWorld, units: int) -> None:
    await jettons.jetton.mint(jettons.world.person.address.raw, units)
    await jettons.world.node.mine()
    await jettons.arrive(units)
    assert [one.units for one in (await jettons.read()).transfers] == [units]
    assert (await jettons.chain.account(jettons.wallet)).units == units


async def test_nothing_is_no_deposit(jettons: JettonWorld) -> None:
    await jettons.arrive(0, comment="poison")
    page = await jettons.read()
    assert page.transfers == ()
    assert page.position.lt > 0, "it did arrive"


async def test_newly_minted_jettons_come_from_the_master(jettons: JettonWorld) -> None:
    await jettons.jetton.mint(jettons.owner, 5 * DOLLAR, comment="gift")
    await jettons.world.node.mine()
    (transfer,) = (await jettons.read()).transfers
    assert (transfer.units, transfer.comment) == (5 * DOLLAR, "gift")
    assert transfer.sender == jettons.jetton.master.raw


FORKED = (
    begin_cell()
    .store_uint(0, 32)
    .store_ref(begin_cell().store_uint(1, 8).end_cell())
    .store_ref(begin_cell().store_uint(2, 8).end_cell())
    .end_cell()
)


@pytest.mark.parametrize(
    "payload",
    [
        begin_cell().store_uint(0x2167DA4B, 32).store_bytes(b"7K3MPQ2X").end_cell(),
        begin_cell().store_uint(0xDEADBEEF, 32).store_uint(7, 64).end_cell(),
        begin_cell().store_uint(0, 32).store_bytes(b"\xff\xfe\x00").end_cell(),
        begin_cell().store_uint(0, 32).store_uint(1, 3).end_cell(),
        begin_cell().store_uint(0, 16).end_cell(),
        begin_cell().end_cell(),
        FORKED,
    ],
    ids=["encrypted", "opcode", "not utf-8", "half bytes", "too short", "empty", "forked"],
)
async def test_a_payload_that_is_not_text_has_no_comment(
    jettons: JettonWorld, payload: Cell
) -> None:
    await jettons.arrive(DOLLAR, payload=payload)
    assert [(one.units, one.comment) for one in (await jettons.read()).transfers] == [
        (DOLLAR, None)
    ]


async def test_a_comment_inside_the_body_is_read_too(jettons: JettonWorld) -> None:
    person = jettons.world.person
    with_reference = JettonTransferBody(
        destination=library_address(parse_ton(jettons.owner)),
        jetton_amount=DOLLAR,
        response_address=library_address(person.address),
    ).serialize()
    # The last bit says that a payload follows in place; the library knows references only.
    body = begin_cell().store_cell(with_reference).store_cell(comment_cell("inline")).end_cell()
    wallet = await jettons.jetton.wallet_of(person.address.raw)
    await person.send(wallet.friendly(bounceable=True), TON // 10, body=body)
    await jettons.world.node.mine()
    assert [one.comment for one in (await jettons.read()).transfers] == ["inline"]


async def test_a_look_alike_is_nothing_to_us(jettons: JettonWorld) -> None:
    world = jettons.world
    forger = PersonWallet(world.rpc, f"forger of {jettons.jetton.issuer.seed}")
    await world.node.faucet(forger.address.raw, 100 * TON)
    false = LocalJetton(world.rpc, forger, jettons.jetton.kind, jettons.jetton.name)
    await false.deploy()
    await world.node.mine()
    await false.mint(forger.address.raw, 10**12)
    await world.node.mine()
    await false.pay(forger, jettons.owner, 10**9, comment="7K3MPQ2X")
    await world.node.mine()
    assert await false.balance(jettons.owner) == 10**9, "we do have them"
    assert (await jettons.read()).transfers == ()
    assert all(one.comment is None for one in (await jettons.read_coins()).transfers)
    wallets = JettonWallets(world.rpc, masters=[jettons.jetton.master.raw])
    with pytest.raises(NotFound):
        await wallets.wallet_of(jettons.owner, master=false.master.raw)
    theirs = (await false.wallet_of(jettons.owner)).raw
    head = await jettons.chain.head()
    with pytest.raises(InvariantViolation):
        await jettons.chain.page(theirs, after=Position(), head=head, limit=10)
    with pytest.raises(InvariantViolation):
        await jettons.chain.account(theirs)


async def test_a_forged_notification_credits_nothing(jettons: JettonWorld) -> None:
    await jettons.arrive(DOLLAR)
    before = (await jettons.read()).position
    forged = (
        begin_cell()
        .store_uint(0x7362D09C, 32)
        .store_uint(0, 64)
        .store_coins(10**9 * DOLLAR)
        .store_address(library_address(jettons.world.person.address))
        .store_maybe_ref(comment_cell("7K3MPQ2X"))
        .end_cell()
    )
    await jettons.world.pay_in(TON, body=forged)
    assert (await jettons.read(after=before)).transfers == ()
    coins = [(one.units, one.comment) for one in (await jettons.read_coins()).transfers]
    assert coins == [(TON, None)], "only the coins are real"


@pytest.mark.parametrize("alive", [True, False], ids=["alive", "not there yet"])
async def test_a_forged_transfer_to_our_jetton_wallet_credits_nothing(
    jettons: JettonWorld, alive: bool
) -> None:
    if alive:
        await jettons.arrive(DOLLAR)
    before = (await jettons.read()).position
    person = jettons.world.person
    for source in (person.address, jettons.world.wallet.address, jettons.jetton.issuer.address):
        forged = JettonInternalTransferBody(
            jetton_amount=10**9 * DOLLAR,
            forward_amount=1,
            from_address=library_address(source),
            response_address=library_address(person.address),
            forward_payload=comment_cell("7K3MPQ2X"),
        )
        for bounceable in (True, False):
            to = parse_ton(jettons.wallet).friendly(bounceable=bounceable)
            await person.send(to, TON // 5, body=forged.serialize())
            await jettons.world.node.mine()
    page = await jettons.read(after=before)
    assert page.transfers == ()
    assert page.position.lt > before.lt, "all of it was read"
    state = await jettons.chain.account(jettons.wallet)
    assert (state.units, state.active) == ((DOLLAR, True) if alive else (0, False))


async def test_a_deposit_that_could_not_start_is_none(jettons: JettonWorld) -> None:
    await jettons.arrive(DOLLAR)
    before = (await jettons.read()).position
    # Too little for the way: the sender's own jetton wallet refuses.
    await jettons.arrive(DOLLAR, attached_units=5_000_000)
    assert (await jettons.read(after=before)).position == before
    assert (await jettons.chain.account(jettons.wallet)).units == DOLLAR


async def test_two_deposits_in_one_block_are_two(jettons: JettonWorld) -> None:
    world = jettons.world
    other = PersonWallet(world.rpc, f"other of {world.person.seed}")
    await world.node.faucet(other.address.raw, TON)
    await jettons.jetton.pay(world.person, other.address.raw, 9 * DOLLAR)
    await world.node.mine()
    await jettons.jetton.pay(world.person, jettons.owner, DOLLAR, comment="one")
    await jettons.jetton.pay(other, jettons.owner, 2 * DOLLAR, comment="two")
    await world.node.mine()
    told = (await jettons.read()).transfers
    assert sorted((one.comment, one.units) for one in told) == [
        ("one", DOLLAR),
        ("two", 2 * DOLLAR),
    ]
    assert len({one.block for one in told}) == 1
    assert len({one.business_key for one in told}) == 2


async def test_pages_of_any_size_tell_the_same_story(jettons: JettonWorld) -> None:
    wallet = parse_ton(jettons.wallet).friendly()
    for number in range(5):
        await jettons.arrive(DOLLAR + number, comment=f"n{number}")
        await jettons.world.person.send(wallet, 10_000_000)  # something else in between
        await jettons.world.node.mine()
    whole = await jettons.read()
    assert [one.units for one in whole.transfers] == [DOLLAR + number for number in range(5)]
    for limit in (1, 2, 3, 10):
        told, position, more = [], Position(), True
        while more:
            page = await jettons.read(limit=limit, after=position)
            told += page.transfers
            position, more = page.position, page.more
        assert tuple(told) == whole.transfers
        assert position == whole.position


async def test_a_page_with_a_hole_moves_nothing(jettons: JettonWorld) -> None:
    await jettons.arrive(DOLLAR)
    first = (await jettons.read()).position
    await jettons.arrive(DOLLAR)
    with pytest.raises(OutsideUnavailable):
        await jettons.read(after=Position(first.lt, "00" * 32))


async def test_an_index_that_lags_shows_nothing_early(jettons: JettonWorld) -> None:
    await jettons.world.node.mine(3)
    await jettons.world.node.fault(lag=2)
    await jettons.arrive(DOLLAR, comment="late")
    assert (await jettons.read()).transfers == ()
    await jettons.world.node.mine(2)
    assert [one.comment for one in (await jettons.read()).transfers] == ["late"]


@pytest.mark.parametrize("fault", ["http429", "http500"])
async def test_a_node_in_trouble_is_an_error_not_an_empty_answer(
    jettons: JettonWorld, fault: str
) -> None:
    await jettons.arrive(DOLLAR)
    wallets = JettonWallets(jettons.world.rpc, masters=[jettons.jetton.master.raw])
    for call in (
        jettons.read,
        lambda: jettons.chain.account(jettons.wallet),
        lambda: wallets.wallet_of(jettons.owner, master=jettons.jetton.master.raw),
    ):
        await jettons.world.node.fault(**{fault: 1})
        with pytest.raises(OutsideUnavailable):
            await call()
    assert len((await jettons.read()).transfers) == 1


@pytest.mark.parametrize("last", [None, {}, {"lt": "7"}], ids=["nothing", "empty", "another"])
async def test_a_balance_is_of_the_state_that_it_is_told_for(
    jettons: JettonWorld, monkeypatch: pytest.MonkeyPatch, last: object
) -> None:
    await jettons.arrive(DOLLAR)
    run = jettons.world.rpc.run

    async def forgetful(*asked: str) -> object:
        return {**await run(*asked), "last_transaction_id": last}

    monkeypatch.setattr(jettons.world.rpc, "run", forgetful)
    if last == {"lt": "7"}:
        with pytest.raises(OutsideUnavailable):
            await jettons.chain.account(jettons.wallet)
    else:
        assert (await jettons.chain.account(jettons.wallet)).units == DOLLAR


@pytest.mark.parametrize(
    "stack",
    [
        [],
        [["num", "0x1"]],
        [["cell", {"bytes": "x"}]],
        [["cell", {"bytes": "te6cckEBAQEAAgAAAEysuc0="}]],
    ],
    ids=["none", "number", "no cell", "empty cell"],
)
async def test_an_answer_that_is_no_address_is_no_answer(
    jettons: JettonWorld, monkeypatch: pytest.MonkeyPatch, stack: object
) -> None:
    async def odd(*_asked: str) -> object:
        return {"exit_code": 0, "stack": stack}

    monkeypatch.setattr(jettons.world.rpc, "run", odd)
    wallets = JettonWallets(jettons.world.rpc, masters=[jettons.jetton.master.raw])
    with pytest.raises(OutsideUnavailable):
        await wallets.of(jettons.owner)


async def test_a_master_that_does_not_exist_is_unknown(jettons: JettonWorld) -> None:
    nobody = "0:" + "99" * 32
    wallets = JettonWallets(jettons.world.rpc, masters=[nobody])
    with pytest.raises(OutsideUnavailable):
        await wallets.wallet_of(jettons.owner, master=nobody)
