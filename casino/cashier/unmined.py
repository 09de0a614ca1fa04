"""Deposits that wait for their first block: shown to their players, never booked, gone if replaced.

A mempool is a promise: whoever sent a transaction can replace it, and a node may drop it. So such a
deposit stands in no block, which the database lets no credited one do; a block makes it one like
any other (`following`), and what no longer waits is orphaned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier import address_pool, blocks, crediting
from casino.cashier.crediting import DepositStatus
from casino.cashier.deposit_news import tell_player
from casino.cashier.endings import lock_rows
from casino.cashier.following import confirmations_wanted, credited_early
from casino.cashier.rails import get_rail
from casino.cashier.tables import DepositRow, UnclaimedRow
from casino.ids import PlayerId
from casino.ledger.journal import lock_players
from casino.money import require_units

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail

REPLACED = "replaced"
GONE = "deposit.replaced"
NEW_MAX = 500
"""How many are written down in one transaction; the rest has its turn at the next look."""


@dataclass(frozen=True, slots=True)
class UnminedDeposit:
    """A payment that waits for its first block; `business_key` is the one that it will have there,
    `account` the address that it pays, `units` are at the asset's scale."""

    business_key: str
    tx_hash: str
    account: str
    units: int


@dataclass(frozen=True, slots=True)
class Looked:
    """How many deposits a look at what waits brought, and how many of the known ones are gone."""

    new: int = 0
    gone: int = 0


async def book(
    session: AsyncSession,
    *,
    chain: str,
    rail: str,
    top_hash: str,
    payments: Sequence[UnminedDeposit],
    tx_hashes: Collection[str],
    now: datetime,
) -> Looked | None:
    """Write down which payments wait for a block on top of `top_hash`, and drop those whose
    transaction is not among `tx_hashes` any more. None when the chain was read further, or not as
    far: what no longer waits may then be in a block that is not booked here.

    Payments to nobody's address are left for the block that brings them. Again changes nothing."""
    await blocks.take_turn(session, chain=chain)
    place = await blocks.read_place(session, chain=chain)
    if place is None or place.top.hash != top_hash:
        return None
    offered = await get_rail(session, rail)
    known = (
        await session.execute(
            select(
                DepositRow.id, DepositRow.player_id, DepositRow.business_key, DepositRow.tx_hash
            ).where(
                DepositRow.rail == rail,
                DepositRow.status == DepositStatus.SEEN,
                DepositRow.block.is_(None),
            )
        )
    ).all()
    gone = [each for each in known if each.tx_hash not in tx_hashes]
    fresh, owners = await _new(session, rail, payments, {each.business_key for each in known})
    if not gone and not fresh:
        return Looked()
    players = {each.player_id for each in gone} | {owners[one.account] for one in fresh}
    await lock_players(session, [PlayerId(player_id) for player_id in players])
    dropped = await lock_rows(session, [each.id for each in gone], DepositStatus.SEEN)
    for row in dropped:
        await crediting.move(session, row, DepositStatus.ORPHANED, reason=REPLACED, now=now)
        await tell_player(session, row, offered, kind=GONE)
    early = await credited_early(session, offered)
    new = 0
    for payment in fresh:
        new += await _see(session, offered, payment, owners[payment.account], early, now)
    await session.flush()
    return Looked(new=new, gone=len(dropped))


async def _new(
    session: AsyncSession,
    rail: str,
    payments: Sequence[UnminedDeposit],
    known: Collection[str],
) -> tuple[Sequence[UnminedDeposit], Mapping[str, int]]:
    """Payments that are not written down as waiting, with the owners of their addresses."""
    unknown = [one for one in payments if one.business_key not in known]
    if not unknown:
        return (), {}
    owners = await address_pool.owners(
        session, rail=rail, addresses=[one.account for one in unknown]
    )
    fresh = [one for one in unknown if one.account in owners][:NEW_MAX]
    ownerless = await session.scalars(
        select(UnclaimedRow.business_key).where(
            UnclaimedRow.rail == rail,
            UnclaimedRow.business_key.in_([one.business_key for one in fresh]),
        )
    )
    # Staff have it before them already, from a block that was abandoned.
    theirs = set(ownerless)
    return [one for one in fresh if one.business_key not in theirs], owners


async def _see(
    session: AsyncSession,
    rail: Rail,
    payment: UnminedDeposit,
    player_id: int,
    early: Mapping[int, int],
    now: datetime,
) -> bool:
    """Write a payment down; False if a block has it."""
    require_units(payment.units)
    row = await session.scalar(
        select(DepositRow)
        .where(DepositRow.rail == rail.name, DepositRow.business_key == payment.business_key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is not None and row.status != DepositStatus.ORPHANED:
        return False
    if row is None:
        row = crediting.new_deposit(
            player_id=player_id,
            rail=rail,
            business_key=payment.business_key,
            account=payment.account,
            now=now,
        )
    row.tx_hash, row.sender, row.units = payment.tx_hash, "", payment.units
    row.block, row.block_hash, row.sent_at = None, "", now
    row.confirmations = 0
    row.confirmations_wanted = confirmations_wanted(
        rail, row.units, early=early.get(row.player_id, 0)
    )
    await crediting.move(session, row, DepositStatus.SEEN, now=now)
    await tell_player(session, row, rail, kind="deposit.seen")
    return True
