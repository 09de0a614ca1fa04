"""How often players asked to be paid somewhere: known, new, or shared with somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from casino.cashier.address_tables import AddressUseRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

SHARED_BY = 2


async def note_request(
    session: AsyncSession,
    *,
    rail: str,
    destination: str,
    player_id: int,
    has_memo: bool,
    now: datetime,
) -> bool:
    """Count a request for a destination; True if the player was never paid there before."""
    memo = int(has_memo)
    payments = await session.scalar(
        insert(AddressUseRow)
        .values(
            rail=rail,
            destination=destination,
            player_id=player_id,
            requests=1,
            memos=memo,
            first_at=now,
            last_at=now,
        )
        .on_conflict_do_update(
            index_elements=[
                AddressUseRow.rail,
                AddressUseRow.destination,
                AddressUseRow.player_id,
            ],
            set_={
                "requests": AddressUseRow.requests + 1,
                "memos": AddressUseRow.memos + memo,
                "last_at": now,
            },
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


async def list_paid(session: AsyncSession, *, player_id: int, rail: str) -> Sequence[str]:
    """Destinations that the player was paid to, finally; the one asked for last comes first."""
    found = await session.scalars(
        select(AddressUseRow.destination)
        .where(
            AddressUseRow.player_id == player_id,
            AddressUseRow.rail == rail,
            AddressUseRow.payments > 0,
        )
        .order_by(AddressUseRow.last_at.desc(), AddressUseRow.destination)
    )
    return found.all()


async def is_shared_by_memo(
    session: AsyncSession, *, rail: str, destination: str, player_id: int
) -> bool:
    """Whether several other players were paid there and told apart by a comment, as an exchange
    does it: coins that come without one are nobody's."""
    others = await session.scalar(
        select(func.count()).where(
            AddressUseRow.rail == rail,
            AddressUseRow.destination == destination,
            AddressUseRow.player_id != player_id,
            AddressUseRow.payments > 0,
            AddressUseRow.memos > 0,
        )
    )
    return int(others or 0) >= SHARED_BY
