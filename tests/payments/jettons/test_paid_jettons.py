"""Withdrawals of USDT on TON from request to the receiver's jetton wallet, through every fault."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import asyncpg
import pytest
from sqlalchemy import make_url

import payments.desks.jetton as desk_module
import payments.reading as reading_module
import payments.sender as sender_module
import payments.settler as settler_module
from casino.cashier import payouts
from casino.cashier.foreign_sends import SentPayment
from casino.cashier.rails import TON, USDT_TON
from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.clock import utc_now
from casino.db import Database
from casino.errors import OutsideUnavailable
from payments.addresses import TonAddress, parse_ton
from payments.chains.ton import TonChain
from payments.chains.ton_jetton_payout import build_jetton_payout as build
from payments.chains.ton_wallet import Payment
from payments.rpc import Toncenter
from payments.signer import jetton_pen
from payments.signer import service as service_module
from sandbox.ton.chain import LocalChain
from sandbox.ton.jetton import Kind
from sandbox.ton.wallet import PersonWallet
from tests.payments.conftest import TIMEOUT_SECONDS, World, hot_key
from tests.payments.conftest import TON as COIN
from tests.payments.jettons.conftest import DOLLAR, JettonWorld, make_jettons
from tests.payments.jettons.paying import FEE, PayingHouse

pytestmark = pytest.mark.chain

YEAR = 365 * 86400
DAY = timedelta(days=1)


@pytest.fixture
async def aging(db: Database) -> AsyncIterator[PayingHouse]:
    """The same on a node of its own, whose clock runs years ahead."""
    node = LocalChain(block_ms=None)
    node.start()
    rpc = Toncenter(url=node.url, api_key="", requests_per_second=1000)
    person = PersonWallet(rpc, "aging person")
    world = World(node, rpc, TonChain(rpc), hot_key(b"aging"), person)
    await node.faucet(person.address.raw, 1000 * COIN)
    jettons = await make_jettons(world, Kind.GOVERNED, "aging")
    await node.faucet(jettons.owner, 100 * COIN)
    house = PayingHouse(jettons, db)
    await house.open()
    yield house
    await house.rpc.close()
    await rpc.close()
    node.stop()


@pytest.fixture
async def jettons(world: World, request: pytest.FixtureRequest) -> JettonWorld:
    """The governed kind, as USDT is."""
    return await make_jettons(world, Kind.GOVERNED, request.node.name)


@pytest.fixture
async def house(jettons: JettonWorld, db: Database) -> AsyncIterator[PayingHouse]:
    """A hot wallet with a hundred coins of the house."""
    await jettons.world.node.faucet(jettons.owner, 100 * COIN)
    house = PayingHouse(jettons, db)
    await house.open()
    yield house
    await house.rpc.close()


def somebody(house: PayingHouse, number: int) -> TonAddress:
    return TonAddress(0, hashlib.sha256(f"{house.world.account} {number}".encode()).digest())


async def test_a_withdrawal_goes_the_whole_way(house: PayingHouse) -> None:
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 1)
    withdrawal = await house.withdraw(player, 40 * DOLLAR, to.friendly(), memo="for rent")
    await house.watch()
    await house.send()
    (payout,) = await house.under_way()
    assert payout.expires_at is not None
    assert (payout.expires_at - payout.created_at).total_seconds() == TIMEOUT_SECONDS
    await house.sign()
    await house.send()
    assert await house.status(withdrawal) is Status.BROADCAST
    await house.world.node.mine()
    await house.watch()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(to) == 39 * DOLLAR
    assert await house.cash(player) == 60 * DOLLAR
    assert "withdrawal.confirmed" in await house.effects("player")
    await house.require_balanced()
    assert await house.foreign() == []


async def test_both_rails_pay_from_one_wallet_at_once(house: PayingHouse) -> None:
    player = await house.rich(dollars=100 * DOLLAR, coins=20 * COIN)
    wanted = {
        await house.withdraw(player, 10 * DOLLAR, somebody(house, n).friendly()): n
        for n in range(10, 13)
    }
    coins = {
        await house.withdraw(player, 2 * COIN, somebody(house, n).friendly(), rail=TON): n
        for n in range(10, 13)
    }
    await house.turn()
    for one in (*wanted, *coins):
        assert await house.status(one) is Status.CONFIRMED
    for number in range(10, 13):
        to = somebody(house, number)
        assert await house.held_by(to) == 9 * DOLLAR
        # The one coin that tells him of the jettons came along.
        assert await house.world.node.balance(to.raw) == 2 * COIN - FEE[TON] + 1
    await house.require_balanced()


async def test_carriage_of_one_rail_is_not_the_others_to_spend(
    jettons: JettonWorld, db: Database
) -> None:
    """Two coins cannot pay a withdrawal of coins and carry thirty of jettons."""
    house = PayingHouse(jettons, db)
    await house.open()
    player = await house.rich(dollars=500 * DOLLAR, coins=2 * COIN)
    wanted = [
        await house.withdraw(player, 6 * DOLLAR, somebody(house, n).friendly())
        for n in range(20, 50)
    ]
    coins = await house.withdraw(player, COIN, somebody(house, 50).friendly(), rail=TON)
    await house.watch()
    await house.send()
    assert await house.status(coins) is Status.ASSIGNED
    (payout,) = await house.under_way()
    assert 0 < len(payout.members) < 16
    house.restart()
    for _ in range(3):
        await house.turn()
    assert await house.status(coins) is Status.CONFIRMED
    done = [one for one in wanted if await house.status(one) is Status.CONFIRMED]
    assert len(done) >= len(payout.members)
    assert {await house.status(one) for one in wanted} <= {Status.CONFIRMED, Status.APPROVED}
    await house.require_balanced()
    await house.rpc.close()


async def test_without_coins_for_carriage_payouts_wait_and_staff_hear_once(
    jettons: JettonWorld, db: Database
) -> None:
    house = PayingHouse(jettons, db)
    await house.open()
    player = await house.rich(dollars=50 * DOLLAR)
    withdrawal = await house.withdraw(player, 10 * DOLLAR, somebody(house, 60).friendly())
    for _ in range(3):
        await house.turn()
    assert await house.status(withdrawal) is Status.APPROVED
    assert (await house.effects()).count("alert.low_fuel") == 1
    await house.world.node.faucet(house.world.account, COIN)
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    await house.require_balanced()
    await house.rpc.close()


@pytest.mark.parametrize("fault", ["dropSend", "failAfterSend", "http500", "http429"])
async def test_a_node_that_lies_or_fails_pays_once(house: PayingHouse, fault: str) -> None:
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 70)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    await house.watch()
    await house.send()
    await house.sign()
    await house.world.node.fault(**{fault: 1})
    for _ in range(3):
        for sender in house.senders.values():
            with contextlib.suppress(OutsideUnavailable):
                await sender.step()
        await house.world.node.mine()
    house.restart()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(to) == 19 * DOLLAR
    await house.require_balanced()


@pytest.mark.parametrize("crash_after", ["claim", "sign", "mark", "send", "mine", "seen"])
async def test_a_crash_at_any_status_pays_once(house: PayingHouse, crash_after: str) -> None:
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 80)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    await house.watch()
    for step in ("claim", "sign", "mark", "send", "mine", "seen"):
        if step == "claim":
            await house.send()
        elif step == "sign":
            await house.sign()
        elif step == "mark":
            (payout,) = await house.under_way()
            async with house.database.transaction() as session:
                await payouts.mark_broadcast(session, payout_id=payout.id, now=utc_now())
        elif step == "send":
            (payout,) = await house.under_way()
            assert payout.signed is not None
            await house.jettons.chain.broadcast(payout.signed)
        elif step == "mine":
            await house.world.node.mine()
        else:
            (payout,) = await house.under_way()
            async with house.database.transaction() as session:
                await payouts.payout_seen(
                    session, payout_id=payout.id, tx_hash="ab" * 32, now=utc_now()
                )
        if step == crash_after:
            break
    house.restart()
    await house.turn()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(to) == 19 * DOLLAR
    await house.require_balanced()


async def test_bytes_that_ran_out_are_proven_dead_and_paid_anew_once(house: PayingHouse) -> None:
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 90)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    await house.watch()
    await house.send()
    await house.sign()
    await house.world.node.fault(dropSend=1)
    await house.send()
    await house.world.node.move_clock(TIMEOUT_SECONDS + 60)
    await house.world.node.mine()
    await house.watch()
    assert await house.status(withdrawal) is Status.DEAD
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(to) == 19 * DOLLAR
    await house.require_balanced()


async def test_a_member_too_dear_dies_alone_and_waits_for_an_explanation(
    house: PayingHouse,
) -> None:
    """Hazards 1 and 2: somebody with our key spends jettons behind our back; the carrier of what
    we had promised succeeds, and one payment in it does not leave."""
    player = await house.rich(dollars=200 * DOLLAR)
    small = await house.withdraw(player, 20 * DOLLAR, somebody(house, 100).friendly())
    large = await house.withdraw(player, 150 * DOLLAR, somebody(house, 101).friendly())
    await house.watch()
    await house.send()
    await house.sign()
    house.world.next_query = 5000
    await house.jettons.sent([Payment(somebody(house, 102).friendly(), 100 * DOLLAR, "")])
    await house.send()
    await house.world.node.mine()
    await house.watch()
    assert await house.status(small) is Status.CONFIRMED
    assert await house.status(large) is Status.DEAD
    (foreign,) = await house.foreign()
    to = somebody(house, 102).friendly()
    assert foreign.payments == (SentPayment(USDT_TON, to, 100 * DOLLAR),)
    assert (await house.effects()).count("alert.foreign_send") == 1
    await house.jettons.arrive(100 * DOLLAR)
    coins = await house.rich_in_coins(player)
    waiting = await house.withdraw(player, coins, somebody(house, 103).friendly(), rail=TON)
    await house.turn()
    assert await house.status(large) is Status.DEAD
    assert await house.status(waiting) is Status.APPROVED, "one wallet, both rails"
    await house.explain()
    await house.turn()
    assert await house.status(large) is Status.CONFIRMED
    assert await house.status(waiting) is Status.CONFIRMED
    assert await house.held_by(somebody(house, 101)) == 149 * DOLLAR
    assert await house.foreign() == []


async def age(house: PayingHouse, *accounts: str) -> None:
    """Let nobody pay the rent of accounts until they are closed for their debt."""
    for _ in range(3):
        await house.world.node.move_clock(9 * YEAR)
        await house.world.node.mine()
    for account in accounts:
        # Rent is taken when something moves, and one coin is not enough to pay it.
        await house.world.person.send(parse_ton(account).friendly(), 1)
        await house.world.node.mine()
        assert (await house.jettons.coins.account(account)).frozen


async def test_a_receiver_who_cannot_take_jettons_waits_for_staff(
    aging: PayingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard 17, cold: the receiver's jetton wallet is closed. His payment comes back to us and is
    not tried again by itself; the others in the batch are paid."""
    house = aging
    player = await house.rich(dollars=200 * DOLLAR)
    closed, free = somebody(house, 110), somebody(house, 111)
    await house.jettons.jetton.pay(house.world.person, closed.raw, DOLLAR)
    await house.world.node.mine()
    # Ours lives on.
    await house.world.person.send(parse_ton(house.jettons.wallet).friendly(), 10 * COIN)
    await house.world.node.mine()
    await age(house, (await house.jettons.jetton.wallet_of(closed.raw)).raw)
    house.approved_at = (await house.jettons.chain.head()).at
    now = house.approved_at + timedelta(seconds=1)
    monkeypatch.setattr(service_module, "utc_now", lambda: now)
    bad = await house.withdraw(player, 20 * DOLLAR, closed.friendly())
    good = await house.withdraw(player, 20 * DOLLAR, free.friendly())
    for _ in range(3):
        await house.turn()
    assert await house.status(good) is Status.CONFIRMED
    assert await house.status(bad) is Status.DEAD
    assert await house.held_by(free) == 19 * DOLLAR
    assert (await house.effects()).count("withdrawal.dead") == 1
    await house.require_balanced()


async def test_our_frozen_jetton_wallet_stops_claims_and_nothing_is_lost(
    aging: PayingHouse,
) -> None:
    """Hazard 17, hot."""
    house = aging
    player = await house.rich(dollars=100 * DOLLAR)
    await age(house, house.jettons.wallet)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, somebody(house, 130).friendly())
    for _ in range(2):
        await house.turn()
    assert await house.status(withdrawal) is Status.APPROVED
    assert (await house.effects()).count("alert.accounts_frozen") == 1
    assert await house.cash(player) == 80 * DOLLAR


async def test_two_hundred_members_are_judged_one_by_one(house: PayingHouse) -> None:
    player = await house.rich(dollars=4000 * DOLLAR)
    wanted = [
        await house.withdraw(player, 6 * DOLLAR, somebody(house, 1000 + n).friendly())
        for n in range(200)
    ]
    for _ in range(4):
        await house.turn()
    assert {await house.status(one) for one in wanted} == {Status.CONFIRMED}
    assert await house.held_by(somebody(house, 1199)) == 5 * DOLLAR
    await house.require_balanced()


async def test_under_gassed_payments_come_back_and_are_paid_in_the_next_payout(
    house: PayingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard 2: the carrier succeeds, every payment bounces; the coins it cost are booked."""
    monkeypatch.setattr(jetton_pen, "build_jetton_payout", partial(build, attached_units=10**7))
    player = await house.rich(dollars=100 * DOLLAR)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, somebody(house, 140).friendly())
    await house.turn()
    assert await house.status(withdrawal) is Status.DEAD
    await house.require_balanced()
    monkeypatch.undo()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(somebody(house, 140)) == 19 * DOLLAR
    await house.require_balanced()


async def test_lifetimes_are_the_chains_whatever_our_clock_says(
    house: PayingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard 12: our clock is three days behind, then three days ahead; nothing dies early, and
    nothing is dated in the chain's future."""
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 150)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    await house.watch()
    for days in (-3, 3):
        for module in (desk_module, settler_module, sender_module, reading_module):
            monkeypatch.setattr(module, "utc_now", lambda days=days: utc_now() + DAY * days)
        await house.send()
        await house.watch()
        assert await house.status(withdrawal) is Status.ASSIGNED
        (payout,) = await house.under_way()
        head = await house.jettons.chain.head()
        assert payout.created_at < head.at
        assert payout.expires_at is not None
        assert payout.expires_at > head.at
    await house.sign()
    await house.send()
    await house.world.node.mine()
    await house.watch()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(to) == 19 * DOLLAR


@asynccontextmanager
async def older_copy(house: PayingHouse) -> AsyncIterator[Database]:
    """The database as it is now, beside the one that goes on."""
    await house.database.close()
    url = make_url(house.database.url)
    name = f"{url.database}_older"
    administrator = await asyncpg.connect(
        house.database.dsn.replace(f"/{url.database}", "/postgres", 1)
    )
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {url.database}")
    older = Database(url.set(database=name).render_as_string(hide_password=False))
    try:
        yield older
    finally:
        await older.close()
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await administrator.close()


@pytest.mark.parametrize("seconds", [0, 3 * TIMEOUT_SECONDS], ids=["at once", "much later"])
async def test_a_restored_backup_pays_nothing_again(house: PayingHouse, seconds: int) -> None:
    """Hazard 18: the copy knows nothing of a payout that has happened since. With its replay key
    long forgotten by the wallet, only looking first keeps it from being made again."""
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 160)
    paid = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    async with older_copy(house) as older:
        await house.turn()
        assert await house.status(paid) is Status.CONFIRMED
        assert await house.held_by(to) == 19 * DOLLAR
        await house.world.node.move_clock(seconds)
        await house.world.node.mine()
        restored = PayingHouse(house.jettons, older)
        for _ in range(2):
            await restored.send()
            await restored.sign()
        assert await restored.status(paid) is Status.APPROVED, "the sender waits to be told"
        assert await restored.under_way() == []
        for _ in range(2):
            await restored.turn()
        assert await restored.status(paid) is Status.IN_REVIEW
        assert (await restored.effects()).count("alert.foreign_send") == 1
        (foreign,) = await restored.foreign()
        assert foreign.payments == (SentPayment(USDT_TON, to.friendly(), 19 * DOLLAR),)
        fresh = await restored.withdraw(player, 10 * DOLLAR, somebody(house, 161).friendly())
        await restored.turn()
        assert await restored.status(fresh) is Status.APPROVED
        await restored.explain("restored the backup of noon")
        for _ in range(2):
            await restored.turn()
        assert await restored.status(fresh) is Status.CONFIRMED
        assert await restored.held_by(somebody(house, 161)) == 9 * DOLLAR
        assert await restored.status(paid) is Status.IN_REVIEW
        assert await restored.held_by(to) == 19 * DOLLAR, "paid once"
        await restored.rpc.close()


async def test_a_watcher_that_has_not_looked_lately_stops_claims(house: PayingHouse) -> None:
    player = await house.rich(dollars=100 * DOLLAR)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, somebody(house, 170).friendly())
    await house.jettons.arrive(DOLLAR)  # nobody has read it yet
    house.restart()
    await house.send()
    assert await house.status(withdrawal) is Status.APPROVED
    await house.watch()
    await house.jettons.arrive(DOLLAR)  # nor this; but what was there before is read
    await house.send()
    assert await house.status(withdrawal) is Status.ASSIGNED


async def test_the_signer_alone_knows_where_our_jettons_are(house: PayingHouse) -> None:
    """A wrong setting costs nothing: such bytes are never sent, and their death is proven."""
    pen = house.signers[USDT_TON].pen
    pen.jetton_wallets[house.world.account] = somebody(house, 120)  # type: ignore[attr-defined]
    player = await house.rich(dollars=100 * DOLLAR)
    to = somebody(house, 121)
    withdrawal = await house.withdraw(player, 20 * DOLLAR, to.friendly())
    before = await house.world.node.balance(house.world.account)
    await house.turn()
    assert await house.status(withdrawal) is Status.SIGNED
    assert await house.world.node.balance(house.world.account) == before
    assert "alert.signing_refused" in await house.effects()
    house.restart()
    await house.world.node.move_clock(TIMEOUT_SECONDS + 60)
    await house.world.node.mine()
    await house.watch()
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED
    assert await house.held_by(to) == 19 * DOLLAR
