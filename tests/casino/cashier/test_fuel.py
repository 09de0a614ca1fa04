"""Fuel in the book: exact below the smallest unit, once for each transaction, topped up, missing."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino.cashier import ahead, fuel, nonces, payout_notices
from casino.cashier.rails import USDT_ETH
from casino.db import Database
from casino.errors import InvariantViolation
from casino.ledger import journal, reconcile, totals
from casino.ledger.chart import Account
from casino.money import HOUSE_ONLY, PLAYABLE, PLAYERS, Asset
from tests.factories import make_player

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PARTS = fuel.PARTS


@dataclass(frozen=True)
class Burnt:
    tx_hash: str
    parts: int
    height: int = 5


async def charge(session: AsyncSession, tx_hash: str, parts: int, height: int = 5) -> None:
    burnt = Burnt(tx_hash, parts, height)
    await fuel.charge(session, rail=USDT_ETH, burnt=burnt, now=NOW)


async def fill(session: AsyncSession, parts: int, block: int) -> int:
    return await fuel.record_chain_fuel(session, rail=USDT_ETH, parts=parts, block=block, now=NOW)


async def booked(session: AsyncSession) -> int:
    return await fuel.book_parts(session, rail=USDT_ETH)


async def told(session: AsyncSession) -> list[str]:
    return list(await session.scalars(text("SELECT kind FROM outbox ORDER BY id")))


async def test_every_part_is_remembered(db: Database) -> None:
    async with db.transaction() as session:
        assert await fill(session, 10 * PARTS + 3, 1) == 0
        assert await booked(session) == 10 * PARTS + 3
        for number, parts in enumerate((1, PARTS - 1, PARTS, 2 * PARTS + 5, 0)):
            before = await booked(session)
            await charge(session, f"tx{number}", parts)
            await charge(session, f"tx{number}", parts)
            assert await booked(session) == before - parts
    async with db.transaction() as session:
        report = await reconcile.reconcile(session)
    assert report.sound
    left = 10 * PARTS + 3 - (4 * PARTS + 5)
    assert report.house[Account.FUEL_ETH.path]["ETH"] == -(left // PARTS)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(burns=st.lists(st.integers(0, 5 * PARTS), max_size=12))
async def test_the_book_and_its_remainder_never_lose_a_part(db: Database, burns: list[int]) -> None:
    async with db.transaction() as session:
        start = await booked(session)
        filled = max(start, 0) + 100 * PARTS + 17
        run = await session.scalar(text("SELECT next_id()"))
        await fill(session, filled, int(run))
        for number, parts in enumerate(burns):
            await charge(session, f"{run}/{number}", parts)
        assert await booked(session) == filled - sum(burns)
        row = await session.scalar(text("SELECT remainder FROM fuel_remainders"))
        assert 0 <= row < PARTS


async def test_more_than_the_book_says_is_capital_and_audited(db: Database) -> None:
    async with db.transaction() as session:
        assert await fill(session, 3 * PARTS + 1, 1) == 0
        assert await fill(session, 3 * PARTS + 1, 2) == 0
        assert await fill(session, 3 * PARTS + 9, 3) == 0, "dust is kept, and is no entry"
        assert await fill(session, 7 * PARTS, 4) == 0
        assert await booked(session) == 7 * PARTS
        capital = await totals.account_balance(session, Account.HOUSE_CAPITAL, Asset.ETH)
        assert capital == 7
        audited = await session.scalar(
            text("SELECT count(*) FROM audit_log WHERE action = 'capital.paid_in'")
        )
        assert audited == 2
        assert await told(session) == []


async def test_less_than_the_book_says_is_told_once_and_changes_nothing(db: Database) -> None:
    async with db.transaction() as session:
        await fill(session, 3 * PARTS + 5, 1)
        assert await fill(session, 3 * PARTS + 4, 2) == -1, "a single part is a drift"
        assert await fill(session, 3 * PARTS + 4, 3) == -1
        assert await booked(session) == 3 * PARTS + 5
        assert await told(session) == ["alert.reconcile"]
        assert await fill(session, 3 * PARTS + 5, 4) == 0
        assert await told(session) == ["alert.reconcile", "alert.reconciled"]


async def test_a_transaction_cannot_pay_its_sender(db: Database) -> None:
    async with db.transaction() as session:
        with pytest.raises(InvariantViolation):
            await charge(session, "tx", -1)
        assert await fuel.newest_charge(session, rail=USDT_ETH) == -1
        await charge(session, "tx", 1, height=9)
        await charge(session, "ty", 1, height=8)
        assert await fuel.newest_charge(session, rail=USDT_ETH) == 9


async def test_staff_hear_each_reason_once_for_each_payout(db: Database) -> None:
    async with db.transaction() as session:
        for subject, kind, new in (
            (1, "alert.gas_capped", True),
            (1, "alert.gas_capped", False),
            (1, "alert.low_fuel", True),
            (2, "alert.gas_capped", True),
        ):
            said = await payout_notices.tell_once(
                session, subject_id=subject, kind=kind, payload={}, now=NOW
            )
            assert said is new
        assert len(await told(session)) == 3


async def strange(session: AsyncSession, account: str, used: int) -> list[int]:
    return list((await nonces.unexplained(session, account=account, used=used)).strange)


async def test_nonces_are_looked_at_from_the_first_and_once(db: Database) -> None:
    async with db.transaction() as session:
        assert await strange(session, "hot", 3) == [0, 1, 2]
        await session.execute(
            text(
                "INSERT INTO payouts (rail, account, replay_number, created_at, claimed_at)"
                " VALUES ('usdt_eth', 'hot', 1, now(), now())"
            )
        )
        assert await strange(session, "hot", 3) == [0, 2]
        assert await strange(session, "another", 1) == [0]
        await nonces.looked_at(session, account="hot", upto=2, now=NOW)
        await nonces.looked_at(session, account="hot", upto=1, now=NOW)
        assert await strange(session, "hot", 3) == [2]
        long = await nonces.unexplained(session, account="hot", used=10**18)
        assert (long.strange[0], long.upto) == (2, 2 + nonces.AT_ONCE), "bounded"
        assert await ahead.sending_accounts(session, rail=USDT_ETH) == ["hot"]


async def test_no_player_has_a_wallet_of_what_the_house_burns(db: Database) -> None:
    assert HOUSE_ONLY == (Asset.ETH,)
    assert Asset.ETH not in (*PLAYERS, *PLAYABLE)
    async with db.transaction() as session:
        player = await make_player(session)
        assert Asset.ETH not in await journal.balances(session, player)
        codes = set(await session.scalars(text("SELECT asset FROM house_exposure")))
    assert codes == {asset.code for asset in PLAYERS}
    assert Asset.ETH.code == 4
