"""Books what went from hot wallets to cold storage: other keys, but still the house's coins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, update

from casino import audit
from casino.cashier.rails import get_rail
from casino.cashier.treasury_tables import HotLevelRow
from casino.ledger import journal, totals
from casino.ledger.chart import Kind, cold_wallet, hot_wallet
from casino.ledger.wallet import Posting
from casino.money import require_units

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def held_units(session: AsyncSession, *, rail: str) -> int:
    """What the book says is in the rail's cold storage."""
    asset = (await get_rail(session, rail)).asset
    return -await totals.account_balance(session, cold_wallet(rail), asset)


async def book_move(
    session: AsyncSession, *, rail: str, units: int, reference: str, now: datetime
) -> bool:
    """Book coins that are final in cold storage, once for `reference`; False if they were booked.
    From now on the rail may be asked for its next move."""
    posted = await journal.post_house(
        session,
        source=f"treasury:{rail}",
        kind_key="cold",
        reference=reference,
        request={"units": units},
        postings=[
            Posting(
                cold_wallet(rail),
                hot_wallet(rail),
                require_units(units),
                (await get_rail(session, rail)).asset,
                Kind.MOVE_TO_COLD,
            )
        ],
        subject_id=0,
        now=now,
    )
    if posted.replayed:
        return False
    # What is known of the hot wallet is older than the move, until the chain is compared again.
    await session.execute(
        update(HotLevelRow)
        .where(HotLevelRow.rail == rail)
        .values(high=False, units=func.greatest(0, HotLevelRow.units - units))
    )
    return True


async def book_by_hand(
    session: AsyncSession, *, rail: str, units: int, tx_hash: str, actor: str, now: datetime
) -> bool:
    """Book coins that a person has moved to cold storage himself, once for the transaction,
    audited; False if it was booked. The network's fee of it is booked apart. Raises BadAmount,
    NotFound."""
    await get_rail(session, rail)
    booked = await book_move(
        session, rail=rail, units=units, reference=f"by_hand:{tx_hash}", now=now
    )
    if booked:
        await audit.append(
            session,
            actor=actor,
            action="treasury.moved_to_cold",
            subject=f"rail:{rail}",
            after={"units": units, "tx_hash": tx_hash},
            now=now,
        )
    return booked
