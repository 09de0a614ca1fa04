"""Hot wallets between thresholds: asked once, told once, whatever balances do; and cold storage."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from casino.cashier import claiming, cold_storage, moves, rails, signing, thresholds, treasury
from casino.cashier.moves import MoveIntent, MoveKind
from casino.cashier.thresholds import Excess, Thresholds
from casino.db import Database
from casino.errors import AddressInvalid, BadAmount, BadChoice, NotFound
from casino.ledger import reconcile
from casino.money import Asset
from tests.casino.cashier.cashbox import (
    HOT_WALLET,
    NOW,
    TON,
    approve,
    ask,
    make_member,
    rich_player,
)

COLD = "UQ-cold"
WANTED = Thresholds(
    low_units=10 * TON, keep_units=50 * TON, high_units=100 * TON, cold_address=COLD
)
TOLD = ("alert.top_up", "alert.topped_up")


async def set_up(db: Database, wanted: Thresholds | None = WANTED, *, rail: str = "ton") -> None:
    async with db.transaction() as session:
        await thresholds.change(session, rail=rail, thresholds=wanted, actor="staff:1", now=NOW)


async def observe(db: Database, units: int, block: int, *, rail: str = "ton") -> None:
    async with db.transaction() as session:
        await thresholds.observe(session, rail=rail, units=units, block=block, now=NOW)


async def told(db: Database) -> list[str]:
    async with db.transaction() as session:
        kinds = await session.scalars(
            text("SELECT kind FROM outbox WHERE kind = ANY(:kinds) ORDER BY id"),
            {"kinds": list(TOLD)},
        )
        return list(kinds)


async def newest(db: Database) -> dict[str, object]:
    async with db.transaction() as session:
        found = await session.scalar(text("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1"))
    assert isinstance(found, dict)
    return found


async def desk_asks(db: Database, units: int) -> Excess | None:
    """What a desk does: it claims a move, and says so in the same transaction."""
    async with db.transaction() as session:
        found = await thresholds.excess(session, rail="ton", units=units, now=NOW)
        if found is not None:
            await thresholds.asked(session, rail="ton")
    return found


async def excess(db: Database, units: int) -> Excess | None:
    async with db.transaction() as session:
        return await thresholds.excess(session, rail="ton", units=units, now=NOW)


async def test_without_thresholds_nothing_follows(house: Database) -> None:
    for block, units in enumerate((0, 10_000 * TON, 0)):
        await observe(house, units, block)
    assert await told(house) == []
    assert await excess(house, 10_000 * TON) is None


async def test_a_low_wallet_is_told_of_once_and_once_when_it_is_well(house: Database) -> None:
    await set_up(house)
    for block, units in enumerate((10, 9, 5, 12, 9, 49)):
        await observe(house, units * TON, block)
    assert await told(house) == ["alert.top_up"]
    asked = await newest(house)
    assert asked["address"] == HOT_WALLET
    assert asked["there"] == {"units": 9 * TON, "asset": "TON"}
    assert asked["missing"] == {"units": 41 * TON, "asset": "TON"}
    for block, units in enumerate((50, 20, 60), start=6):
        await observe(house, units * TON, block)
    assert await told(house) == ["alert.top_up", "alert.topped_up"]
    await observe(house, 9 * TON, 9)
    assert await told(house) == ["alert.top_up", "alert.topped_up", "alert.top_up"]


async def test_what_approved_withdrawals_need_is_not_there(house: Database) -> None:
    await set_up(house)
    await observe(house, 12 * TON, 1)
    assert await told(house) == []
    asked = await ask(house, await rich_player(house))
    await approve(house, asked.id, await make_member(house))
    async with house.transaction() as session:
        owed = await treasury.to_pay_units(session, rail="ton")
    assert owed > 2 * TON
    await observe(house, 12 * TON, 2)
    assert await told(house) == ["alert.top_up"]
    assert (await newest(house))["missing"] == {"units": 38 * TON + owed, "asset": "TON"}


async def test_an_older_block_says_nothing(house: Database) -> None:
    await set_up(house)
    await observe(house, 60 * TON, 7)
    await observe(house, 0, 6)
    assert await told(house) == []


async def test_a_desk_asks_for_itself_and_not_twice(house: Database) -> None:
    await set_up(house)
    await observe(house, 200 * TON, 1)
    assert await told(house) == []
    assert await excess(house, 100 * TON) is None
    assert await excess(house, 120 * TON) == Excess(70 * TON, COLD)
    async with house.transaction() as session:
        await thresholds.asked(session, rail="ton")
    assert await excess(house, 120 * TON) is None
    await observe(house, 120 * TON, 2)
    assert await excess(house, 120 * TON) is None, "the first one is not over"
    await observe(house, 50 * TON, 3)
    assert await excess(house, 120 * TON) == Excess(70 * TON, COLD)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 160), max_size=24), st.booleans())
async def test_alerts_never_alternate_within_the_bands(
    house: Database, balances: Sequence[int], twice: bool
) -> None:
    """Against the plainest model: two alerts of a kind have the other side of the band between."""
    async with house.transaction() as session:
        await session.execute(text("TRUNCATE outbox, hot_levels, hot_thresholds"))
    await set_up(house)
    expected: list[str] = []
    moved: list[int] = []
    asked: list[int] = []
    low = high = False
    for block, whole in enumerate(balances):
        for _ in range(1 + twice):
            await observe(house, whole * TON, block)
            found = await desk_asks(house, whole * TON)
            if found is not None:
                asked.append(found.units)
        if not low and whole < 10:
            low = True
            expected.append("alert.top_up")
        elif low and whole >= 50:
            low = False
            expected.append("alert.topped_up")
        if high and whole <= 50:
            high = False
        if not high and whole > 100:
            high = True
            moved.append((whole - 50) * TON)
    assert await told(house) == expected
    assert asked == moved


@pytest.mark.parametrize(("low", "keep", "high"), [(1, 1, 2), (1, 2, 2), (3, 2, 4), (2, 5, 4)])
def test_thresholds_rise(low: int, keep: int, high: int) -> None:
    with pytest.raises(BadChoice):
        Thresholds(low, keep, high, COLD)
    with pytest.raises(BadAmount):
        Thresholds(-1, keep, high, COLD)


async def test_cold_storage_is_somebody_elses_keys(house: Database) -> None:
    with pytest.raises(AddressInvalid):
        await set_up(house, Thresholds(1, 2, 3, HOT_WALLET))
    with pytest.raises(NotFound):
        await set_up(house, WANTED, rail=rails.FAUCET)
    with pytest.raises(NotFound):
        await set_up(house, WANTED, rail="nowhere")
    async with house.transaction() as session:
        assert await thresholds.read(session, rail="ton") is None


async def test_a_change_leaves_its_line_and_begins_anew(house: Database) -> None:
    await set_up(house)
    await set_up(house)
    await observe(house, 120 * TON, 1)
    assert await desk_asks(house, 120 * TON) == Excess(70 * TON, COLD)
    await set_up(house, Thresholds(TON, 20 * TON, 90 * TON, COLD))
    assert await desk_asks(house, 120 * TON) == Excess(100 * TON, COLD)
    await set_up(house, None)
    await observe(house, 0, 3)
    assert await desk_asks(house, 120 * TON) is None
    assert await told(house) == []
    async with house.transaction() as session:
        lines = await session.scalar(
            text("SELECT count(*) FROM audit_log WHERE action = 'hot_thresholds.changed'")
        )
    assert lines == 3


async def moving(db: Database, units: int) -> int:
    """A move to cold storage that was signed."""
    async with db.transaction() as session:
        payout = await claiming.claim_move(
            session,
            rail="ton",
            account=HOT_WALLET,
            intent=MoveIntent(MoveKind.COLD, HOT_WALLET, COLD, units),
            numbering=claiming.next_nonce(0),
            created_at=NOW,
            expires_at=None,
            plan={},
            now=NOW,
        )
        assert payout is not None
        await thresholds.asked(session, rail="ton")
        await signing.store_signed(
            session, payout_id=payout.id, number=1, signed=b"x", tx_hash="tx", pays=True, now=NOW
        )
    return payout.id


async def test_a_final_move_is_booked_once_and_the_next_may_come(house: Database) -> None:
    async with house.transaction() as session:
        await treasury.fund_house(session, rail="ton", units=120 * TON, reference="r", now=NOW)
    await set_up(house)
    await observe(house, 120 * TON, 1)
    payout_id = await moving(house, 70 * TON)
    for _ in range(2):
        async with house.transaction() as session:
            await moves.finish(session, payout_id=payout_id, tx_hash="tx", now=NOW)
    async with house.transaction() as session:
        assert await cold_storage.held_units(session, rail="ton") == 70 * TON
        assert (await treasury.hot_wallet_view(session, rail="ton")).book_units == 50 * TON
        drift = await treasury.record_chain_balance(
            session, rail="ton", units=50 * TON, block=2, now=NOW
        )
    assert drift == 0
    async with house.transaction() as session:
        report = await reconcile.reconcile(session)
    assert report.sound
    assert report.house["external:cold_wallet:ton"][Asset.TON] == -70 * TON
    assert await excess(house, 101 * TON) == Excess(51 * TON, COLD)


async def test_a_move_that_died_is_left_to_people(house: Database) -> None:
    await set_up(house)
    await observe(house, 120 * TON, 1)
    payout_id = await moving(house, 70 * TON)
    async with house.transaction() as session:
        await moves.bury(session, payout_id=payout_id, proof="cancelled", now=NOW)
    async with house.transaction() as session:
        assert await cold_storage.held_units(session, rail="ton") == 0
    assert await excess(house, 120 * TON) is None
