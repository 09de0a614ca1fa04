"""Terms of the cashier: ceilings by verification level, when two must agree, cool-downs.

Amounts are micro-units of the reference currency. Rows are never changed: the newest one is in
force, so the history of the terms is the table itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from casino import audit
from casino.cashier.tables import TermsRow, WithdrawalRow
from casino.clock import Window, window_start
from casino.errors import KycRequired
from casino.money import REFERENCE_DECIMALS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

UNIT = 10**REFERENCE_DECIMALS
GAVE_UP = ("rejected", "cancelled", "refunded")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is in force."""

    level_0_lifetime: int
    level_1_month: int
    second_person_above: int
    order_valid_hours: int
    address_cool_down_hours: int = 24

    @property
    def address_cool_down(self) -> timedelta:
        """How old a saved address, or a change of the account, has to be."""
        return timedelta(hours=self.address_cool_down_hours)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a verification level allows; `left` None means no ceiling."""

    level: int
    units: int | None
    left: int | None

    def require(self, asked: int) -> None:
        """Raise KycRequired if a withdrawal worth `asked` would pass the ceiling."""
        if self.left is not None and asked > self.left:
            raise KycRequired(level=self.level, required=self.level + 1, ceiling=self.units)


DEFAULTS = Terms(
    level_0_lifetime=1_000 * UNIT,
    level_1_month=10_000 * UNIT,
    second_person_above=2_000 * UNIT,
    order_valid_hours=72,
)


async def current(session: AsyncSession) -> Terms:
    """The terms in force."""
    row = await session.scalar(select(TermsRow).order_by(TermsRow.id.desc()).limit(1))
    if row is None:
        return DEFAULTS
    return Terms(
        level_0_lifetime=row.level_0_lifetime,
        level_1_month=row.level_1_month,
        second_person_above=row.second_person_above,
        order_valid_hours=row.order_valid_hours,
        address_cool_down_hours=row.address_cool_down_hours,
    )


async def change(session: AsyncSession, *, terms: Terms, actor: str, now: datetime) -> None:
    """Put new terms in force from now on, audited."""
    before = await current(session)
    session.add(TermsRow(**asdict(terms), actor=actor, set_at=now))
    await session.flush()
    await audit.append(
        session,
        actor=actor,
        action="cashier_terms.changed",
        subject="cashier_terms:1",
        before=asdict(before),
        after=asdict(terms),
        now=now,
    )


async def ceiling(
    session: AsyncSession, *, player_id: int, kyc_level: int, now: datetime
) -> Ceiling:
    """What the player may still withdraw at his level: level 0 counts everything he ever
    withdrew, level 1 the calendar month, level 2 has no ceiling. Requests that came to nothing do
    not count, nor do deposits that staff send back. Call it under the player's lock to decide,
    without to show."""
    terms = await current(session)
    match kyc_level:
        case 0:
            units, since = terms.level_0_lifetime, None
        case 1:
            units, since = terms.level_1_month, window_start(Window.MONTH, now)
        case _:
            return Ceiling(kyc_level, None, None)
    query = select(func.coalesce(func.sum(WithdrawalRow.reference_units), 0)).where(
        WithdrawalRow.player_id == player_id,
        WithdrawalRow.status.not_in(GAVE_UP),
        WithdrawalRow.deposit_id.is_(None),
    )
    if since is not None:
        query = query.where(WithdrawalRow.requested_at >= since)
    used = int(await session.scalar(query) or 0)
    return Ceiling(kyc_level, units, max(0, units - used))
