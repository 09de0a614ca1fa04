"""Signs what is settled and not signed yet: one root over it, and each receipt's place in it.

What belongs into a root is decided by what has committed, never by the clock alone. New rounds are
found by id, from a bound that lies below everything a running transaction may still insert; rounds
of several steps settle long after their id and wait in a queue that their own transaction filled.
A thorough pass now and then looks further back. A receipt that has its place is never taken again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from casino.betting import receipt_tree
from casino.betting.receipt_roots import FIRST, HouseKey, Root, second_text
from casino.db import driver_connection
from casino.errors import InvariantViolation

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

RECEIPTS_MAX = 8_192
# An id is taken a moment before its transaction shows that it writes.
BEHIND = timedelta(seconds=2)
SWEEP_BEHIND = timedelta(minutes=5)
# A house where nothing happens need not write how far its signer has looked every second.
IDLE_MOVE = timedelta(seconds=10)
_IDLE_MOVE_IDS = (IDLE_MOVE // timedelta(milliseconds=1)) << 22

REGISTER = """
INSERT INTO receipt_keys (id, public_key, since) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING public_key
"""

LOCK = "SELECT signed_below, swept_below, head FROM receipt_progress WHERE id = 1 FOR UPDATE"

# Asked before anything is read: what a transaction inserts that shows up later has higher ids.
# The clock is read as the statement begins, before the list of transactions is.
BOUNDS = """
SELECT date_trunc('second', statement_timestamp()),
       first_id_at(low - $1::interval), first_id_at(low - $2::interval)
FROM (SELECT least(statement_timestamp(), min(xact_start)) AS low FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND backend_xid IS NOT NULL) running
"""

WAITING = """
SELECT w.round_id, r.receipt_hash, p.round_id IS NOT NULL
FROM receipts_waiting w JOIN rounds r ON r.id = w.round_id
LEFT JOIN receipt_paths p ON p.round_id = w.round_id
WHERE r.receipt_hash IS NOT NULL ORDER BY w.round_id LIMIT $1
"""

NEW = """
SELECT r.id, r.receipt_hash FROM rounds r
WHERE r.id >= $1 AND r.receipt_hash IS NOT NULL
  AND NOT EXISTS (SELECT FROM receipt_paths p WHERE p.round_id = r.id AND p.round_id >= $1)
ORDER BY r.id LIMIT $2
"""

STORE_ROOT = """
INSERT INTO receipt_roots (id, second, count, root, previous_root, key_id, signature)
VALUES (next_id(), $1, $2, $3, $4, $5, $6) RETURNING id
"""

STORE_TREE = "INSERT INTO receipt_trees (root_id, nodes) VALUES ($1, $2)"

STORE_PATHS = """
INSERT INTO receipt_paths (round_id, root_id, leaf)
SELECT round_id, $2, place - 1 FROM unnest($1::bigint[]) WITH ORDINALITY AS u(round_id, place)
"""

FORGET_WAITING = "DELETE FROM receipts_waiting WHERE round_id = ANY($1::bigint[])"

MOVE_ON = "UPDATE receipt_progress SET signed_below = $1, swept_below = $2, head = $3 WHERE id = 1"


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did; `more` says that it took all that it may and there is probably more."""

    signed: int
    more: bool


async def register(session: AsyncSession, key: HouseKey) -> None:
    """Publish the key's public part; raises InvariantViolation if its id is another key's."""
    connection = await driver_connection(session)
    known = await connection.fetchval(REGISTER, key.key_id, key.public_key)
    if known != key.public_key:
        raise InvariantViolation(reason="two house keys share an id", id=key.key_id)


async def sign(
    session: AsyncSession, key: HouseKey, *, thorough: bool = False, limit: int = RECEIPTS_MAX
) -> Pass:
    """Sign up to `limit` receipts under one root, oldest first; the key must be registered.

    `thorough` looks further back than what the last pass left, for receipts that a step of the
    server's clock hid from it. Signers that run at once wait for each other.
    """
    connection = await driver_connection(session)
    signed_below, swept_below, head = await connection.fetchrow(LOCK)
    second, bound, sweep_bound = await connection.fetchrow(BOUNDS, BEHIND, SWEEP_BEHIND)
    waiting = await connection.fetch(WAITING, limit)
    taken = {int(row[0]): bytes(row[1]) for row in waiting if not row[2]}
    low = min(swept_below, signed_below) if thorough else signed_below
    new = await connection.fetch(NEW, low, limit - len(taken)) if len(taken) < limit else []
    more = len(taken) + len(new) >= limit
    taken |= {int(row[0]): bytes(row[1]) for row in new}
    if waiting:
        await connection.execute(FORGET_WAITING, [row[0] for row in waiting])
    if taken:
        head = await _store(connection, key, taken, second, head or FIRST)
    if more:
        # Everything up to the last one read is signed; what comes after it was not looked at.
        bound = sweep_bound = min(bound, int(new[-1][0]) if new else low)
    below = max(bound, signed_below)
    swept = max(min(sweep_bound, below), swept_below) if thorough else swept_below
    if waiting or taken or thorough or below - signed_below > _IDLE_MOVE_IDS:
        await connection.execute(MOVE_ON, below, swept, head)
    return Pass(len(taken), more or len(waiting) == limit)


async def _store(
    connection: asyncpg.Connection,
    key: HouseKey,
    taken: dict[int, bytes],
    second: datetime,
    before: bytes,
) -> bytes:
    round_ids = sorted(taken)
    built = receipt_tree.levels([taken[round_id] for round_id in round_ids])
    root = Root(second_text(second), len(round_ids), built[-1][0], before)
    root_id = await connection.fetchval(
        STORE_ROOT, second, root.count, root.root, before, key.key_id, key.sign(root)
    )
    await connection.execute(STORE_TREE, root_id, receipt_tree.flatten(built))
    await connection.execute(STORE_PATHS, round_ids, root_id)
    return root.record_hash()
