"""Deposits: what the watcher saw becomes money in wallets, once for each chain transfer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from casino import flags, switches
from casino.cashier import address_pool, crediting, tags, unclaimed
from casino.cashier.addresses import find_owners
from casino.cashier.chain_tables import ChainCursorRow
from casino.cashier.crediting import Change, Deposit, DepositStatus
from casino.cashier.credits import Credits, release
from casino.cashier.deposit_news import DepositNews
from casino.cashier.endings import WAITING, Endings, lock_rows
from casino.cashier.rails import FAUCET, Rail, get_rail
from casino.cashier.tables import DepositRow, UnclaimedRow
from casino.cashier.unclaimed import ChainDeposit, Unclaimed
from casino.errors import IdempotencyConflict, InvariantViolation, NotFound
from casino.ids import PlayerId
from casino.ledger.chart import Account
from casino.ledger.journal import lock_players
from casino.money import require_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.money import Asset

__all__ = ["ChainDeposit", "Deposit", "DepositStatus", "Unclaimed"]

_PARAMETERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Observed:
    """How many transfers of a page were new, and how many of those had no known owner."""

    new: int
    unclaimed: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading an account stopped; everything up to this transaction is booked."""

    lt: int
    tx_hash: str
    block: int


async def observe(
    session: AsyncSession, *, rail: str, transfers: Sequence[ChainDeposit], now: datetime
) -> Observed:
    """Write down what was seen on the chain: a deposit for the player whose address it came to, or
    else whose tag is in the comment; an unclaimed transfer if there is no such player. A transfer
    that is known already changes nothing; one that is known with other content raises
    IdempotencyConflict, since a chain does not change its mind about what happened under one key.
    """
    await _one_reader(session, rail)
    offered = await get_rail(session, rail)
    wanted = {
        transfer.business_key: tag
        for transfer in transfers
        if transfer.comment is not None and (tag := tags.parse(transfer.comment)) is not None
    }
    owners = await find_owners(session, rail=offered, wanted=list(wanted.values()))
    by_address = await address_pool.owners(
        session,
        rail=offered.pool,
        addresses=[transfer.address or transfer.account for transfer in transfers],
    )
    fresh = await _unknown(session, rail, transfers)
    seen: list[tuple[ChainDeposit, int]] = []
    ownerless: list[ChainDeposit] = []
    for transfer in fresh:
        player_id = by_address.get(
            transfer.address or transfer.account,
            owners.get(wanted.get(transfer.business_key, "")),
        )
        if player_id is not None and not transfer.nobodys:
            seen.append((transfer, player_id))
        else:
            ownerless.append(transfer)
    await _see_all(session, offered, seen, now)
    await unclaimed.keep_all(session, rail=offered, transfers=ownerless, now=now)
    return Observed(len(fresh), len(ownerless))


async def confirm(session: AsyncSession, *, rail: str, final_block: int, now: datetime) -> int:
    """Credit every deposit of the rail whose block is final, hold those that may not be played,
    and book transfers without an owner. Returns how many deposits ended."""
    await _one_reader(session, rail)
    offered = await get_rail(session, rail)
    waiting = (
        await session.execute(
            select(
                DepositRow.id,
                DepositRow.player_id,
                (DepositRow.block <= final_block).label("is_final"),
            )
            .where(DepositRow.rail == rail, DepositRow.status.in_(WAITING))
            .order_by(DepositRow.id)
        )
    ).all()
    due = [each for each in waiting if each.is_final]
    early = [each.id for each in waiting if not each.is_final]
    await lock_players(session, sorted({PlayerId(each.player_id) for each in due}))
    ended = await lock_rows(session, [each.id for each in due], *WAITING)
    await _end_all(session, offered, ended, now)
    seen = await lock_rows(session, early, DepositStatus.SEEN)
    changes = [Change(row, DepositStatus.CONFIRMING) for row in seen]
    await crediting.move_all(session, changes, now=now)
    await unclaimed.book(session, rail=offered, final_block=final_block, now=now)
    return len(ended)


async def orphan(
    session: AsyncSession, *, rail: str, business_keys: Iterable[str], now: datetime
) -> int:
    """Drop transfers that a reorganisation took away before they were final; returns how many.
    Raises IllegalMove for one that was credited: finality was judged too early."""
    keys = list(business_keys)
    found = (
        await session.scalars(
            select(DepositRow.id).where(
                DepositRow.rail == rail,
                DepositRow.business_key.in_(keys),
                DepositRow.status != DepositStatus.ORPHANED,
            )
        )
    ).all()
    rows = await lock_rows(session, found, *(set(DepositStatus) - {DepositStatus.ORPHANED}))
    changes = [Change(row, DepositStatus.ORPHANED) for row in rows]
    await crediting.move_all(session, changes, now=now)
    lost = await unclaimed.drop(session, rail=rail, business_keys=keys)
    return len(rows) + lost


async def read_cursor(session: AsyncSession, *, chain: str, account: str) -> Cursor:
    """Where to go on reading an account; the beginning of its history at first."""
    row = await session.get(ChainCursorRow, (chain, account), populate_existing=True)
    return Cursor(row.lt, row.tx_hash, row.block) if row else Cursor(0, "", 0)


async def read_cursors(
    session: AsyncSession, *, chain: str, accounts: Sequence[str]
) -> Mapping[str, Cursor]:
    """Where reading stopped in each of these accounts; those never read are left out."""
    found: dict[str, Cursor] = {}
    for at in range(0, len(accounts), _PARAMETERS_MAX):
        rows = await session.scalars(
            select(ChainCursorRow)
            .where(
                ChainCursorRow.chain == chain,
                ChainCursorRow.account.in_(accounts[at : at + _PARAMETERS_MAX]),
            )
            .execution_options(populate_existing=True)
        )
        found |= {row.account: Cursor(row.lt, row.tx_hash, row.block) for row in rows}
    return found


async def advance_cursor(
    session: AsyncSession,
    *,
    chain: str,
    account: str,
    lt: int,
    tx_hash: str,
    block: int,
    now: datetime,
) -> None:
    """Say that everything up to here is booked, in the transaction that booked it. A cursor never
    goes back: raises InvariantViolation."""
    row = await session.get(
        ChainCursorRow, (chain, account), with_for_update=True, populate_existing=True
    )
    if row is not None and (lt < row.lt or block < row.block):
        raise InvariantViolation(reason="the cursor of a chain went back", chain=chain)
    values = {"lt": lt, "tx_hash": tx_hash, "block": block, "moved_at": now}
    await session.execute(
        insert(ChainCursorRow)
        .values(chain=chain, account=account, **values)
        .on_conflict_do_update(
            index_elements=[ChainCursorRow.chain, ChainCursorRow.account], set_=values
        )
    )


async def credit_faucet(
    session: AsyncSession,
    *,
    player_id: int,
    units: int,
    asset: Asset,
    reference: str,
    now: datetime,
) -> Deposit:
    """Give play money under `reference`, once; on the same path as coins from a chain."""
    rail = await get_rail(session, FAUCET)
    flags.require_running(await flags.stopped(session), switches.DEPOSITS)
    if asset is not rail.asset:
        raise NotFound(thing="rail", key=f"faucet:{asset}")
    require_units(units)
    await lock_players(session, [PlayerId(player_id)])
    transfer = ChainDeposit(
        business_key=reference,
        tx_hash="",
        account=FAUCET,
        sender=FAUCET,
        comment=None,
        units=units,
        block=0,
        at=now,
    )
    fresh = await _unknown(session, FAUCET, [transfer])
    await _see_all(session, rail, [(one, player_id) for one in fresh], now)
    row = (
        await session.scalars(
            select(DepositRow)
            .where(DepositRow.rail == FAUCET, DepositRow.business_key == reference)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one()
    if row.player_id != player_id:
        raise IdempotencyConflict(reference=reference)
    if row.status in WAITING:
        await _end_all(session, rail, [row], now)
    return crediting.view(row)


async def get_deposit(session: AsyncSession, *, deposit_id: int) -> Deposit:
    """One deposit, or NotFound."""
    row = await session.get(DepositRow, deposit_id, populate_existing=True)
    if row is None:
        raise NotFound(thing="deposit", key=deposit_id)
    return crediting.view(row)


async def list_held(session: AsyncSession, *, limit: int = 20) -> Sequence[Deposit]:
    """Deposits that wait for staff or for the player's limits, the oldest first."""
    rows = await session.scalars(
        select(DepositRow)
        .where(DepositRow.status == DepositStatus.HELD)
        .order_by(DepositRow.id)
        .limit(limit)
    )
    return [crediting.view(row) for row in rows]


async def release_held(
    session: AsyncSession, *, deposit_id: int, actor: str, now: datetime
) -> Deposit:
    """Make a held deposit playable. The player's limits and exclusions still decide: raises what
    they refuse with, or IllegalMove when the deposit is not held (any more)."""
    deposit = await get_deposit(session, deposit_id=deposit_id)
    await lock_players(session, [PlayerId(deposit.player_id)])
    row = await session.get_one(
        DepositRow, deposit_id, with_for_update=True, populate_existing=True
    )
    crediting.require_move(row, DepositStatus.CREDITED)
    rail = await get_rail(session, row.rail)
    await release(session, row, rail, actor=actor, now=now)
    return crediting.view(row)


async def list_unclaimed(
    session: AsyncSession, *, before_id: int | None = None, limit: int = 20
) -> Sequence[Unclaimed]:
    """Transfers whose owner staff have to find, the newest first."""
    return await unclaimed.list_waiting(session, before_id=before_id, limit=limit)


async def resolve_unclaimed(
    session: AsyncSession, *, unclaimed_id: int, player_id: int, actor: str, now: datetime
) -> Deposit:
    """Give a transfer without an owner to a player, as a deposit of his: from here on his limits
    and exclusions decide, as for any other. The rail's minimum does not: somebody took the
    trouble. Raises NotFound, or IllegalMove when it is not waiting (any more)."""
    await lock_players(session, [PlayerId(player_id)])
    found = await unclaimed.take_waiting(session, unclaimed_id=unclaimed_id, now=now)
    rail = await get_rail(session, found.rail)
    row = crediting.new_deposit(
        player_id=player_id,
        rail=rail,
        business_key=found.business_key,
        account=found.account,
        now=found.seen_at,
    )
    row.units, row.tx_hash, row.sender = found.units, found.tx_hash, found.sender
    row.block, row.block_hash = found.block, found.block_hash
    row.confirmations, row.sent_at = found.confirmations, found.sent_at
    await crediting.move(session, row, DepositStatus.SEEN, now=now)
    await unclaimed.resolve(session, found, deposit_id=row.id, actor=actor, now=now)
    credited = await Credits.open(session, rail, players=[player_id], now=now)
    credited.decide(row, source=Account.HOUSE_UNCLAIMED)
    await credited.store(session, actor=actor)
    await credited.news.write(session)
    return crediting.view(row)


async def _one_reader(session: AsyncSession, rail: str) -> None:
    """Readers of one rail take turns until they commit, should two of them ever overlap."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(
            key=f"deposits:{rail}"
        )
    )


async def _unknown(
    session: AsyncSession, rail: str, transfers: Sequence[ChainDeposit]
) -> list[ChainDeposit]:
    """Those that were not written down before, each of them once; raises IdempotencyConflict if
    one differs from what is known under its key."""
    known: dict[str, tuple[int, str, str]] = {}
    keys = [transfer.business_key for transfer in transfers]
    # An unclaimed transfer that was resolved stands in both tables.
    for table in (DepositRow, UnclaimedRow):
        rows = await session.execute(
            select(table.business_key, table.units, table.tx_hash, table.account).where(
                table.rail == rail, table.business_key.in_(keys)
            )
        )
        known |= {key: (units, tx_hash, account) for key, units, tx_hash, account in rows}
    fresh = []
    for transfer in transfers:
        require_units(transfer.units)
        key, content = transfer.business_key, _content(transfer)
        if key not in known:
            known[key] = content
            fresh.append(transfer)
        elif known[key] != content:
            raise IdempotencyConflict(reference=key)
    return fresh


def _content(transfer: ChainDeposit) -> tuple[int, str, str]:
    """What may never differ under one key."""
    return transfer.units, transfer.tx_hash, transfer.account


async def _see_all(
    session: AsyncSession,
    rail: Rail,
    seen: Sequence[tuple[ChainDeposit, int]],
    now: datetime,
) -> None:
    """Write down transfers that nobody knew, each with its player, and tell him."""
    changes = []
    for transfer, player_id in seen:
        row = crediting.new_deposit(
            player_id=player_id,
            rail=rail,
            business_key=transfer.business_key,
            account=transfer.account,
            now=now,
        )
        row.units, row.tx_hash, row.sender = transfer.units, transfer.tx_hash, transfer.sender
        row.block, row.sent_at = transfer.block, transfer.at
        changes.append(Change(row, DepositStatus.SEEN))
    await crediting.move_all(session, changes, now=now)
    news = DepositNews(rail)
    for change in changes:
        news.player(change.row, kind="deposit.seen")
    await news.write(session)


async def _end_all(
    session: AsyncSession, rail: Rail, rows: Sequence[DepositRow], now: datetime
) -> None:
    """Credit or hold final deposits, in their order, and tell their players."""
    news = DepositNews(rail)
    endings = await Endings.open(session, rail, rows, news=news, now=now)
    for row in rows:
        endings.end(row)
    await endings.store(session)
    await news.write(session)
