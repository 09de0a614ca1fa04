"""Moves of the house's own coins: sweeps, fuel, cold storage, consolidation; one state machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier import cold_storage
from casino.cashier.batches import Move, close, lock_payout, move_view
from casino.cashier.payout_tables import MoveHistoryRow, MoveRow, PayoutRow
from casino.errors import IdempotencyConflict, IllegalMove, InvariantViolation, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


class MoveKind(StrEnum):
    """Why coins of ours change their place."""

    SWEEP = "sweep"
    """From a player's deposit address to the hot wallet."""
    FUEL = "fuel"
    """The network's own coin, to an account that cannot pay for its sweep."""
    COLD = "cold"
    """From the hot wallet to cold storage."""
    CONSOLIDATION = "consolidation"
    """Many coins of the hot wallet into one."""
    CHILD = "child"
    """The change of a payout that waits, to a place of ours: its fee pays for both."""


class MoveStatus(StrEnum):
    """Where a move stands; done and dead are the ends."""

    ASSIGNED = "assigned"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class MoveIntent:
    """What shall move: `source` is where the coins are, `units` what is expected of them, of the
    rail's asset, or of the network's own coin for fuel."""

    kind: MoveKind
    source: str
    destination: str
    units: int


_S = MoveStatus

ALLOWED: Mapping[MoveStatus | None, frozenset[MoveStatus]] = {
    None: frozenset({_S.ASSIGNED}),
    _S.ASSIGNED: frozenset({_S.SIGNED, _S.DEAD}),
    _S.SIGNED: frozenset({_S.BROADCAST, _S.DEAD}),
    _S.BROADCAST: frozenset({_S.DONE, _S.DEAD}),
    _S.DONE: frozenset(),
    _S.DEAD: frozenset(),
}
LIVING = (_S.ASSIGNED, _S.SIGNED, _S.BROADCAST)


async def living(session: AsyncSession, *, rail: str) -> Sequence[Move]:
    """Moves under way on a rail, the oldest first."""
    rows = await session.scalars(
        select(MoveRow)
        .where(MoveRow.rail == rail, MoveRow.status.in_(LIVING))
        .order_by(MoveRow.payout_id)
        .execution_options(populate_existing=True)
    )
    return [move_view(row) for row in rows]


async def assign(
    session: AsyncSession,
    *,
    payout: PayoutRow,
    intent: MoveIntent,
    now: datetime,
) -> None:
    """Give a new payout its move. Raises InvariantViolation for a move to where it comes from."""
    if intent.source == intent.destination and intent.kind is not MoveKind.CONSOLIDATION:
        raise InvariantViolation(reason="a move that goes nowhere", source=intent.source)
    row = MoveRow(payout_id=payout.id, rail=payout.rail, **asdict(intent))
    await _move(session, row, MoveStatus.ASSIGNED, now)


async def advance(
    session: AsyncSession, *, payout_id: int, to: MoveStatus, now: datetime
) -> MoveRow | None:
    """Give the move of a locked payout its next status; None if the payout is no move. The same
    status again changes nothing. Raises IllegalMove."""
    row = await session.get(MoveRow, payout_id, with_for_update=True, populate_existing=True)
    if row is not None and row.status != to:
        await _move(session, row, to, now)
    return row


async def finish(
    session: AsyncSession,
    *,
    payout_id: int,
    tx_hash: str,
    units: int | None = None,
    now: datetime,
) -> Move:
    """Say that a move is final on the chain, and book what went to cold storage: `units`, where
    another amount arrived than was planned. Twice is once; raises NotFound, IllegalMove for one
    that was declared dead, IdempotencyConflict for another transaction."""
    payout, row = await _lock(session, payout_id)
    if row.status == MoveStatus.DONE:
        if row.tx_hash != tx_hash:
            raise IdempotencyConflict(reference=str(payout_id))
        return move_view(row)
    if row.status == MoveStatus.SIGNED:
        # The bytes went out, but the process died before it could say so.
        await _move(session, row, MoveStatus.BROADCAST, now)
    row.tx_hash, row.ended_at = tx_hash, now
    await _move(session, row, MoveStatus.DONE, now)
    if row.kind == MoveKind.COLD:
        await cold_storage.book_move(
            session,
            rail=row.rail,
            units=row.units if units is None else units,
            reference=str(payout_id),
            tx_hash=tx_hash,
            now=now,
        )
    await close(session, payout, now=now)
    return move_view(row)


async def bury(session: AsyncSession, *, payout_id: int, proof: str, now: datetime) -> Move:
    """Declare that a move can never happen any more, with the proof. Twice is once; raises
    NotFound, IllegalMove for one that happened."""
    payout, row = await _lock(session, payout_id)
    if row.status == MoveStatus.DEAD:
        return move_view(row)
    if not proof.strip():
        raise InvariantViolation(reason="a death needs its proof", payout=payout_id)
    row.proof, row.ended_at = proof, now
    await _move(session, row, MoveStatus.DEAD, now)
    await close(session, payout, now=now)
    return move_view(row)


async def _lock(session: AsyncSession, payout_id: int) -> tuple[PayoutRow, MoveRow]:
    payout = await lock_payout(session, payout_id)
    row = await session.get(MoveRow, payout_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(thing="treasury_move", key=payout_id)
    return payout, row


async def _move(session: AsyncSession, row: MoveRow, to: MoveStatus, now: datetime) -> None:
    current = MoveStatus(row.status) if row.status is not None else None
    if to not in ALLOWED[current]:
        raise IllegalMove(thing="treasury_move", current=current, wanted=to)
    row.status = to
    session.add(row)
    await session.flush()
    session.add(MoveHistoryRow(payout_id=row.payout_id, from_status=current, to_status=to, at=now))
    await session.flush()
