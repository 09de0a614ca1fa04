"""A player's movements of money, deposits and withdrawals in one list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier import when_final
from casino.cashier.crediting import DepositStatus
from casino.cashier.rails import list_rails
from casino.cashier.tables import DepositRow, WithdrawalRow
from casino.cashier.terms import GAVE_UP
from casino.cashier.withdrawal_states import WithdrawalStatus, may_cancel
from casino.money import Asset, Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.cashier.when_final import Outlook


RETURNING = "returning"
"""How a returned deposit stands until the coins are back for good."""


class MovementKind(StrEnum):
    """Which way the money went."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the list; `amount` of a withdrawal includes its fee. `detail` is JSON-able: rail,
    network (its chain), reason, tx_hash and url; for withdrawals destination, memo, fee and net in
    units, whether the player may still take it back (`cancellable`), and whether staff send a held
    deposit back by it (`returns`); for deposits on chains of blocks confirmations (never more than
    are wanted), how many are wanted (None: until it is final), whether it is final, and about how
    many seconds that still takes (`final_in`, None: nobody knows). `status` is that of the row, and
    `returning` for a returned deposit that is not back yet."""

    kind: MovementKind
    id: int
    status: str
    amount: Money
    at: datetime
    detail: Mapping[str, object]

    @property
    def status_key(self) -> str:
        """The key of its status in words; what came to nothing of a return is held again."""
        held_again = self.detail.get("returns") is True and self.status in GAVE_UP
        return f"{'return' if held_again else self.kind}.status.{self.status}"


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
    rows = (await session.scalars(deposits.order_by(DepositRow.id.desc()).limit(limit))).all()
    outlooks = await _outlooks(session, rows, rails)
    returning = await _returning(session, player_id, rows)
    found = [
        *(
            _deposit(row, rails.get(row.rail), outlooks.get(row.rail), going=row.id in returning)
            for row in rows
        ),
        *(
            _withdrawal(row, rails.get(row.rail))
            for row in await session.scalars(
                withdrawals.order_by(WithdrawalRow.id.desc()).limit(limit)
            )
        ),
    ]
    return sorted(found, key=lambda movement: movement.id, reverse=True)[:limit]


async def _returning(
    session: AsyncSession, player_id: int, rows: Sequence[DepositRow]
) -> frozenset[int]:
    """Which of a player's deposits are on their way back, and not yet there."""
    returned = [row.id for row in rows if row.status == DepositStatus.RETURNED]
    if not returned:
        return frozenset()
    there = await session.scalars(
        select(WithdrawalRow.deposit_id).where(
            WithdrawalRow.player_id == player_id,
            WithdrawalRow.deposit_id.in_(returned),
            WithdrawalRow.status == WithdrawalStatus.CONFIRMED,
        )
    )
    return frozenset(returned) - set(there)


async def _outlooks(
    session: AsyncSession, rows: Sequence[DepositRow], rails: Mapping[str, Rail]
) -> Mapping[str, Outlook | None]:
    """What to expect of the chains that still have to make one of these final."""
    waiting = {row.rail for row in rows if _may_vanish(row)} & rails.keys()
    return {
        name: await when_final.outlook(session, chain=rails[name].chain) for name in sorted(waiting)
    }


def _may_vanish(row: DepositRow) -> bool:
    """Whether a deposit stands in a block that its chain may still take back."""
    gone = row.status == DepositStatus.ORPHANED
    return bool(row.block_hash) and row.final_at is None and not gone


def _deposit(
    row: DepositRow, rail: Rail | None, outlook: Outlook | None, *, going: bool
) -> Movement:
    return Movement(
        kind=MovementKind.DEPOSIT,
        id=row.id,
        status=RETURNING if going else row.status,
        amount=Money(row.units, Asset.from_code(row.asset)),
        at=row.seen_at,
        detail={
            "rail": row.rail,
            "network": rail.chain if rail else None,
            "reason": row.reason,
            "tx_hash": row.tx_hash or None,
            "url": rail.tx_url(row.tx_hash) if rail else None,
            **(_progress(row, outlook) if row.block_hash or row.block is None else {}),
        },
    )


def _progress(row: DepositRow, outlook: Outlook | None) -> dict[str, object]:
    """How far its chain has confirmed a deposit."""
    wanted = row.confirmations_wanted
    left = outlook.until(row.block) if outlook and row.block and _may_vanish(row) else None
    return {
        # A chain goes on counting until the deposit is final: "5 of 3" would tell nobody anything.
        "confirmations": row.confirmations if wanted is None else min(row.confirmations, wanted),
        "confirmations_wanted": wanted,
        "final": row.final_at is not None,
        "final_in": None if left is None else round(left.total_seconds()),
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
            "network": rail.chain if rail else None,
            "reason": row.reason,
            "tx_hash": row.tx_hash,
            "url": rail.tx_url(row.tx_hash) if rail else None,
            "destination": row.destination,
            "memo": row.memo,
            "fee_units": row.fee_units,
            "net_units": row.units - row.fee_units,
            "cancellable": may_cancel(row),
            "returns": row.deposit_id is not None,
        },
    )
