"""Destinations that players asked to be paid to: known, new, or shared with somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from casino.cashier.tables import AddressUseRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def note_request(
    session: AsyncSession, *, rail: str, destination: str, player_id: int, now: datetime
) -> bool:
    """Count a request for a destination; True if the player was never paid there before."""
    payments = await session.scalar(
        insert(AddressUseRow)
        .values(
            rail=rail,
            destination=destination,
            player_id=player_id,
            requests=1,
            first_at=now,
            last_at=now,
        )
        .on_conflict_do_update(
            index_elements=[
                AddressUseRow.rail,
                AddressUseRow.destination,
                AddressUseRow.player_id,
            ],
            set_={"requests": AddressUseRow.requests + 1, "last_at": now},
        )
        .returning(AddressUseRow.payments)
    )
    return not payments


async def note_payment(
    session: AsyncSession, *, rail: str, destination: str, player_id: int
) -> None:
    """Count a payment that is final; from now on the destination is known."""
    await session.execute(
        update(AddressUseRow)
        .where(
            AddressUseRow.rail == rail,
            AddressUseRow.destination == destination,
            AddressUseRow.player_id == player_id,
        )
        .values(payments=AddressUseRow.payments + 1)
    )


async def count_others(
    session: AsyncSession, *, rail: str, destination: str, player_id: int
) -> int:
    """How many other players asked for payments to the same destination."""
    others = await session.scalar(
        select(func.count()).where(
            AddressUseRow.rail == rail,
            AddressUseRow.destination == destination,
            AddressUseRow.player_id != player_id,
        )
    )
    return int(others or 0)
