"""Players' own addresses on TON are emptied into the hot wallet, and nobody is credited for it."""

from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text

from casino.cashier.batches import Payout, get_payout
from casino.cashier.rails import TON, USDT_TON, DepositsBy
from casino.db import Database
from casino.errors import OutsideUnavailable
from casino.money import Asset
from payments.addresses import parse_ton
from payments.chains.base import Position
from payments.chains.ton import TonChain
from payments.rpc import Json, Toncenter
from sandbox.ton.jetton import Kind
from tests.payments.conftest import TON as COIN
from tests.payments.conftest import World
from tests.payments.jettons.conftest import DOLLAR, JettonWorld, make_jettons
from tests.payments.jettons.paying import PayingHouse

pytestmark = pytest.mark.chain


@pytest.fixture
async def jettons(world: World, request: pytest.FixtureRequest) -> JettonWorld:
    """The governed kind, as USDT is."""
    return await make_jettons(world, Kind.GOVERNED, request.node.name)


@pytest.fixture
async def house(jettons: JettonWorld, db: Database) -> AsyncIterator[PayingHouse]:
    """Players pay to addresses of their own; the hot wallet has coins of the house."""
    await jettons.world.node.faucet(jettons.owner, 20 * COIN)
    house = PayingHouse(jettons, db, DepositsBy.ADDRESS)
    await house.open()
    yield house
    await house.rpc.close()


async def moves(house: PayingHouse) -> list[Payout]:
    async with house.database.transaction() as session:
        ids = await session.scalars(text("SELECT payout_id FROM treasury_moves ORDER BY payout_id"))
        return [await get_payout(session, payout_id=one) for one in ids.all()]


async def statuses(house: PayingHouse) -> list[tuple[str, str, str]]:
    found = [one.move for one in await moves(house)]
    return [(one.rail, one.kind, one.status) for one in found if one is not None]


async def pay(house: PayingHouse, player: int, *, coins: int = 0, dollars: int = 0) -> str:
    to = (await house.told(player)).address
    if coins:
        await house.world.person.send(to, coins)
        await house.world.node.mine()
    if dollars:
        await house.jettons.jetton.pay(house.world.person, to, dollars)
        await house.world.node.mine()
    await house.watch()
    return parse_ton(to).raw


async def test_coins_come_home_and_the_address_goes_on_working(house: PayingHouse) -> None:
    player = await house.grown_up()
    own = await pay(house, player, coins=3 * COIN)
    assert await house.cash(player, Asset.TON) == 3 * COIN
    found = len(await house.unclaimed())
    for times in (1, 2):
        await house.turn()
        assert await statuses(house) == [(TON, "sweep", "done")] * times
        assert await house.world.node.balance(own) == 0
        await house.require_balanced()
        # Bytes that were obeyed could be obeyed again while they last; nothing is begun before.
        await house.world.node.move_clock(400)
        await house.world.node.mine()
        if times == 1:
            await pay(house, player, coins=2 * COIN)
    assert await house.cash(player, Asset.TON) == 5 * COIN, "credited once, by no sweep"
    assert await house.foreign() == []
    assert len(await house.unclaimed()) == found


class Forgetful(Toncenter):
    """A client of a chain that forgets an account as soon as it is destroyed: the next transaction
    there names no predecessor. The local chain goes on naming it."""

    ended: str = ""

    async def index(self, name: str, **query: str | int | Sequence[str]) -> Json:
        answer = await super().index(name, **query)
        for record in answer.get("transactions", []):
            if record["prev_trans_lt"] == self.ended:
                record["prev_trans_lt"] = "0"
        return answer


@pytest.mark.parametrize("limit", [1, 100])
async def test_an_account_that_was_destroyed_begins_a_new_history(
    house: PayingHouse, limit: int
) -> None:
    player = await house.grown_up()
    own = await pay(house, player, coins=3 * COIN)
    await house.turn()
    await pay(house, player, coins=2 * COIN)
    rpc = Forgetful(url=house.world.node.url, api_key="", requests_per_second=1000)
    chain = TonChain(rpc)
    head = await chain.head()
    told = await rpc.index("transactions", account=own, sort="asc", limit=100)
    ends = [one["lt"] for one in told["transactions"] if one["description"]["destroyed"]]
    assert len(ends) == 1
    (rpc.ended,) = ends
    came, position = [], Position()
    while True:
        page = await chain.page(own, after=position, head=head, limit=limit)
        came += [one.units for one in page.transfers]
        if page.position == position:
            break
        position = page.position
    assert came == [3 * COIN, 2 * COIN]
    # A history that breaks off anywhere else has a hole.
    rpc.ended = told["transactions"][0]["lt"]
    with pytest.raises(OutsideUnavailable, match="gap"):
        await chain.page(own, after=Position(), head=head, limit=100)
    first = await chain.page(own, after=Position(), head=head, limit=1)
    with pytest.raises(OutsideUnavailable, match="gap"):
        await chain.page(own, after=first.position, head=head, limit=100)
    await rpc.close()


async def test_little_stays_where_it_is(house: PayingHouse) -> None:
    player = await house.grown_up()
    await pay(house, player, coins=COIN // 2, dollars=5 * DOLLAR)
    await house.turn()
    assert await moves(house) == []
    await house.require_balanced()


async def test_jettons_come_home_on_fuel_from_the_hot_wallet(house: PayingHouse) -> None:
    player = await house.grown_up()
    own = await pay(house, player, dollars=50 * DOLLAR)
    before = await house.jettons.ours()
    for _ in range(3):
        await house.turn()
    assert await statuses(house) == [(TON, "fuel", "done"), (USDT_TON, "sweep", "done")]
    assert await house.jettons.ours() == before + 50 * DOLLAR
    assert await house.jettons.jetton.balance(own) == 0
    assert await house.cash(player) == 50 * DOLLAR
    assert await house.cash(player, Asset.TON) == 0, "fuel is nobody's deposit"
    await house.require_balanced()
    assert await house.foreign() == []


async def test_a_lost_sweep_dies_by_the_chains_clock_and_is_made_again(
    house: PayingHouse,
) -> None:
    player = await house.grown_up()
    own = await pay(house, player, coins=3 * COIN)
    await house.send()
    await house.sign()
    await house.world.node.fault(dropSend=1)
    await house.send()
    await house.world.node.move_clock(400)
    await house.world.node.mine()
    house.restart()
    await house.watch()
    assert await statuses(house) == [(TON, "sweep", "dead")]
    await house.turn()
    assert await statuses(house) == [(TON, "sweep", "dead"), (TON, "sweep", "done")]
    assert await house.world.node.balance(own) == 0
    await house.require_balanced()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("UPDATE treasury_moves SET destination = :thief", "not_our_address"),
        ("UPDATE treasury_moves SET source = :thief", "not_our_address"),
        ("UPDATE payouts SET account = :thief", "another_wallet"),
        ("UPDATE payouts SET expires_at = created_at + interval '1 day'", "lifetime"),
        ("UPDATE payout_attempts SET plan = '{}'", "frame"),
        ("UPDATE treasury_moves SET kind = 'cold'", "another_wallet"),
    ],
    ids=["destination", "source", "account", "lifetime", "plan", "kind"],
)
async def test_a_forged_move_is_not_signed(house: PayingHouse, harm: str, reason: str) -> None:
    player = await house.grown_up()
    await pay(house, player, coins=3 * COIN)
    await house.send()
    async with house.database.transaction() as session:
        given = {"thief": house.world.person.address.raw} if ":thief" in harm else {}
        await session.execute(text(harm), given)
    assert await house.sign() == 0
    async with house.database.transaction() as session:
        told = await session.scalars(
            text(
                "SELECT payload->>'reason' FROM outbox"
                " WHERE kind IN ('alert.signing_refused', 'alert.move_to_cold')"
            )
        )
        assert told.all() == [reason]


async def test_fuel_has_a_budget_of_its_own(house: PayingHouse) -> None:
    for signer in house.signers.values():
        signer.pen.budget.units_max = 50_000_000
    player = await house.grown_up()
    await pay(house, player, dollars=50 * DOLLAR)
    await house.turn()
    assert await statuses(house) == [(TON, "fuel", "assigned")]
    assert "alert.signing_refused" in await house.effects()
