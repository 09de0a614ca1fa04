"""Quotes: what a withdrawal costs, promised to a player for some minutes and kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select

from casino import flags, switches
from casino.cashier import fees, terms
from casino.cashier.rails import Rail, get_rail, required_switches
from casino.cashier.tables import QuoteRow, WithdrawalRow
from casino.errors import BelowMinimum, Paused, QuoteExpired
from casino.money import Asset, require_units
from casino.players import facts as player_facts

if TYPE_CHECKING:
    from sqlalchemy import Exists
    from sqlalchemy.ext.asyncio import AsyncSession

VALID = timedelta(minutes=10)
SWEPT_MAX = 100


@dataclass(frozen=True, slots=True)
class Quote:
    """What a withdrawal costs if it is asked for before `expires_at`; amounts in units of `asset`,
    `ceiling_left` in reference micro-units or None without a ceiling."""

    id: int
    rail: str
    asset: Asset
    units: int
    fee: int
    net: int
    minimum: int
    ceiling_left: int | None
    made_at: datetime
    expires_at: datetime


async def make(
    session: AsyncSession, *, player_id: int, rail: str, units: int, now: datetime
) -> Quote:
    """Promise the player a fee for a withdrawal of `units`, which includes it. Raises BadAmount,
    BelowMinimum, Paused, NotFound."""
    require_units(units)
    offered = await require_open(session, rail)
    require_minimum(offered, units)
    facts = await player_facts.load_one(session, player_id=player_id)
    ceiling = await terms.ceiling(session, player_id=player_id, kyc_level=facts.kyc_level, now=now)
    await _sweep(session, player_id, now)
    fee = offered.whole_fee(units, await fees.withdrawal_fee(session, rail=offered, now=now))
    row = QuoteRow(
        player_id=player_id,
        rail=rail,
        units=units,
        fee_units=fee,
        made_at=now,
        expires_at=now + VALID,
    )
    session.add(row)
    await session.flush()
    return Quote(
        id=row.id,
        rail=rail,
        asset=offered.asset,
        units=units,
        fee=row.fee_units,
        net=units - row.fee_units,
        minimum=offered.withdrawal_min,
        ceiling_left=ceiling.left,
        made_at=row.made_at,
        expires_at=row.expires_at,
    )


async def promised_fee(
    session: AsyncSession, *, quote_id: int, player_id: int, rail: str, units: int, now: datetime
) -> int:
    """The fee that this player was promised for exactly this, whatever it would be now. Raises
    QuoteExpired for a quote that is too old, used, somebody else's, for anything else, or
    unknown. The caller holds the player's lock, and the withdrawal that he makes uses it up."""
    row = await session.scalar(
        select(QuoteRow)
        .where(
            QuoteRow.id == quote_id,
            QuoteRow.player_id == player_id,
            QuoteRow.rail == rail,
            QuoteRow.units == units,
            QuoteRow.expires_at > now,
            ~_is_used(),
        )
        # A sweep by a clock that is ahead of ours must not take it from under our feet.
        .with_for_update(key_share=True)
    )
    if row is None:
        raise QuoteExpired
    return row.fee_units


async def require_open(session: AsyncSession, rail: str) -> Rail:
    """The rail, if withdrawals on it are open now; raises Paused, NotFound."""
    offered = await get_rail(session, rail)
    flags.require_running(
        await flags.stopped(session), *required_switches(offered, switches.WITHDRAWALS)
    )
    if not offered.withdrawals_enabled:
        raise Paused(switch=f"rail:{rail}")
    return offered


def require_minimum(rail: Rail, units: int) -> None:
    """Raise BelowMinimum for less than the rail pays out."""
    least = max(rail.withdrawal_min, rail.withdrawal_fee + rail.net_min + rail.unit_step - 1)
    if units < least:
        raise BelowMinimum(minimum=least, asset=rail.asset)


async def _sweep(session: AsyncSession, player_id: int, now: datetime) -> None:
    """Forget the player's quotes that came to nothing."""
    gone = (
        select(QuoteRow.id)
        .where(QuoteRow.player_id == player_id, QuoteRow.expires_at <= now, ~_is_used())
        .limit(SWEPT_MAX)
        .with_for_update(skip_locked=True, of=QuoteRow)
    )
    ids = (await session.scalars(gone)).all()
    if ids:
        await session.execute(delete(QuoteRow).where(QuoteRow.id.in_(ids)))


def _is_used() -> Exists:
    return exists().where(WithdrawalRow.quote_id == QuoteRow.id)
