"""The last blocks of each followed chain: how far it was read, and what it stood on then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, text

from casino import arrays, outbox
from casino.cashier.chain_tables import ChainBlockRow, ChainProgressRow
from casino.errors import InvariantViolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

RING_BLOCKS = 512
"""How many blocks are remembered: a reorganisation below them cannot be followed."""

REMEMBER = text("""
INSERT INTO chain_blocks (chain, height, hash, parent, at)
SELECT :chain, * FROM unnest(
  CAST(CAST(:heights AS text) AS bigint[]), CAST(CAST(:hashes AS text) AS text[]),
  CAST(CAST(:parents AS text) AS text[]), CAST(CAST(:times AS text) AS timestamptz[]))
""")


@dataclass(frozen=True, slots=True)
class Block:
    """A block as the follower wrote it down; `parent` is the hash of the one below."""

    height: int
    hash: str
    parent: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chain was read to: the newest block, and the height below which nothing changes
    any more. `halted` is why it cannot be followed further, as staff were told."""

    top: Block
    final_height: int
    halted: str | None


async def take_turn(session: AsyncSession, *, chain: str) -> None:
    """Followers of one chain take turns until they commit, should two of them ever overlap."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(
            key=f"chain_blocks:{chain}"
        )
    )


async def read_place(session: AsyncSession, *, chain: str) -> Place | None:
    """Where the chain was read to; None before the first block."""
    top = await session.scalar(
        select(ChainBlockRow)
        .where(ChainBlockRow.chain == chain)
        .order_by(ChainBlockRow.height.desc())
        .limit(1)
    )
    progress = await session.get(ChainProgressRow, chain, populate_existing=True)
    if top is None or progress is None:
        return None
    return Place(_block(top), progress.final_height, progress.halted)


async def read_ring(session: AsyncSession, *, chain: str) -> Sequence[Block]:
    """Every remembered block, the newest first."""
    rows = await session.scalars(
        select(ChainBlockRow)
        .where(ChainBlockRow.chain == chain)
        .order_by(ChainBlockRow.height.desc())
    )
    return [_block(row) for row in rows]


async def begin(session: AsyncSession, *, chain: str, first: Block, now: datetime) -> None:
    """Start following above `first`, which counts as final. Again changes nothing."""
    await take_turn(session, chain=chain)
    if await read_place(session, chain=chain) is not None:
        return
    session.add(ChainBlockRow(chain=chain, **_values(first)))
    session.add(ChainProgressRow(chain=chain, final_height=first.height, moved_at=now))
    await session.flush()


async def advance(
    session: AsyncSession,
    *,
    chain: str,
    before: Place,
    ancestor: Block,
    above: Sequence[Block],
    final_height: int,
    now: datetime,
) -> Place:
    """Forget what stood above `ancestor`, remember the blocks `above` it and how far all of that
    is final, in the transaction that books what they brought, and that has read `before` in its
    turn.

    Raises InvariantViolation where the blocks are no chain, the ancestor is not remembered, or a
    final block would be forgotten."""
    if ancestor.height < min(before.final_height, before.top.height):
        raise InvariantViolation(reason="a final block would be forgotten", chain=chain)
    stands = await session.scalar(
        select(ChainBlockRow.hash).where(
            ChainBlockRow.chain == chain, ChainBlockRow.height == ancestor.height
        )
    )
    below = ancestor
    for block in above:
        if (block.parent, block.height) != (below.hash, below.height + 1):
            raise InvariantViolation(reason="blocks that are no chain", chain=chain)
        below = block
    if stands != ancestor.hash:
        raise InvariantViolation(reason="an ancestor that is not remembered", chain=chain)
    await session.execute(
        delete(ChainBlockRow).where(
            ChainBlockRow.chain == chain, ChainBlockRow.height > ancestor.height
        )
    )
    kept = above[-RING_BLOCKS:]
    if kept:
        await session.execute(REMEMBER.bindparams(chain=chain, **_columns(kept)))
    await session.execute(
        delete(ChainBlockRow).where(
            ChainBlockRow.chain == chain, ChainBlockRow.height <= below.height - RING_BLOCKS
        )
    )
    progress = await session.get_one(ChainProgressRow, chain)
    # What was final once stays final, whatever another node says later.
    progress.final_height = max(progress.final_height, min(final_height, below.height))
    progress.moved_at = now
    if progress.halted is not None:
        progress.halted = None
        await _tell_staff(session, chain, "alert.chain_followed", block=below)
    await session.flush()
    return Place(below, progress.final_height, None)


async def halt(session: AsyncSession, *, chain: str, reason: str, now: datetime) -> bool:
    """Remember why a chain cannot be followed and tell staff, once for each reason; True when
    this is news."""
    await take_turn(session, chain=chain)
    place = await read_place(session, chain=chain)
    progress = await session.get(ChainProgressRow, chain, populate_existing=True)
    if place is None or progress is None or progress.halted == reason:
        return False
    progress.halted, progress.moved_at = reason, now
    await _tell_staff(session, chain, "alert.chain_halted", block=place.top, reason=reason)
    await session.flush()
    return True


async def _tell_staff(
    session: AsyncSession, chain: str, kind: str, *, block: Block, reason: str | None = None
) -> None:
    payload = {"chain": chain, "block": block.height, "block_hash": block.hash}
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=0,
        kind=kind,
        payload=payload | ({"reason": reason} if reason else {}),
    )


def _columns(blocks: Sequence[Block]) -> dict[str, str]:
    return {
        "heights": arrays.numbers(block.height for block in blocks),
        "hashes": arrays.texts(block.hash for block in blocks),
        "parents": arrays.texts(block.parent for block in blocks),
        "times": arrays.texts(block.at.isoformat() for block in blocks),
    }


def _values(block: Block) -> dict[str, object]:
    return {"height": block.height, "hash": block.hash, "parent": block.parent, "at": block.at}


def _block(row: ChainBlockRow) -> Block:
    return Block(row.height, row.hash, row.parent, row.at)
