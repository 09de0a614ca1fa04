"""A player's movements of money, deposits and withdrawals in one list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier.rails import list_rails
from casino.cashier.tables import DepositRow, WithdrawalRow
from casino.cashier.withdrawal_states import CANCELLABLE
from casino.money import Asset, Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail


class MovementKind(StrEnum):
    """Which way the money went."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the list; `amount` of a withdrawal includes its fee. `detail` is JSON-able: rail,
    reason, tx_hash and url; for withdrawals destination, memo, fee and net in units, and whether
    the player may still take it back (`cancellable`); for deposits on chains of blocks
    confirmations, how many are wanted (None: until it is final), and whether it is final."""

    kind: MovementKind
    id: int
    status: str
    amount: Money
    at: datetime
    detail: Mapping[str, object]


async def list_movements(
    session: AsyncSession, *, player_id: int, before_id: int | None = None, limit: int = 20
) -> Sequence[Movement]:
    """The newest movements first; `before_id` is the id of the last one of the page before. Ids
    of both kinds come from one clock, so their order is the order of time."""
    rails = {rail.name: rail for rail in await list_rails(session)}
    deposits = select(DepositRow).where(DepositRow.player_id == player_id)
    withdrawals = select(WithdrawalRow).where(WithdrawalRow.player_id == player_id)
    if before_id is not None:
        deposits = deposits.where(DepositRow.id < before_id)
        withdrawals = withdrawals.where(WithdrawalRow.id < before_id)
    found = [
        *(
            _deposit(row, rails.get(row.rail))
            for row in await session.scalars(deposits.order_by(DepositRow.id.desc()).limit(limit))
        ),
        *(
            _withdrawal(row, rails.get(row.rail))
            for row in await session.scalars(
                withdrawals.order_by(WithdrawalRow.id.desc()).limit(limit)
            )
        ),
    ]
    return sorted(found, key=lambda movement: movement.id, reverse=True)[:limit]


def _deposit(row: DepositRow, rail: Rail | None) -> Movement:
    return Movement(
        kind=MovementKind.DEPOSIT,
        id=row.id,
        status=row.status,
        amount=Money(row.units, Asset.from_code(row.asset)),
        at=row.seen_at,
        detail={
            "rail": row.rail,
            "reason": row.reason,
            "tx_hash": row.tx_hash or None,
            "url": rail.tx_url(row.tx_hash) if rail else None,
            **(_progress(row) if row.block_hash or row.block is None else {}),
        },
    )


def _progress(row: DepositRow) -> dict[str, object]:
    """How far its chain has confirmed a deposit."""
    return {
        "confirmations": row.confirmations,
        "confirmations_wanted": row.confirmations_wanted,
        "final": row.final_at is not None,
    }


def _withdrawal(row: WithdrawalRow, rail: Rail | None) -> Movement:
    return Movement(
        kind=MovementKind.WITHDRAWAL,
        id=row.id,
        status=row.status,
        amount=Money(row.units, Asset.from_code(row.asset)),
        at=row.requested_at,
        detail={
            "rail": row.rail,
            "reason": row.reason,
            "tx_hash": row.tx_hash,
            "url": rail.tx_url(row.tx_hash) if rail else None,
            "destination": row.destination,
            "memo": row.memo,
            "fee_units": row.fee_units,
            "net_units": row.units - row.fee_units,
            "cancellable": row.status in CANCELLABLE,
        },
    )
