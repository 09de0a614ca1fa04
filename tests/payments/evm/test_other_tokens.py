"""Tokens of other contracts at players' addresses: cases for a person, behind the deposits."""

import pytest
from embit.bip32 import HDKey

from casino.cashier import deposits, token_cases
from casino.cashier.rails import USDT_ETH
from casino.cashier.token_cases import TokenCase
from casino.db import Database
from casino.errors import OutsideUnavailable
from payments import token_watch
from payments.builds_evm import EvmAddresses, build_usdt_eth
from payments.chains.evm_addresses import DepositAddresses
from payments.chains.evm_facts import TRANSFER_TOPIC, ZERO_PADDING
from payments.config import EvmSettings
from payments.token_watch import TokenWatch
from sandbox.evm.usdt import deploy_usdt
from tests.payments.evm.conftest import USDT, EvmWorld
from tests.payments.followed import FollowedHouse

pytestmark = pytest.mark.chain

ACCOUNT = HDKey.from_seed(b"addresses of other tokens".ljust(32)).derive("m/44h/60h/0h")


@pytest.fixture
async def house(db: Database, evm: EvmWorld) -> FollowedHouse:
    await evm.finalize()
    xpub = str(ACCOUNT.to_public().to_base58())
    source = EvmAddresses(DepositAddresses(xpub))
    house = FollowedHouse(db, evm.chain, source, token=evm.usdt.address.checksummed)
    await house.open()
    return house


@pytest.fixture
async def watch(house: FollowedHouse, evm: EvmWorld) -> TokenWatch:
    """Begun, so that whatever comes from now on is looked at."""
    watch = TokenWatch(house.database, evm.chain, USDT_ETH)
    await watch.step()
    return watch


async def cases(house: FollowedHouse) -> list[TokenCase]:
    async with house.database.transaction() as session:
        return list(await token_cases.list_open(session, limit=100))


def logging_code(topics: list[str], data: str) -> bytes:
    """A contract that does nothing but write one log while it is made."""
    words = [data[at : at + 64].ljust(64, "0") for at in range(0, len(data), 64)]
    code = b"".join(
        b"\x7f" + bytes.fromhex(word) + b"\x60" + bytes([32 * place]) + b"\x52"
        for place, word in enumerate(words)
    )
    code += b"".join(b"\x7f" + bytes.fromhex(topic[2:]) for topic in reversed(topics))
    return code + b"\x60" + bytes([len(data) // 2]) + b"\x60\x00" + bytes([0xA0 + len(topics), 0])


async def test_another_token_becomes_a_case_of_its_player(
    house: FollowedHouse, evm: EvmWorld, watch: TokenWatch
) -> None:
    player, address = await house.player()
    other = await deploy_usdt(evm.node)
    await other.give(address, 7 * USDT)
    await other.give(address, 0)
    await evm.usdt.give(address, 6 * USDT)
    await watch.step()
    assert await cases(house) == [], "not final yet"
    await evm.finalize()
    await watch.step()
    (case,) = await cases(house)
    assert (case.player_id, case.units, case.vouched) == (player, 7 * USDT, True)
    assert (case.token, case.account, case.chain) == (other.address.raw, address, "ethereum")
    assert case.tx_hash.startswith("0x")
    await house.step()
    assert (await house.wallet(player)).cash == 6 * USDT
    for again in (watch, TokenWatch(house.database, evm.chain, USDT_ETH)):
        await again.step()
    assert len(await cases(house)) == 1
    assert (await house.told("staff")).count("token_case.opened") == 1


async def test_addresses_that_are_nobodys_are_not_looked_at(
    house: FollowedHouse, evm: EvmWorld, watch: TokenWatch
) -> None:
    other = await deploy_usdt(evm.node)
    free = house.addresses.between(5, 5)[0].address
    await other.give(free, USDT)
    await evm.finalize()
    await watch.step()
    assert await cases(house) == []


async def test_logs_of_strange_shapes_stop_nobody(
    house: FollowedHouse, evm: EvmWorld, watch: TokenWatch
) -> None:
    player, address = await house.player()
    to, from_ = ZERO_PADDING + address[2:], ZERO_PADDING + "11" * 20
    number = "0x" + "00" * 31 + "07"
    shapes = [
        ([TRANSFER_TOPIC, from_, to, number], ""),  # a thing with a number (ERC-721)
        ([TRANSFER_TOPIC, from_, to], ""),
        ([TRANSFER_TOPIC, from_, to], "ff" * 32),
        ([TRANSFER_TOPIC, from_, to], "00" * 64),
        ([TRANSFER_TOPIC, "0x" + "ff" * 32, to], "00" * 31 + "01"),  # from no account
    ]
    for topics, data in shapes:
        await evm.node.transact(logging_code(topics, data), to=None)
    await evm.finalize()
    await watch.step()
    found = await cases(house)
    assert sorted((one.units is None, one.units or 0) for one in found) == [
        (False, 2**256 - 1),
        (True, 0),
        (True, 0),
        (True, 0),
    ]
    assert {one.player_id for one in found} == {player}


async def test_trouble_moves_nothing_and_long_ranges_come_in_parts(
    house: FollowedHouse, evm: EvmWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_watch, "RANGE_BLOCKS", 3)
    front = await evm.front()
    watch = TokenWatch(house.database, evm.through(front.url), USDT_ETH)
    await watch.step()
    _, address = await house.player()
    other = await deploy_usdt(evm.node)
    for _ in range(4):
        await other.give(address, USDT)
        await evm.node.mine(2)
    await evm.finalize()
    async with house.database.transaction() as session:
        before = await deposits.read_cursor(session, chain=watch.cursor_name, account=USDT_ETH)
    front.statuses = [500]
    with pytest.raises(OutsideUnavailable):
        await watch.step()
    async with house.database.transaction() as session:
        after = await deposits.read_cursor(session, chain=watch.cursor_name, account=USDT_ETH)
    assert after == before
    await watch.step()
    assert len(await cases(house)) == 4


async def test_a_range_that_a_node_finds_too_wide_is_halved(
    house: FollowedHouse, evm: EvmWorld
) -> None:
    _, address = await house.player()
    other = await deploy_usdt(evm.node)
    first = await evm.next_height()
    for _ in range(3):
        await other.give(address, USDT)
    await evm.finalize()
    front = await evm.front()
    front.range_blocks_max = 1
    last = (await evm.chain.tip()).final_height
    found = await evm.through(front.url).strangers(first, last, [address])
    assert [one.units for one in found] == [USDT] * 3


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EvmSettings.model_fields:
        monkeypatch.delenv(f"EVM_{name}".upper(), raising=False)
    monkeypatch.setenv("EVM_CHAIN_ID", "1")
    monkeypatch.setenv("EVM_NODE_URLS", "http://127.0.0.1:9")
    monkeypatch.setenv("EVM_TOKEN", "0xdAC17F958D2ee523a2206206994597C13D831ec7")
    monkeypatch.setenv("EVM_XPUB", str(ACCOUNT.to_public().to_base58()))
    followed = build_usdt_eth()
    assert followed is not None
    assert followed.tokens is not None
    assert followed.tokens is not followed.chain, "connections of its own"
    monkeypatch.setenv("EVM_WATCH_TOKENS", "false")
    followed = build_usdt_eth()
    assert followed is not None
    assert followed.tokens is None
