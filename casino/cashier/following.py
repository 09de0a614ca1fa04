"""Deposits on chains that are followed block by block: what a stretch of blocks brought, or undid.

One transaction books the blocks and everything that follows from them, so that the cursor, the
deposits and the book can never disagree. A deposit goes from seen by confirmations to credited,
playable, and later to final, withdrawable; until then its chain may take it back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from casino.cashier import address_pool, blocks, coins, crediting, reversals, unclaimed
from casino.cashier.crediting import Change, DepositStatus, Line
from casino.cashier.deposit_news import DepositNews
from casino.cashier.endings import WAITING, Endings
from casino.cashier.rails import get_rail
from casino.cashier.tables import DepositRow
from casino.errors import IdempotencyConflict
from casino.ids import PlayerId
from casino.ledger.finality import shift_not_final
from casino.ledger.journal import lock_players
from casino.money import require_units

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.blocks import Block, Place
    from casino.cashier.coins import CoinMoves
    from casino.cashier.rails import Rail
    from casino.cashier.unclaimed import ChainDeposit

FINAL = "final"
MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks that a node says stand on `ancestor`, and what they brought to our addresses.

    `top_hash` is the newest block that was known when the node was asked; above the ancestor
    nothing of it stands any more. `final_height` is how far the chain is final, as far as that was
    made sure of."""

    top_hash: str
    ancestor: Block
    above: Sequence[Block]
    transfers: Sequence[ChainDeposit]
    final_height: int
    coins: CoinMoves | None = None
    """Where coins are outputs: which of ours the blocks made and spent."""


@dataclass(slots=True)
class Booked:
    """Where the chain now stands, and how many deposits were new, moved to other blocks, taken
    back, credited or held, and became final."""

    place: Place
    new: int = 0
    moved: int = 0
    orphaned: int = 0
    ended: int = 0
    final: int = 0


async def book(
    session: AsyncSession, *, chain: str, rail: str, stretch: Stretch, now: datetime
) -> Booked | None:
    """Book a stretch of blocks, whole or not at all; None when the chain was read further by
    somebody else since `top_hash`, and the node has to be asked again.

    Raises InvariantViolation for blocks that are no chain or would undo a final one, and
    IdempotencyConflict for a transfer that contradicts what its own block brought before."""
    await blocks.take_turn(session, chain=chain)
    before = await blocks.read_place(session, chain=chain)
    if before is None or before.top.hash != stretch.top_hash:
        return None
    place = await blocks.advance(
        session,
        chain=chain,
        before=before,
        ancestor=stretch.ancestor,
        above=stretch.above,
        final_height=stretch.final_height,
        now=now,
    )
    offered = await get_rail(session, rail)
    if stretch.coins is not None:
        above = stretch.ancestor.height
        await coins.book(session, rail=offered, moves=stretch.coins, above=above, now=now)
    owners = await address_pool.owners(
        session, rail=rail, addresses=[transfer.account for transfer in stretch.transfers]
    )
    locked = await _lock(session, offered, stretch, place, owners)
    booked, news = Booked(place), DepositNews(offered)
    moved: set[str] = set()
    if stretch.ancestor.height < before.top.height:
        moved = await _undo(session, offered, stretch, booked, now)
    fresh = [one for one in stretch.transfers if one.business_key not in moved]
    booked.new = await _see_all(session, offered, fresh, owners, news, now)
    await _settle(session, offered, locked, booked, news, now)
    await news.write(session)
    await unclaimed.book(session, rail=offered, final_block=place.final_height, now=now)
    return booked


async def _undo(
    session: AsyncSession, rail: Rail, stretch: Stretch, booked: Booked, now: datetime
) -> set[str]:
    """Take back what stood above the ancestor, but for what the new blocks brought again; the keys
    of that."""
    height = stretch.ancestor.height
    again = {transfer.business_key: transfer for transfer in stretch.transfers}
    moved: dict[str, Line] = {}
    for row in await _open_rows(session, rail, DepositRow.block > height):
        mined = again.get(row.business_key)
        if mined is not None and (mined.units, mined.account) == (row.units, row.account):
            moved[row.business_key] = _move(row, mined)
        else:
            await reversals.orphan(session, row, rail, now=now)
            booked.orphaned += 1
    await crediting.note_all(session, list(moved.values()), now=now)
    await unclaimed.drop_above(session, rail=rail.name, block=height)
    booked.moved = len(moved)
    return set(moved)


async def _lock(
    session: AsyncSession,
    rail: Rail,
    stretch: Stretch,
    place: Place,
    owners: Mapping[str, int],
) -> Collection[int]:
    """Lock everyone whose money may move, all at once and in order: owners of what came, and of
    what vanishes, becomes playable or becomes final."""
    rows = await session.execute(
        select(DepositRow.player_id, DepositRow.block, DepositRow.units, DepositRow.status).where(
            *_open(rail)
        )
    )
    players = set(owners.values())
    for player_id, block, units, status in rows:
        height = _standing(block)
        wanted = rail.confirmations_wanted(units) if status in WAITING else None
        due = wanted is not None and place.top.height - height + 1 >= wanted
        if due or height <= place.final_height or height > stretch.ancestor.height:
            players.add(player_id)
    await lock_players(session, [PlayerId(player_id) for player_id in players])
    return players


def _move(row: DepositRow, mined: ChainDeposit) -> Line:
    """The same transaction in another block is the same deposit."""
    row.block, row.block_hash = mined.block, mined.block_hash
    row.sent_at, row.sender = mined.at, mined.sender
    return Line(row, DepositStatus(row.status), MOVED)


@dataclass(slots=True)
class _Seen:
    """What is known of transfers by their business keys: deposits, locked, and which of the keys
    are unclaimed."""

    deposits: dict[str, DepositRow]
    unclaimed: set[str]

    @classmethod
    async def of(cls, session: AsyncSession, rail: str, keys: Sequence[str]) -> _Seen:
        if not keys:
            return cls({}, set())
        rows = await session.scalars(
            select(DepositRow)
            .where(DepositRow.rail == rail, DepositRow.business_key.in_(keys))
            .order_by(DepositRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        kept = await unclaimed.known_keys(session, rail=rail, business_keys=keys)
        return cls({row.business_key: row for row in rows}, kept)


async def _see_all(
    session: AsyncSession,
    rail: Rail,
    transfers: Sequence[ChainDeposit],
    owners: Mapping[str, int],
    news: DepositNews,
    now: datetime,
) -> int:
    """Write down what blocks brought, all of it or nothing; how much of it was not known."""
    before = await _Seen.of(session, rail.name, [one.business_key for one in transfers])
    ownerless: dict[str, ChainDeposit] = {}
    fresh: dict[str, DepositRow] = {}
    mined: list[DepositRow] = []
    for transfer in transfers:
        require_units(transfer.units)
        key = transfer.business_key
        row = fresh.get(key) or before.deposits.get(key)
        if row is None and key in before.unclaimed:
            await unclaimed.see_again(session, rail=rail.name, transfer=transfer)
        elif row is None and (transfer.nobodys or transfer.account not in owners):
            unclaimed.require_same(ownerless.setdefault(key, transfer), transfer)
        elif row is not None and row.status == DepositStatus.SEEN and row.block is None:
            row.sender, row.sent_at = transfer.sender, transfer.at
            row.block, row.block_hash = transfer.block, transfer.block_hash
            mined.append(row)
        elif row is None or (row.status == DepositStatus.ORPHANED and key not in fresh):
            fresh[key] = _fresh(rail, row, transfer, owners, now)
        elif (row.block_hash, row.units) != (transfer.block_hash, transfer.units):
            raise IdempotencyConflict(reference=key)
    changes = [Change(row, DepositStatus.SEEN) for row in fresh.values()]
    await crediting.move_all(session, changes, now=now)
    for row in mined:
        news.screens(row, because="deposit.confirming")
    for row in fresh.values():
        news.player(row, kind="deposit.seen")
    reason = unclaimed.NOBODYS_ADDRESS
    await unclaimed.keep_all(
        session, rail=rail, transfers=list(ownerless.values()), reason=reason, now=now
    )
    return len(fresh) + len(mined) + len(ownerless)


def _fresh(
    rail: Rail,
    row: DepositRow | None,
    transfer: ChainDeposit,
    owners: Mapping[str, int],
    now: datetime,
) -> DepositRow:
    """A transfer as a new deposit, or as one that comes back."""
    if row is None:
        row = crediting.new_deposit(
            player_id=owners[transfer.account],
            rail=rail,
            business_key=transfer.business_key,
            account=transfer.account,
            now=now,
        )
    # A deposit that comes back may have been worth something else in the other history.
    row.tx_hash, row.sender, row.units = transfer.tx_hash, transfer.sender, transfer.units
    row.block, row.block_hash, row.sent_at = transfer.block, transfer.block_hash, transfer.at
    return row


async def _settle(
    session: AsyncSession,
    rail: Rail,
    locked: Collection[int],
    booked: Booked,
    news: DepositNews,
    now: datetime,
) -> None:
    """Count confirmations, credit what has enough of them, and end what is final."""
    place = booked.place
    mine = or_(DepositRow.status.in_(WAITING), DepositRow.player_id.in_(locked))
    rows = await _open_rows(session, rail, mine)
    if not rows:
        return
    early = await credited_early(session, rail)
    may_end = [row for row in rows if row.status in WAITING and row.player_id in locked]
    endings = await Endings.open(session, rail, may_end, news=news, now=now)
    confirming: list[Change] = []
    final: list[DepositRow] = []
    for row in rows:
        height = _standing(row.block)
        is_final = height <= place.final_height
        row.confirmations, before = place.top.height - height + 1, row.confirmations
        if row.status not in WAITING:
            if is_final:
                final.append(row)
                row.final_at = now
                news.screens(row, because="deposit.final")
            continue
        before_it = early.get(row.player_id, 0)
        wanted = confirmations_wanted(rail, row.units, early=before_it)
        row.confirmations_wanted = wanted
        deep = is_final or (wanted is not None and row.confirmations >= wanted)
        if deep and row.player_id in locked:
            ended = endings.end(row, final=is_final)
            booked.ended += 1
            if ended == DepositStatus.CREDITED and not is_final:
                early[row.player_id] = before_it + row.units
        elif row.status == DepositStatus.SEEN:
            confirming.append(Change(row, DepositStatus.CONFIRMING))
        elif row.confirmations != before:
            news.screens(row, because="deposit.confirming")
    await endings.store(session, also=confirming)
    await _make_final(session, final, rail, now)
    booked.final = len(final)


async def _make_final(
    session: AsyncSession, rows: Sequence[DepositRow], rail: Rail, now: datetime
) -> None:
    """Note that deposits which ended before are final now: what was credited may be withdrawn."""
    shifts = Counter[PlayerId]()
    for row in rows:
        if row.status == DepositStatus.CREDITED:
            shifts[PlayerId(row.player_id)] -= row.units
    await shift_not_final(session, rail.asset, shifts)
    lines = [Line(row, DepositStatus(row.status), FINAL) for row in rows]
    await crediting.note_all(session, lines, now=now)


def confirmations_wanted(rail: Rail, units: int, *, early: int) -> int | None:
    """How many confirmations make a deposit playable whose player was credited `early` units that
    are not final; None: only finality does."""
    if units < rail.deposit_min:
        return None  # waits to be added up
    # Many small deposits of one player are one large risk.
    return rail.confirmations_wanted(early + units)


def _open(rail: Rail) -> tuple[ColumnElement[bool], ...]:
    """Deposits in blocks that their chain may still change its mind about."""
    return (
        DepositRow.rail == rail.name,
        DepositRow.block.is_not(None),
        DepositRow.final_at.is_(None),
        DepositRow.status != DepositStatus.ORPHANED,
    )


def _standing(block: int | None) -> int:
    """The height of a deposit that `_open` found."""
    assert block is not None
    return block


async def _open_rows(
    session: AsyncSession, rail: Rail, which: ColumnElement[bool]
) -> Sequence[DepositRow]:
    query = select(DepositRow).where(*_open(rail), which).order_by(DepositRow.id)
    locking = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(locking)).all()


async def credited_early(session: AsyncSession, rail: Rail) -> dict[int, int]:
    """What each player was credited on this rail that is not final, in units."""
    rows = await session.execute(
        select(DepositRow.player_id, func.sum(DepositRow.units))
        .where(*_open(rail), DepositRow.status == DepositStatus.CREDITED)
        .group_by(DepositRow.player_id)
    )
    return {player_id: int(units) for player_id, units in rows}
