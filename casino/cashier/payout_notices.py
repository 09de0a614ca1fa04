"""What staff must hear of a payout on its way, once for each reason, whoever restarts meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from casino import outbox
from casino.cashier.payout_tables import PayoutNoticeRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def tell_once(
    session: AsyncSession,
    *,
    subject_id: int,
    kind: str,
    payload: Mapping[str, object],
    now: datetime,
) -> bool:
    """Alert staff of a payout (or of a withdrawal that is none yet) unless they were alerted for
    the same reason; True if this is news."""
    new = await session.scalar(
        insert(PayoutNoticeRow)
        .values(subject_id=subject_id, kind=kind, at=now)
        .on_conflict_do_nothing()
        .returning(PayoutNoticeRow.subject_id)
    )
    if new is None:
        return False
    await outbox.write(session, consumer=outbox.STAFF, key=subject_id, kind=kind, payload=payload)
    return True
