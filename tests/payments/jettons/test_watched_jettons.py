"""USDT on TON in the running watcher: what is credited, what is kept for staff, what is nothing."""

from collections.abc import AsyncIterator

import pytest
from ton_core import Cell, JettonInternalTransferBody, begin_cell

from casino.cashier.rails import TON as TON_RAIL
from casino.cashier.rails import USDT_TON, get_rail
from casino.db import Database
from casino.errors import Paused
from casino.money import Asset
from payments.addresses import parse_ton
from payments.chains.ton_cells import comment_cell, library_address
from sandbox.ton.jetton import LocalJetton
from sandbox.ton.wallet import PersonWallet
from tests.payments.conftest import TON
from tests.payments.jettons.conftest import DOLLAR, JettonWorld
from tests.payments.jettons.house import JettonHouse

pytestmark = pytest.mark.chain


@pytest.fixture
async def watched(jettons: JettonWorld, db: Database) -> AsyncIterator[JettonHouse]:
    """A house by tags, with coins in its hot wallet."""
    await jettons.world.node.faucet(jettons.owner, 5 * TON)
    house = JettonHouse(jettons, db)
    await house.open()
    yield house
    await house.rpc.close()


def notification(units: int, sender: object, tag: str) -> Cell:
    """What a jetton wallet tells its owner; anybody can write it."""
    return (
        begin_cell()
        .store_uint(0x7362D09C, 32)
        .store_uint(0, 64)
        .store_coins(units)
        .store_address(library_address(sender))  # type: ignore[arg-type]
        .store_maybe_ref(comment_cell(tag))
        .end_cell()
    )


async def test_a_rail_without_a_token_is_closed(jettons: JettonWorld, db: Database) -> None:
    house = JettonHouse(jettons, db)
    player = await house.player()
    async with db.transaction() as session:
        rail = await get_rail(session, USDT_TON)
    assert not rail.is_known
    with pytest.raises(Paused):
        await house.told(player)
    await house.open()
    told = await house.told(player)
    assert told.token == jettons.jetton.master.friendly(bounceable=True)
    assert told.uri == (
        f"ton://transfer/{jettons.world.wallet.address.friendly()}"
        f"?jetton={told.token}&text={told.tag}"
    )
    await house.rpc.close()


@pytest.mark.parametrize("forward_units", [1, 0], ids=["notified", "silent"])
async def test_a_deposit_is_credited_once(watched: JettonHouse, forward_units: int) -> None:
    player = await watched.player()
    tag = await watched.tag(player)
    await watched.jettons.arrive(25 * DOLLAR, comment=tag, forward_units=forward_units)
    await watched.step()
    assert await watched.cash(player) == 25 * DOLLAR
    assert await watched.cash(player, Asset.TON) == 0
    for _ in range(2):
        watched.restart()
        await watched.step()
    assert await watched.cash(player) == 25 * DOLLAR
    await watched.require_balanced()


async def test_one_tag_is_for_coins_and_jettons(watched: JettonHouse) -> None:
    player = await watched.player()
    tag = await watched.tag(player, TON_RAIL)
    assert await watched.tag(player, USDT_TON) == tag
    await watched.jettons.arrive(3 * DOLLAR, comment=tag)
    await watched.jettons.world.pay_in(2 * TON, comment=tag)
    await watched.step()
    assert await watched.cash(player) == 3 * DOLLAR
    assert await watched.cash(player, Asset.TON) == 2 * TON
    await watched.require_balanced()


async def test_what_is_forged_credits_nothing(watched: JettonHouse) -> None:
    jettons, world = watched.jettons, watched.jettons.world
    player = await watched.player()
    tag = await watched.tag(player)
    # A notification from anybody, with a coin too few to be asked for.
    await world.pay_in(1_000_000, body=notification(10**9, world.person.address, tag))
    # A jetton that only looks the same.
    forger = PersonWallet(world.rpc, f"forger of {jettons.jetton.issuer.seed}")
    await world.node.faucet(forger.address.raw, 100 * TON)
    false = LocalJetton(world.rpc, forger, jettons.jetton.kind, jettons.jetton.name)
    await false.deploy()
    await world.node.mine()
    await false.mint(forger.address.raw, 2**100)
    await world.node.mine()
    await false.pay(forger, jettons.owner, 2**90, comment=tag)
    await world.node.mine()
    await false.pay(forger, jettons.owner, 0, comment=tag)
    await world.node.mine()
    # A transfer that no jetton wallet sent.
    told = JettonInternalTransferBody(
        jetton_amount=10**9 * DOLLAR,
        forward_amount=1,
        from_address=library_address(world.person.address),
        response_address=library_address(world.person.address),
        forward_payload=comment_cell(tag),
    )
    to = parse_ton(jettons.wallet).friendly(bounceable=True)
    await world.person.send(to, TON // 5, body=told.serialize())
    await world.node.mine()
    # One that never gets under way, and one that comes back to its sender.
    await jettons.arrive(DOLLAR, comment=tag, attached_units=5_000_000)
    await watched.step()
    assert await watched.cash(player) == 0
    assert await watched.cash(player, Asset.TON) == 0
    assert await watched.unclaimed() == []
    looks_alike, forged = await watched.cases()
    assert (looks_alike.token, looks_alike.vouched) == (false.master.raw, True)
    assert (looks_alike.units, looks_alike.comment) == (2**90, tag)
    assert (looks_alike.account, looks_alike.sender) == (jettons.owner, forger.address.raw)
    assert (forged.token, forged.vouched) == (world.person.address.raw, False)
    assert {looks_alike.player_id, forged.player_id} == {player}
    assert (await watched.effects()).count("token_case.opened") == 2
    watched.restart()
    await watched.require_balanced()
    assert len(await watched.cases()) == 2


async def test_a_stranger_that_breaks_its_own_rules_stops_nobody(watched: JettonHouse) -> None:
    world = watched.jettons.world
    player = await watched.player()
    cut = begin_cell().store_uint(0x7362D09C, 32).store_uint(7, 20).end_cell()
    left_over = begin_cell().store_uint(0xD53276DB, 32).store_uint(1, 64).end_cell()
    for body in (cut, left_over):
        await world.pay_in(1000, body=body)
    await world.pay_in(TON, comment=await watched.tag(player, TON_RAIL))
    await watched.step()
    assert await watched.cash(player, Asset.TON) == TON
    assert (await watched.cases(), await watched.unclaimed()) == ([], [])
    await watched.require_balanced()


async def test_comments_that_name_nobody_are_kept_for_staff(watched: JettonHouse) -> None:
    player = await watched.player()
    tag = await watched.tag(player)
    wrong = tag[:-1] + ("0" if tag[-1] != "0" else "1")
    arrive = watched.jettons.arrive
    encrypted = begin_cell().store_uint(0x2167DA4B, 32).store_bytes(tag.encode()).end_cell()
    binary = begin_cell().store_uint(0xDEADBEEF, 32).store_uint(7, 64).end_cell()
    await arrive(1 * DOLLAR)
    await arrive(2 * DOLLAR, comment=wrong)
    await arrive(3 * DOLLAR, comment=f"for {tag}")
    await arrive(4 * DOLLAR, payload=encrypted)
    await arrive(5 * DOLLAR, payload=binary, forward_units=0)
    await watched.step()
    assert await watched.cash(player) == 0
    kept = {one.units // DOLLAR: one for one in await watched.unclaimed()}
    assert {units: (one.reason, one.comment) for units, one in kept.items()} == {
        1: ("no_comment", None),
        2: ("not_a_tag", wrong),
        3: ("not_a_tag", f"for {tag}"),
        4: ("no_comment", None),
        5: ("no_comment", None),
    }
    sender = watched.jettons.world.person.address.raw
    assert all((one.sender, one.rail) == (sender, USDT_TON) for one in kept.values())
    assert all(one.tx_hash for one in kept.values())
    assert (await watched.effects()).count("deposit.unclaimed") == 1 + 5, "and the first coins"
    await watched.require_balanced()


async def test_coins_that_come_back_lower_the_costs(watched: JettonHouse) -> None:
    """Each notification brings a coin; more of them than the page's fees are booked in reverse."""
    player = await watched.player()
    tag = await watched.tag(player)
    for _ in range(3):
        await watched.jettons.arrive(DOLLAR, comment=tag, forward_units=9_000_000)
    await watched.step()
    assert await watched.cash(player) == 3 * DOLLAR
    assert await watched.unclaimed() == []
    await watched.require_balanced()
