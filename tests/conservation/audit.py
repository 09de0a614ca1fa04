"""At a final point: what the chains hold is what the book says, and everybody got his own, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino.cashier.rails import get_rail
from casino.cashier.withdrawal_states import WithdrawalStatus
from casino.ledger import totals
from casino.ledger.chart import hot_wallet
from casino.ledger.reconcile import reconcile

if TYPE_CHECKING:
    from casino.db import Database
    from tests.conservation.people import Town

OPEN_PAYOUTS = "SELECT count(*) FROM payouts WHERE rail = :rail AND closed_at IS NULL"
OPEN_WITHDRAWALS = """
SELECT count(*) FROM withdrawals WHERE rail = :rail
AND status NOT IN ('confirmed', 'rejected', 'cancelled', 'refunded', 'dead', 'in_review')
"""
OPEN_DEPOSITS = """
SELECT count(*) FROM deposits WHERE rail = :rail AND final_at IS NULL AND status <> 'orphaned'
"""
ADDRESSES = """
SELECT shown FROM deposit_addresses WHERE rail = :rail AND player_id IS NOT NULL
"""
COUNTED = """
SELECT coalesce(sum(units), 0) FROM deposits
WHERE rail = :rail AND player_id = :player AND status IN ('credited', 'held', 'below_minimum')
"""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What is still under way on a rail."""

    rail: str
    payouts: int
    withdrawals: int
    deposits: int

    def __bool__(self) -> bool:
        return bool(self.payouts or self.withdrawals or self.deposits)


async def unsettled(database: Database, rail: str) -> Unsettled:
    """What a final point still waits for."""
    async with database.transaction() as session:
        counts = [
            int(await session.scalar(text(query), {"rail": rail}) or 0)
            for query in (OPEN_PAYOUTS, OPEN_WITHDRAWALS, OPEN_DEPOSITS)
        ]
    return Unsettled(rail, *counts)


async def differences(database: Database, town: Town) -> list[str]:
    """Everything that is not as it should be, in words; empty when all is well."""
    found: list[str] = []
    for rail in town.streets:
        found += await _rail_differences(database, town, rail)
    found += await _deposit_differences(database, town)
    found += await _payment_differences(town)
    async with database.transaction() as session:
        report = await reconcile(session)
    if not report.sound:
        found.append(f"the book does not prove itself: {report}")
    return found


async def _rail_differences(database: Database, town: Town, rail: str) -> list[str]:
    async with database.transaction() as session:
        offered = await get_rail(session, rail)
        booked = -await totals.account_balance(session, hot_wallet(rail), offered.asset)
        addresses = list(await session.scalars(text(ADDRESSES), {"rail": rail}))
    held = await town.streets[rail].held(offered.address or "", addresses)
    if held == booked:
        return []
    return [f"{rail}: the chain holds {held}, the book says {booked}, {held - booked:+d}"]


async def _deposit_differences(database: Database, town: Town) -> list[str]:
    found = []
    for (person, rail), place in town.places.items():
        came_in = await town.streets[rail].came_in(place)
        async with database.transaction() as session:
            counted = await session.scalar(
                text(COUNTED), {"rail": rail, "player": town.players[person]}
            )
        if int(counted or 0) != came_in:
            found.append(
                f"{rail}: player {person} paid {came_in} in by the chain, {counted} by the house"
            )
    return found


async def _payment_differences(town: Town) -> list[str]:
    found = []
    for asked in town.asked:
        withdrawal = await town.final(asked)
        paid = withdrawal.status is WithdrawalStatus.CONFIRMED
        wanted = withdrawal.net_units if paid else 0
        arrived = await town.streets[asked.rail].arrived(asked.destination)
        if arrived != wanted:
            found.append(
                f"{asked.rail}: withdrawal {asked.withdrawal_id} is {withdrawal.status}, "
                f"{wanted} should have arrived and {arrived} did"
            )
    return found
