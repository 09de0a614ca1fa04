"""Deposit addresses: derived ahead from a public key, given to players, never to a second one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text, update

from casino import arrays, outbox
from casino.cashier.chain_tables import DepositAddressRow
from casino.errors import AddressesUsedUp, IdempotencyConflict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

PART = 1000
# As one array each: for so many parameters a server without statistics reads the whole table.
KNOWN = text("""
SELECT number, address FROM deposit_addresses
WHERE rail = :rail AND number = ANY(CAST(CAST(:numbers AS text) AS bigint[]))
""")
ADD = text("""
INSERT INTO deposit_addresses (rail, number, address, shown, made_at)
SELECT CAST(:rail AS text), n.*, CAST(:made_at AS timestamptz) FROM unnest(
  CAST(CAST(:numbers AS text) AS bigint[]), CAST(CAST(:addresses AS text) AS text[]),
  CAST(CAST(:shown AS text) AS text[])) n
""")
LOW_AT = (20, 0)
"""At how many free addresses staff are told: soon, and now."""


@dataclass(frozen=True, slots=True)
class PoolAddress:
    """An address by its derivation index; `address` is compared, `shown` is copied by people."""

    number: int
    address: str
    shown: str


@dataclass(frozen=True, slots=True)
class Stock:
    """How many addresses a rail has in all, and how many of them are nobody's yet."""

    made: int
    free: int


async def stock(session: AsyncSession, *, rail: str) -> Stock:
    """What is in the pool; numbers run from 0 without gaps, so `made` is the next one. They are
    given out in their order, so that nothing is counted: a pool may hold a hundred thousand."""
    number, of_rail = DepositAddressRow.number, DepositAddressRow.rail == rail
    last = await session.scalar(select(func.max(number)).where(of_rail))
    free = await session.scalar(
        select(func.min(number)).where(of_rail, DepositAddressRow.player_id.is_(None))
    )
    made = 0 if last is None else last + 1
    return Stock(made=made, free=0 if free is None else made - free)


async def add(
    session: AsyncSession, *, rail: str, addresses: Sequence[PoolAddress], now: datetime
) -> int:
    """Put derived addresses into the pool, in the order of their numbers; returns how many are
    new. Raises IdempotencyConflict when a number already has another address: the pool was
    derived from another key, and coins sent to it would not be ours to move."""
    # Readers take numbers above those that they know, so none may appear late.
    await _take_turn(session, rail)
    new = 0
    for at in range(0, len(addresses), PART):
        part = addresses[at : at + PART]
        rows = await session.execute(
            KNOWN.bindparams(rail=rail, numbers=arrays.numbers(one.number for one in part))
        )
        known: Mapping[int, str] = {row.number: row.address for row in rows}
        for one in part:
            if known.get(one.number, one.address) != one.address:
                raise IdempotencyConflict(reference=f"{rail}:{one.number}")
        fresh = [one for one in part if one.number not in known]
        if fresh:
            await session.execute(
                ADD.bindparams(
                    rail=rail,
                    made_at=now,
                    numbers=arrays.numbers(one.number for one in fresh),
                    addresses=arrays.texts(one.address for one in fresh),
                    shown=arrays.texts(one.shown for one in fresh),
                )
            )
        new += len(fresh)
    return new


async def assign(session: AsyncSession, *, rail: str, player_id: int, now: datetime) -> PoolAddress:
    """The player's address on the rail, taken from the pool when he asks for the first time; he
    is locked by the caller. Staff are told when few are left. Raises AddressesUsedUp."""
    of_rail = DepositAddressRow.rail == rail
    his = await session.scalar(
        select(DepositAddressRow).where(of_rail, DepositAddressRow.player_id == player_id)
    )
    if his is None:
        await _take_turn(session, rail)
        free = (
            select(DepositAddressRow.number)
            .where(of_rail, DepositAddressRow.player_id.is_(None))
            .order_by(DepositAddressRow.number)
            .limit(1)
        )
        his = await session.scalar(
            update(DepositAddressRow)
            .where(of_rail, DepositAddressRow.number == free.scalar_subquery())
            .values(player_id=player_id, assigned_at=now)
            .returning(DepositAddressRow)
        )
        if his is None:
            raise AddressesUsedUp(rail=rail)
        await _tell_if_low(session, rail)
    return PoolAddress(his.number, his.address, his.shown)


async def among(session: AsyncSession, *, rail: str, addresses: Collection[str]) -> frozenset[str]:
    """Which of these are deposit addresses of the rail, whosever they are."""
    if not addresses:
        return frozenset()
    found = await session.scalars(
        select(DepositAddressRow.address).where(
            DepositAddressRow.rail == rail, DepositAddressRow.address.in_(set(addresses))
        )
    )
    return frozenset(found)


async def assigned(session: AsyncSession, *, rail: str) -> Sequence[tuple[int, str]]:
    """Numbers and addresses of all that are somebody's."""
    rows = await session.execute(
        select(DepositAddressRow.number, DepositAddressRow.address)
        .where(DepositAddressRow.rail == rail, DepositAddressRow.player_id.is_not(None))
        .order_by(DepositAddressRow.number)
    )
    return [(number, address) for number, address in rows]


async def owners(
    session: AsyncSession, *, rail: str, addresses: Collection[str]
) -> Mapping[str, int]:
    """Which players own which of these addresses; nobody's are left out."""
    rows = await session.execute(
        select(DepositAddressRow.address, DepositAddressRow.player_id).where(
            DepositAddressRow.rail == rail,
            DepositAddressRow.address.in_(set(addresses)),
            DepositAddressRow.player_id.is_not(None),
        )
    )
    return {address: player_id for address, player_id in rows if player_id is not None}


async def numbers(
    session: AsyncSession, *, rail: str, addresses: Collection[str]
) -> Mapping[str, int]:
    """The derivation indices of these addresses; unknown ones are left out."""
    rows = await session.execute(
        select(DepositAddressRow.address, DepositAddressRow.number).where(
            DepositAddressRow.rail == rail, DepositAddressRow.address.in_(set(addresses))
        )
    )
    return {row.address: row.number for row in rows}


async def read_from(session: AsyncSession, *, rail: str, number: int) -> Sequence[tuple[int, str]]:
    """The numbers and addresses from `number` on, whosever they are: all of them are watched, so
    that one is watched before it is anybody's."""
    rows = await session.execute(
        select(DepositAddressRow.number, DepositAddressRow.address)
        .where(DepositAddressRow.rail == rail, DepositAddressRow.number >= number)
        .order_by(DepositAddressRow.number)
    )
    return [(found, address) for found, address in rows]


async def assigned_from(
    session: AsyncSession, *, rail: str, number: int
) -> tuple[Sequence[str], int]:
    """The addresses from `number` on that are somebody's, and the number to go on from: below it
    none is free any more."""
    of_rail = DepositAddressRow.rail == rail
    # The free ones first: what is assigned between the two questions is found again next time.
    free = await session.scalar(
        select(func.min(DepositAddressRow.number)).where(
            of_rail, DepositAddressRow.player_id.is_(None)
        )
    )
    rows = (
        await session.execute(
            select(DepositAddressRow.number, DepositAddressRow.address)
            .where(
                of_rail,
                DepositAddressRow.number >= number,
                DepositAddressRow.player_id.is_not(None),
            )
            .order_by(DepositAddressRow.number)
        )
    ).all()
    last = rows[-1].number + 1 if rows else number
    return [row.address for row in rows], last if free is None else min(free, last)


async def _take_turn(session: AsyncSession, rail: str) -> None:
    """Whoever changes the pool does so one at a time, until he commits."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))").bindparams(
            key=f"deposit_addresses:{rail}"
        )
    )


async def _tell_if_low(session: AsyncSession, rail: str) -> None:
    free = (await stock(session, rail=rail)).free
    if free in LOW_AT:
        await outbox.write(
            session,
            consumer=outbox.STAFF,
            key=0,
            kind="alert.address_pool_low",
            payload={"rail": rail, "free": free},
        )
