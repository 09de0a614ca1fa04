"""The chains of a world with their people: coins of every kind, sent, shown and kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from sandbox.casino_processes import CasinoProcesses
from sandbox.chains import NAMES, QUICK_PACE, LocalChains, Pace, make_blocks
from sandbox.explorer import Explorer
from sandbox.first_coins import (
    PERSON_BTC,
    PERSON_ETH,
    PERSON_TON,
    PERSON_USDT,
    Tokens,
    deploy_tokens,
    fund_people,
    give_bitcoins,
)
from sandbox.home import Home
from sandbox.processes import free_port
from sandbox.purse import Purse
from sandbox.telegram.errors import ActError
from sandbox.world_bar import WorldBar

pytestmark = pytest.mark.chain

RAILS = ("ton", "usdt_ton", "usdt_eth", "btc")
ANN, BORIS = 1001, 1002
HOT = "0x" + "ab" * 20
TON_ADDRESS = "UQCP76cZJgwX8ottgn8jKPUiC9zOve3eY3SS9L4HIS-u5q8C"
ON = {
    "ton": "UQBO_bw-IyKysQgdAmDgTbeqHpl19cgqB5eBv_zt85lk7EHF",
    "ethereum": "0x273E54Bda70fc6244cB4267d8f4fc38953aF85e5",
    "bitcoin": "bcrt1qqxefkuhgdlwrtj4rcknkq2tr57vvr2cpqwgvkj",
}


class EndOfTest(Exception):
    """Ends a loop that has no end."""


def chains_of(home: Home) -> LocalChains:
    home.open()
    ports = {name: free_port() for name in NAMES}
    slow = replace(QUICK_PACE, ton_ms=600_000)  # blocks come when a test makes them
    return LocalChains.of(home, **ports, pace=slow)


class World:
    """Three chains, two people, no casino."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.chains = chains_of(home)

    async def open(self) -> None:
        await asyncio.to_thread(self.chains.start)
        self.tokens: Tokens = await deploy_tokens(self.chains, evm_hot=HOT)
        self.purses = {
            one: Purse.of(one, self.chains, usdt=self.tokens.usdt, jetton=self.tokens.jetton)
            for one in (ANN, BORIS)
        }
        await fund_people(self.chains, self.tokens, self.purses.values())
        processes = CasinoProcesses(self.home, {})
        self.bar = WorldBar(chains=self.chains, purses=self.purses, processes=processes)

    async def close(self) -> None:
        await self.chains.close()
        await asyncio.to_thread(self.chains.stop)
        self.home.close()

    async def send(self, rail: str, to: str, units: int) -> None:
        """Ann pays, and the next block has it."""
        sending = asyncio.create_task(
            self.bar.send(person_id=ANN, rail=rail, to=to, comment="", units=units)
        )
        while not sending.done():
            await self.chains.mine("ton")
            await asyncio.sleep(0.05)
        await sending
        for name in NAMES:
            await self.chains.mine(name)

    async def holds(self, person: int) -> dict[str, int]:
        return {rail: await self.purses[person].on(rail).balance() for rail in RAILS}


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    world = World(Home(tmp_path_factory.mktemp("world")))
    await world.open()
    yield world
    await world.close()


async def test_everybody_has_coins_of_every_kind_and_gets_them_once(world: World) -> None:
    first = {"usdt_ton": PERSON_USDT, "usdt_eth": PERSON_USDT, "btc": sum(PERSON_BTC)}
    held = await world.holds(BORIS)
    assert {rail: held[rail] for rail in first} == first
    assert abs(held["ton"] - PERSON_TON) < 1_000
    boris = world.purses[BORIS]
    fuel = await boris.on("usdt_eth").fuel()
    assert fuel is not None
    assert (fuel.name, fuel.units) == ("ETH", PERSON_ETH)
    await fund_people(world.chains, world.tokens, [boris])
    assert await world.holds(BORIS) == held


async def test_what_one_sends_the_other_has_on_every_rail(world: World) -> None:
    before = await world.holds(BORIS)
    for rail, units in (("ton", 10**9), ("usdt_ton", 3), ("usdt_eth", 4), ("btc", 50_000)):
        await world.send(rail, world.purses[BORIS].on(rail).address, units)
    after = await world.holds(BORIS)
    gained = {rail: after[rail] - before[rail] for rail in RAILS}
    # Dollars bring a trifle of coins along, and an account pays a trifle for being one.
    assert abs(gained.pop("ton") - 10**9) < 1_000
    assert gained == {"usdt_ton": 3, "usdt_eth": 4, "btc": 50_000}


async def test_the_bar_shows_chains_wallets_and_what_pays_fees(world: World) -> None:
    shown = await world.bar.snapshot(person_id=ANN)
    assert [one["name"] for one in shown["chains"]] == list(NAMES)
    assert [one["rail"] for one in shown["wallets"]] == list(RAILS)
    assert [(one["fuel"] or {}).get("name") for one in shown["wallets"]] == [
        None,
        "TON",
        "ETH",
        None,
    ]
    assert (await world.bar.snapshot(person_id=9001))["wallets"] == []
    for one in shown["chains"]:
        mined = await world.bar.mine(chain=one["name"])
        assert mined["height"] > one["height"]


async def test_a_chain_that_is_away_is_missing_from_the_bar_and_comes_back(world: World) -> None:
    await asyncio.to_thread(world.chains.ethereum.stop)
    away = await world.bar.snapshot(person_id=ANN)
    assert [one["name"] for one in away["chains"]] == ["ton", "bitcoin"]
    assert not world.chains.running
    with pytest.raises(ActError):
        await world.bar.mine(chain="ethereum")
    await asyncio.to_thread(world.chains.start)
    back = await world.bar.snapshot(person_id=ANN)
    assert [one["name"] for one in back["chains"]] == list(NAMES)


@pytest.mark.parametrize("rail", RAILS)
async def test_an_address_of_another_network_is_refused_in_words(world: World, rail: str) -> None:
    wallet = world.purses[ANN].on(rail)
    for chain, address in ON.items():
        if chain == wallet.chain:
            continue
        with pytest.raises(ActError) as refused:
            await world.bar.send(person_id=ANN, rail=rail, to=address, comment="", units=1)
        assert chain.capitalize().replace("Ton", "TON") in refused.value.sentence
        assert "choose the wallet" in refused.value.sentence


@pytest.mark.parametrize(
    ("rail", "to", "comment", "units", "said"),
    [
        ("ton", "", "", 1, "paste the address"),
        ("ton", "hello", "", 1, "not an address"),
        ("ton", TON_ADDRESS[:-1] + "D", "", 1, "a letter of this address is wrong"),
        ("ton", ON["ton"], "", 0, "above zero"),
        ("ton", ON["ton"], "", 10**18, "at most"),
        ("usdt_ton", ON["ton"], "", 10**18, "at most"),
        ("usdt_eth", ON["ethereum"], "", 10**18, "at most"),
        ("usdt_eth", ON["ethereum"], "tag", 1, "carries no comment"),
        ("btc", ON["bitcoin"], "", 10**18, "can spend"),
        ("btc", ON["bitcoin"], "tag", 1, "carries no comment"),
        ("btc", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "", 1, "Bitcoin"),
        ("dogecoin", "D", "", 1, "no wallet"),
    ],
)
async def test_what_cannot_be_sent_is_refused_in_words(
    world: World, rail: str, to: str, comment: str, units: int, said: str
) -> None:
    held = await world.holds(ANN)
    with pytest.raises(ActError) as refused:
        await world.bar.send(person_id=ANN, rail=rail, to=to, comment=comment, units=units)
    assert said in refused.value.sentence
    assert await world.holds(ANN) == held


async def test_pages_show_transactions_of_every_chain(world: World) -> None:
    app = web.Application()
    Explorer(world.chains).add_routes(app.router)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    ann = world.purses[ANN]
    told = await world.chains.ton_rpc.index(
        "transactions", account=ann.on("ton").address, sort="desc", limit=1
    )
    waits = await ann.on("btc").wallet.send(ON["bitcoin"], 10_000)  # type: ignore[attr-defined]
    token = await ann.on("usdt_eth").wallet.pay_tokens(HOT, 7)  # type: ignore[attr-defined]

    async def page(path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}/chain/{path}") as answer,
        ):
            return answer.status, await answer.text()

    try:
        status, text = await page(f"ton/{told['transactions'][0]['hash']}")
        assert status == 200
        assert "Confirmed" in text
        for path, amount in (
            (f"bitcoin/{waits.txid}", "0.0001 BTC to " + ON["bitcoin"]),
            (f"ethereum/{token.tx_hash}", "USDT"),
        ):
            status, text = await page(path)
            assert status == 200
            assert "Waiting for a block" in text
            await world.chains.mine(path.partition("/")[0])
            status, text = await page(path)
            assert status == 200
            assert "Confirmed" in text
            assert amount in text
        for path in ("bitcoin/" + "00" * 32, "ethereum/0x" + "00" * 32, "ton/" + "00" * 32):
            assert (await page(path))[0] == 404
        assert (await page("tron/00"))[0] == 404
        assert "<script" not in (await page("ton/<script>alert(1)</script>"))[1]
    finally:
        await runner.cleanup()


async def test_a_world_that_was_closed_opens_as_it_was(tmp_path: Path) -> None:
    first = World(Home(tmp_path / "kept"))
    await first.open()
    await first.send("usdt_eth", first.purses[BORIS].on("usdt_eth").address, 5)
    await give_bitcoins(first.chains, [(ON["bitcoin"], 1_000_000)])
    held = [await first.holds(one) for one in (ANN, BORIS)]
    heights = [await first.chains.height(name) for name in NAMES]
    await first.close()

    second = World(first.home)
    await second.open()
    assert [await second.holds(one) for one in (ANN, BORIS)] == held
    assert second.tokens.usdt.address == first.tokens.usdt.address
    assert second.tokens.delegate == first.tokens.delegate
    assert [await second.chains.height(name) for name in NAMES] >= heights
    await second.close()


@pytest.mark.parametrize("waiting_at", [0, 30])
async def test_blocks_come_while_something_waits_or_is_young_and_then_slow_down(
    waiting_at: int,
) -> None:
    looks, mined = 0, []

    async def waits() -> bool:
        nonlocal looks
        looks += 1
        if looks > 200:
            raise EndOfTest
        return looks == waiting_at

    async def mine() -> int:
        mined.append(looks)
        return looks

    pace = Pace(ton_ms=1, ethereum_ms=1, bitcoin_ms=1, idle_ms=50)
    with pytest.raises(EndOfTest):
        await make_blocks(waits, mine, 1, pace)
    opening = list(range(1, 10))
    if waiting_at:
        assert mined == [*opening, *range(30, 40), 89, 139, 189]
    else:
        assert mined == [*opening, 59, 109, 159]
