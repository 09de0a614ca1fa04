"""Our coins on a chain where coins are outputs: made, spent, and undone with the blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from casino.cashier import foreign_sends
from casino.cashier.payout_tables import OwnCoinRow, PayoutAttemptRow, PayoutRow
from casino.cashier.tables import DepositRow
from casino.errors import IdempotencyConflict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail

PARAMETERS_MAX = 1000
UNDECIDED = ("credited", "held")


@dataclass(frozen=True, slots=True)
class OwnCoin:
    """A coin in the chain: `units` are the chain's own, `branch` and `number` lead to its key,
    `parent` is the transaction that made it, without witnesses."""

    outpoint: str
    units: int
    branch: int
    number: int
    parent: bytes
    height: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class CoinSpend:
    """The transaction in a block that spent a coin; `pays` are all its outputs in their order, to
    addresses as canonical text (empty for a script without one), in the chain's own units."""

    outpoint: str
    tx_hash: str
    height: int
    block_hash: str
    pays: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CoinMoves:
    """What blocks did to our coins."""

    made: Sequence[OwnCoin] = ()
    spends: Sequence[CoinSpend] = ()


async def book(
    session: AsyncSession, *, rail: Rail, moves: CoinMoves, above: int, now: datetime
) -> None:
    """Forget what blocks above a height did, and write down what the present ones did, in the
    transaction that books them. A spend that no payout of ours explains is noted, which stops
    payouts until staff have said what it was. Raises IdempotencyConflict for a coin that
    contradicts what is known of it."""
    of_rail = OwnCoinRow.rail == rail.name
    await session.execute(
        update(OwnCoinRow)
        .where(of_rail, OwnCoinRow.spent_height > above)
        .values(spent_by=None, spent_height=None, spent_hash=None)
    )
    await session.execute(delete(OwnCoinRow).where(of_rail, OwnCoinRow.height > above))
    for coin in moves.made:
        await _add(session, rail.name, coin)
    for spend in moves.spends:
        await session.execute(
            update(OwnCoinRow)
            .where(of_rail, OwnCoinRow.outpoint == spend.outpoint)
            .values(spent_by=spend.tx_hash, spent_height=spend.height, spent_hash=spend.block_hash)
        )
    await _note_foreign(session, rail, moves.spends, now)


async def unspent(session: AsyncSession, *, rail: str) -> Sequence[OwnCoin]:
    """Coins in blocks that no block spent, the oldest first."""
    return await _read(session, OwnCoinRow.rail == rail, OwnCoinRow.spent_by.is_(None))


async def unspent_at(session: AsyncSession, *, rail: str, height: int) -> Sequence[OwnCoin]:
    """Coins that were there after the block of a height."""
    later = or_(OwnCoinRow.spent_height.is_(None), OwnCoinRow.spent_height > height)
    return await _read(session, OwnCoinRow.rail == rail, OwnCoinRow.height <= height, later)


async def unspent_units_at(session: AsyncSession, *, rail: str, height: int) -> int:
    """What those coins hold together, in the chain's own units."""
    total = await session.scalar(
        select(func.coalesce(func.sum(OwnCoinRow.units), 0)).where(
            OwnCoinRow.rail == rail,
            OwnCoinRow.height <= height,
            or_(OwnCoinRow.spent_height.is_(None), OwnCoinRow.spent_height > height),
        )
    )
    return int(total or 0)


async def known(
    session: AsyncSession, *, rail: str, outpoints: Collection[str]
) -> Mapping[str, OwnCoin]:
    """Coins by their outpoints, spent or not; unknown ones are left out."""
    wanted = OwnCoinRow.outpoint.in_(set(outpoints))
    return {coin.outpoint: coin for coin in await _read(session, OwnCoinRow.rail == rail, wanted)}


async def spends(
    session: AsyncSession, *, rail: str, outpoints: Collection[str]
) -> Mapping[str, CoinSpend]:
    """Who spent these coins in a block, by outpoint; unspent ones are left out."""
    rows = await session.scalars(
        select(OwnCoinRow).where(
            OwnCoinRow.rail == rail,
            OwnCoinRow.outpoint.in_(set(outpoints)),
            OwnCoinRow.spent_by.is_not(None),
        )
    )
    return {
        row.outpoint: CoinSpend(
            row.outpoint, row.spent_by or "", row.spent_height or 0, row.spent_hash or ""
        )
        for row in rows
    }


async def highest_number(session: AsyncSession, *, rail: str, branch: int) -> int:
    """The highest number of a branch that ever held a coin in the present chain; -1 without one."""
    found = await session.scalar(
        select(func.max(OwnCoinRow.number)).where(
            OwnCoinRow.rail == rail, OwnCoinRow.branch == branch
        )
    )
    return -1 if found is None else int(found)


async def is_unsettled(session: AsyncSession, *, rail: str, height: int) -> bool:
    """Whether a payout whose transaction is in a block up to a height is not booked as ended."""
    found = await session.scalar(
        select(PayoutRow.id)
        .join(PayoutAttemptRow, PayoutAttemptRow.payout_id == PayoutRow.id)
        .join(
            OwnCoinRow,
            (OwnCoinRow.rail == PayoutRow.rail) & (OwnCoinRow.spent_by == PayoutAttemptRow.tx_hash),
        )
        .where(
            PayoutRow.rail == rail,
            PayoutRow.closed_at.is_(None),
            OwnCoinRow.spent_height <= height,
        )
        .limit(1)
    )
    return found is not None


async def booked_early(session: AsyncSession, *, rail: str, height: int) -> int:
    """What the book has of deposits above a height, in the asset's units."""
    total = await session.scalar(
        select(func.coalesce(func.sum(DepositRow.units), 0)).where(
            DepositRow.rail == rail,
            DepositRow.block > height,
            DepositRow.status.in_(UNDECIDED),
        )
    )
    return int(total or 0)


async def maker(session: AsyncSession, *, rail: str, tx_hash: str) -> int | None:
    """The payout of ours that signed a transaction; None for a foreign one."""
    payout_id: int | None = await session.scalar(
        select(PayoutAttemptRow.payout_id)
        .join(PayoutRow, PayoutRow.id == PayoutAttemptRow.payout_id)
        .where(PayoutRow.rail == rail, PayoutAttemptRow.tx_hash == tx_hash)
        .limit(1)
    )
    return payout_id


async def _add(session: AsyncSession, rail: str, coin: OwnCoin) -> None:
    new = await session.scalar(
        insert(OwnCoinRow)
        .values(
            rail=rail,
            outpoint=coin.outpoint,
            units=coin.units,
            branch=coin.branch,
            number=coin.number,
            parent=coin.parent,
            height=coin.height,
            block_hash=coin.block_hash,
        )
        .on_conflict_do_nothing()
        .returning(OwnCoinRow.outpoint)
    )
    if new is not None:
        return
    row = await session.get_one(OwnCoinRow, (rail, coin.outpoint), populate_existing=True)
    if (row.units, row.block_hash) != (coin.units, coin.block_hash):
        raise IdempotencyConflict(reference=coin.outpoint)


async def _note_foreign(
    session: AsyncSession, rail: Rail, spends: Sequence[CoinSpend], now: datetime
) -> None:
    if not spends or rail.address is None:
        return
    by_tx: dict[str, list[CoinSpend]] = {}
    for spend in spends:
        by_tx.setdefault(spend.tx_hash, []).append(spend)
    ours: set[str | None] = set()
    txids = sorted(by_tx)
    for at in range(0, len(txids), PARAMETERS_MAX):
        found = await session.scalars(
            select(PayoutAttemptRow.tx_hash)
            .join(PayoutRow, PayoutRow.id == PayoutAttemptRow.payout_id)
            .where(
                PayoutRow.rail == rail.name,
                PayoutAttemptRow.tx_hash.in_(txids[at : at + PARAMETERS_MAX]),
            )
        )
        ours |= set(found)
    for txid in txids:
        if txid not in ours:
            await foreign_sends.note(
                session,
                rail=rail.name,
                account=rail.address,
                tx_hash=txid,
                evidence={
                    "coins": [spend.outpoint for spend in by_tx[txid]],
                    "block": by_tx[txid][0].height,
                    "block_hash": by_tx[txid][0].block_hash,
                    **await _paid(session, rail, by_tx[txid]),
                },
                now=now,
            )


async def _paid(
    session: AsyncSession, rail: Rail, spends: Sequence[CoinSpend]
) -> dict[str, object]:
    """Whom a transaction paid that spends coins of ours, what came back to us left out, and what
    the network took if all its coins were ours."""
    (txid,) = {spend.tx_hash for spend in spends}
    pays = spends[0].pays
    held = await known(session, rail=rail.name, outpoints=[spend.outpoint for spend in spends])
    ours = await known(
        session, rail=rail.name, outpoints=[f"{txid}:{place}" for place in range(len(pays))]
    )
    paid = [
        foreign_sends.SentPayment(rail.name, to, units * rail.unit_step).as_evidence()
        for place, (to, units) in enumerate(pays)
        if f"{txid}:{place}" not in ours and units
    ]
    fee = sum(coin.units for coin in held.values()) - sum(units for _to, units in pays)
    return {foreign_sends.PAID: paid, foreign_sends.FEE: max(0, fee) * rail.unit_step}


async def _read(session: AsyncSession, *which: ColumnElement[bool]) -> Sequence[OwnCoin]:
    rows = await session.scalars(
        select(OwnCoinRow)
        .where(*which)
        .order_by(OwnCoinRow.height, OwnCoinRow.outpoint)
        .execution_options(populate_existing=True)
    )
    return [
        OwnCoin(
            row.outpoint,
            row.units,
            row.branch,
            row.number,
            row.parent,
            row.height,
            row.block_hash,
        )
        for row in rows
    ]
