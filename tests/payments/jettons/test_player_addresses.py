"""An address of each player's own on TON: coins and jettons, few questions, nothing lost."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from ton_core import NetworkGlobalID, PrivateKey, WalletV4Config
from tonutils.clients import ToncenterClient
from tonutils.contracts import WalletV4R2

from casino.cashier import address_pool, rails, treasury
from casino.cashier.rails import TON as TON_RAIL
from casino.cashier.rails import USDT_TON, DepositsBy
from casino.clock import utc_now
from casino.db import Database
from casino.errors import IdempotencyConflict, Paused
from casino.money import Asset
from payments.addresses import is_bounceable, parse_ton
from payments.builds_ton import TonAddresses
from payments.chains.ton_cells import CellError
from payments.chains.ton_deposit_wallets import (
    NUMBERS,
    DepositWallet,
    read_public_key,
)
from payments.config import TonSettings
from payments.registry import chain_entry
from sandbox.ton.jetton import Kind
from tests.payments.conftest import TON, World
from tests.payments.jettons.conftest import DOLLAR, JettonWorld, make_jettons
from tests.payments.jettons.house import JettonHouse

pytestmark = pytest.mark.chain

PATIENCE_SECONDS = 240
YEAR = 365 * 86400


@pytest.fixture
async def jettons(world: World, request: pytest.FixtureRequest) -> JettonWorld:
    """The governed kind, whose wallets nobody can work out without its master."""
    return await make_jettons(world, Kind.GOVERNED, request.node.name)


@pytest.fixture
async def house(jettons: JettonWorld, db: Database) -> AsyncIterator[JettonHouse]:
    await jettons.world.node.faucet(jettons.owner, 5 * TON)
    house = JettonHouse(jettons, db, DepositsBy.ADDRESS)
    await house.open()
    yield house
    await house.rpc.close()


async def test_coins_and_jettons_find_their_player(house: JettonHouse) -> None:
    world, jettons = house.jettons.world, house.jettons
    ann, bob = await house.player(), await house.player()
    to = {player: (await house.told(player)).address for player in (ann, bob)}
    assert to[ann] == (await house.told(ann, TON_RAIL)).address
    assert to[ann] != to[bob]
    assert not is_bounceable(to[ann])
    assert (await house.told(ann, TON_RAIL)).tag is None
    token = jettons.jetton.master.friendly(bounceable=True)
    assert (await house.told(ann)).uri == f"ton://transfer/{to[ann]}?jetton={token}"
    assert (await house.told(ann, TON_RAIL)).uri == f"ton://transfer/{to[ann]}"
    await world.person.send(to[ann], 2 * TON, comment="whatever")
    await world.node.mine()
    await jettons.jetton.pay(world.person, to[bob], 7 * DOLLAR, forward_units=0)
    await world.node.mine()
    await jettons.jetton.pay(world.person, to[bob], 5 * DOLLAR, comment="hello")
    await world.node.mine()
    await house.step()
    assert (await house.cash(ann, Asset.TON), await house.cash(ann)) == (2 * TON, 0)
    assert (await house.cash(bob, Asset.TON), await house.cash(bob)) == (0, 12 * DOLLAR)
    house.restart()
    await house.require_balanced()
    assert await house.cash(bob) == 12 * DOLLAR


async def test_what_bounces_is_no_deposit(house: JettonHouse) -> None:
    world = house.jettons.world
    player = await house.player()
    to = parse_ton((await house.told(player, TON_RAIL)).address)
    await world.person.send(to.friendly(bounceable=True), TON)
    await world.node.mine()
    assert await world.node.balance(to.raw) == 0
    await house.step()
    assert await house.cash(player, Asset.TON) == 0
    assert await house.unclaimed() == []
    await world.person.send(to.friendly(), TON)
    await world.node.mine()
    await house.step()
    assert await house.cash(player, Asset.TON) == TON
    await house.require_balanced()


async def test_a_tag_that_was_shown_goes_on_working(house: JettonHouse) -> None:
    house.restart(DepositsBy.TAG)
    await house.step()
    player = await house.player()
    tag = await house.tag(player)
    house.restart(DepositsBy.ADDRESS)
    await house.step()
    own = (await house.told(player)).address
    await house.jettons.arrive(DOLLAR, comment=tag)
    house.restart(DepositsBy.TAG)
    await house.step()
    assert await house.tag(player) == tag
    await house.jettons.jetton.pay(house.jettons.world.person, own, 2 * DOLLAR)
    await house.jettons.world.node.mine()
    await house.step()
    assert await house.cash(player) == 3 * DOLLAR
    await house.require_balanced()


async def test_addresses_that_nothing_happens_to_cost_one_question_together(
    house: JettonHouse,
) -> None:
    players = [await house.player() for _ in range(3)]
    for player in players:
        await house.told(player)
    await house.step()
    house.rpc.asked.clear()
    await house.step()
    assert house.rpc.asked.count("accountStates") == 2, "coins and jettons"
    assert "get_wallet_address" not in house.rpc.asked
    # The hot wallet is always looked at; of the others only the one that moved.
    quiet = house.rpc.asked.count("transactions")
    assert quiet == 2
    person = house.jettons.world.person
    await house.jettons.jetton.pay(person, (await house.told(players[1])).address, DOLLAR)
    await house.jettons.world.node.mine()
    house.rpc.asked.clear()
    await house.step()
    assert await house.cash(players[1]) == DOLLAR
    assert house.rpc.asked.count("transactions") == quiet + 2, "its owner was notified too"
    house.restart()
    house.rpc.asked.clear()
    await house.step()
    # Of the hot wallet alone: where players' jettons are was kept.
    assert house.rpc.asked.count("get_wallet_address") == 2


async def test_an_index_that_knows_no_jettons_hides_no_deposit(
    house: JettonHouse, monkeypatch: pytest.MonkeyPatch, db: Database
) -> None:
    player = await house.player()
    to = (await house.told(player)).address
    index = house.rpc.index

    async def forgetful(name: str, **query: object) -> object:
        answer = await index(name, **query)  # type: ignore[arg-type]
        return {"jetton_wallets": []} if name == "jetton/wallets" else answer

    monkeypatch.setattr(house.rpc, "index", forgetful)
    await house.jettons.jetton.pay(house.jettons.world.person, to, 3 * DOLLAR)
    await house.jettons.world.node.mine()
    await house.step()
    assert await house.cash(player) == 3 * DOLLAR
    async with db.transaction() as session:
        view = await treasury.hot_wallet_view(session, rail=USDT_TON)
    assert view.drift_units == 0, "from before: what cannot be counted is not compared"
    monkeypatch.undo()
    await house.require_balanced()


async def test_addresses_are_kept_ahead_and_of_one_key(house: JettonHouse, db: Database) -> None:
    for _ in range(9):
        await house.told(await house.player())
        await house.step()
    async with db.transaction() as session:
        stock = await address_pool.stock(session, rail=TON_RAIL)
        assert (await address_pool.stock(session, rail=USDT_TON)).made == 0, "one pool for both"
    assert stock.made - stock.free == 9
    other = TonAddresses(bytes(SigningKey(bytes(32)).verify_key))
    house.restart()
    assert house.coins.offer is not None
    object.__setattr__(house.coins.offer, "addresses", other)
    with pytest.raises(IdempotencyConflict):
        await house.step()


async def test_strange_jettons_at_a_players_address_name_him(house: JettonHouse) -> None:
    world = house.jettons.world
    player = await house.player()
    to = (await house.told(player)).address
    false = await make_jettons(world, Kind.STANDARD, f"{house.jettons.owner} strange")
    await false.jetton.pay(world.person, to, 5, comment="gift")
    await world.node.mine()
    await house.step()
    (case,) = await house.cases()
    assert (case.player_id, case.units, case.vouched) == (player, 5, True)
    assert (case.token, case.account) == (false.jetton.master.raw, parse_ton(to).raw)
    assert await house.cash(player, Asset.TON) == 0
    await house.require_balanced()


async def test_a_frozen_jetton_wallet_is_told_once_and_stops_nothing(
    house: JettonHouse, db: Database
) -> None:
    world, jettons = house.jettons.world, house.jettons
    player = await house.player()
    own = (await house.told(player)).address
    await jettons.arrive(DOLLAR)
    await jettons.jetton.pay(world.person, own, DOLLAR)
    await world.node.mine()
    await house.step()
    frozen = [jettons.wallet, await house.account(own)]
    for _ in range(3):
        await world.node.move_clock(9 * YEAR)
        await world.node.mine()
    for account in frozen:
        await world.person.send(parse_ton(account).friendly(), 1)
        await world.node.mine()
        assert (await jettons.coins.account(account)).frozen
    for _ in range(2):
        await house.step()
        house.restart()
    told = [kind for kind in await house.effects() if kind.startswith("alert.accounts")]
    assert told == ["alert.accounts_frozen"]
    # What comes now is turned away by the chain; coins go on.
    await jettons.jetton.pay(world.person, own, DOLLAR)
    await world.node.mine()
    await world.person.send(own, 2 * TON)
    await world.node.mine()
    await house.step()
    assert await house.cash(player) == DOLLAR
    assert await house.cash(player, Asset.TON) == 2 * TON
    async with db.transaction() as session:
        view = await treasury.hot_wallet_view(session, rail=USDT_TON)
    assert view.drift_units == 0, "as of the last time that it could be counted"


def test_a_deposit_address_is_an_ordinary_wallet_of_its_key(world: World) -> None:
    """Another program makes the same wallet of the same key and number."""
    seed = bytes(range(32))
    key = bytes(SigningKey(seed).verify_key)
    client = ToncenterClient(NetworkGlobalID.TESTNET, base_url=f"{world.node.url}/api/v2")
    for number in (0, 1, 77, NUMBERS - 1):
        ours = DepositWallet(key, number)
        config = WalletV4Config(subwallet_id=ours.subwallet_id)
        theirs = WalletV4R2.from_private_key(client, PrivateKey(seed), config=config)
        assert theirs.address.hash_part == ours.address.account
    addresses = {DepositWallet(key, number).address.raw for number in range(50)}
    assert len(addresses) == 50
    for bad in (-1, NUMBERS):
        with pytest.raises(CellError):
            DepositWallet(key, bad).state_init()
    for text in ("", "zz" * 32, "ab" * 31):
        with pytest.raises(CellError):
            read_public_key(text)


def test_settings_decide_what_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TonSettings.model_fields:
        monkeypatch.delenv(f"TON_{name}".upper(), raising=False)
    monkeypatch.setenv("TON_JETTON_MASTER", "0:" + "11" * 32)
    by_tag = TonSettings()
    assert chain_entry(TON_RAIL).offer(by_tag).addresses is None
    jetton = chain_entry(USDT_TON).offer(by_tag)
    assert (jetton.network_id, jetton.deposits_by) == ("testnet", DepositsBy.TAG)
    monkeypatch.setenv("TON_DEPOSITS_BY", "address")
    with pytest.raises(ValueError, match="TON_DEPOSIT_PUBLIC_KEY"):
        TonSettings()
    monkeypatch.setenv("TON_DEPOSIT_PUBLIC_KEY", "ab" * 32)
    by_address = TonSettings()
    offer = chain_entry(TON_RAIL).offer(by_address)
    assert (offer.deposits_by, offer.network_id) == (DepositsBy.ADDRESS, "testnet")
    assert offer.addresses is not None
    assert chain_entry(USDT_TON).offer(by_address).addresses is None, "the pool is filled once"


@pytest.mark.faults
async def test_the_process_credits_once_although_it_is_killed(
    jettons: JettonWorld, db: Database
) -> None:
    world = jettons.world
    house = JettonHouse(jettons, db)
    address = world.wallet.address.friendly()
    async with db.transaction() as session:
        for rail in (TON_RAIL, USDT_TON):
            await rails.set_hot_wallet(session, rail=rail, address=address, now=utc_now())
    environment = {
        **os.environ,
        "DATABASE_URL": db.url,
        "TON_TONCENTER_URL": world.node.url,
        "TON_REQUESTS_PER_SECOND": "1000",
        "TON_POLL_SECONDS": "1",
        "TON_JETTON_MASTER": jettons.jetton.master.friendly(),
        "TON_DEPOSITS_BY": "address",
        "TON_DEPOSIT_PUBLIC_KEY": bytes(world.key.verify_key).hex(),
        "TON_POOL_AHEAD": "4",
    }

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "payments", "watcher"],
            env=environment,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[3],
        )

    process = start()
    player, to = await house.player(), ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not to:
                with contextlib.suppress(Paused):
                    to = (await house.told(player)).address
                await asyncio.sleep(0.1)
            for _ in range(3):
                await jettons.jetton.pay(world.person, to, 10 * DOLLAR)
                await world.node.mine()
                process.send_signal(signal.SIGKILL)
                process.wait(PATIENCE_SECONDS)
                process = start()
            while await house.cash(player) < 30 * DOLLAR:
                await asyncio.sleep(0.1)
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
    house.restart(DepositsBy.ADDRESS)
    await house.require_balanced()
    assert await house.cash(player) == 30 * DOLLAR
    await house.rpc.close()
