"""Where a player's own jettons are, asked of the real master; and a deposit's link for them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from casino.cashier import rails
from casino.cashier.rails import USDT_TON
from casino.clock import utc_now
from payments.addresses import parse_ton
from payments.rpc import Toncenter
from sandbox.ton.chain import LocalChain
from sandbox.ton.jetton import LocalJetton
from sandbox.ton.wallet import PersonWallet
from tests.webapp.conftest import HOT_WALLET, Join, Start
from tests.webapp.people import TON

pytestmark = pytest.mark.chain

PATH = "/api/cashier/jetton-wallet"


@pytest.fixture(scope="module")
def node() -> Iterator[LocalChain]:
    node = LocalChain(block_ms=None)
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def rpc(node: LocalChain) -> AsyncIterator[Toncenter]:
    await node.fault(http500=0)
    rpc = Toncenter(url=node.url, api_key="", requests_per_second=1000)
    yield rpc
    await rpc.close()


@pytest.fixture
async def jetton(node: LocalChain, rpc: Toncenter) -> LocalJetton:
    issuer = PersonWallet(rpc, "issuer of the web")
    await node.faucet(issuer.address.raw, 100 * TON)
    jetton = LocalJetton(rpc, issuer)
    await jetton.deploy()
    await node.mine()
    return jetton


async def open_rail(house, jetton: LocalJetton) -> str:
    token = jetton.master.friendly(bounceable=True)
    async with house.transaction() as session:
        await rails.set_hot_wallet(session, rail=USDT_TON, address=HOT_WALLET, now=utc_now())
        await rails.set_network(
            session, rail=USDT_TON, network_id="testnet", token=token, now=utc_now()
        )
    return token


async def test_a_wallet_program_learns_where_its_owners_jettons_are(
    start: Start, join: Join, house, rpc: Toncenter, jetton: LocalJetton
) -> None:
    server = await start(ton_node=rpc)
    person = await join(units=0, at=server)
    owner = parse_ton("0:" + "42" * 32)
    asked = {"rail": USDT_TON, "owner": owner.raw}
    assert (await person.post(PATH, asked)).status == 404, "the rail is off"
    token = await open_rail(house, jetton)
    told = await person.post(PATH, asked)
    wallet = await jetton.wallet_of(owner.raw)
    assert told.body == {"wallet": wallet.friendly(bounceable=True)}
    for wrong in ({"rail": "ton"}, {"rail": "usdt_eth"}, {"rail": "nothing"}):
        assert (await person.post(PATH, {**asked, **wrong})).status == 404
    assert (await person.post(PATH, {**asked, "owner": "0x" + "11" * 20})).status == 422
    shown = (await person.post("/api/cashier/deposit", {"rail": USDT_TON})).body
    assert (shown["network"], shown["token"]) == ("ton", token)
    assert shown["uri"] == f"ton://transfer/{HOT_WALLET}?jetton={token}&text={shown['tag']}"


async def test_a_node_in_trouble_and_a_curious_client_are_turned_away(
    start: Start, join: Join, house, node: LocalChain, rpc: Toncenter, jetton: LocalJetton
) -> None:
    server = await start(ton_node=rpc)
    person = await join(units=0, at=server)
    await open_rail(house, jetton)
    asked = {"rail": USDT_TON, "owner": "0:" + "43" * 32}
    await node.fault(http500=1)
    assert (await person.post(PATH, asked)).status == 503
    answers = [(await person.post(PATH, asked)).status for _ in range(9)]
    assert answers[0] == 200
    assert 429 in answers
    alone = await join(units=0)
    assert (await alone.post(PATH, asked)).status == 404, "a server without a node"
