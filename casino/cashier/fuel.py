"""The coins that pay a network: what each transaction of ours burnt, and what was topped up.

The book counts in units of the asset, networks in smaller parts. What is left between is kept
beside the book, so that both together say exactly what the chain must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from casino.cashier import treasury
from casino.cashier.payout_tables import FuelRow, GasChargeRow
from casino.cashier.rails import USDT_ETH
from casino.errors import InvariantViolation
from casino.ledger import journal, totals
from casino.ledger.chart import Account, Kind
from casino.ledger.wallet import Posting
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

PARTS = 10**9
"""Parts of one unit: wei of a gwei."""


@dataclass(frozen=True, slots=True)
class Fuel:
    """What a rail's network is paid with; `account` mirrors all of it that we hold."""

    account: Account
    asset: Asset


FUELS: Mapping[str, Fuel] = {USDT_ETH: Fuel(Account.FUEL_ETH, Asset.ETH)}


class Burnt(Protocol):
    """What a final transaction of ours cost, as chain adapters report it."""

    @property
    def tx_hash(self) -> str:
        """Unique for ever on the network."""
        ...

    @property
    def height(self) -> int:
        """Of its block, which is final."""
        ...

    @property
    def parts(self) -> int:
        """In the smallest parts of the network's coin."""
        ...


async def charge(session: AsyncSession, *, rail: str, burnt: Burnt, now: datetime) -> None:
    """Book what a transaction burnt as a network fee, once for its hash, whatever it did."""
    if burnt.parts < 0:
        raise InvariantViolation(reason="a transaction that pays its sender", tx=burnt.tx_hash)
    fuel, row = FUELS[rail], await _lock(session, rail)
    new = await session.scalar(
        insert(GasChargeRow)
        .values(rail=rail, tx_hash=burnt.tx_hash, height=burnt.height, parts=burnt.parts, at=now)
        .on_conflict_do_nothing()
        .returning(GasChargeRow.tx_hash)
    )
    if new is None:
        return
    # Units leave the book as soon as the parts that are kept no longer cover what was burnt.
    missing = burnt.parts - row.remainder
    units = max(0, -(-missing // PARTS))
    row.remainder += units * PARTS - burnt.parts
    await session.flush()
    if not units:
        return
    await journal.post_house(
        session,
        source=f"network:{rail}",
        kind_key="gas",
        reference=burnt.tx_hash,
        request={"parts": str(burnt.parts)},
        postings=[
            Posting(Account.HOUSE_NETWORK_FEES, fuel.account, units, fuel.asset, Kind.NETWORK_FEE)
        ],
        subject_id=0,
        now=now,
    )


async def book_parts(session: AsyncSession, *, rail: str) -> int:
    """What the book says that we hold, in parts."""
    row = await _lock(session, rail)
    return _parts(await _book_units(session, FUELS[rail]), row)


async def newest_charge(session: AsyncSession, *, rail: str) -> int:
    """The highest block whose transactions are booked; -1 before the first."""
    height = await session.scalar(
        select(func.max(GasChargeRow.height)).where(GasChargeRow.rail == rail)
    )
    return -1 if height is None else int(height)


async def record_chain_fuel(
    session: AsyncSession, *, rail: str, parts: int, block: int, now: datetime
) -> int:
    """Compare what our accounts hold at a final block with the book and return the drift in units,
    never above zero. Call it when everything of ours up to that block, and nothing above it, is
    booked.

    More than the book says is the owner's: he filled up the wallet, and it is booked as capital,
    audited. Less is a drift that staff are told of."""
    fuel, row = FUELS[rail], await _lock(session, rail)
    before = await _book_units(session, fuel)
    surplus = parts - _parts(before, row)
    units = parts // PARTS
    if surplus > 0:
        row.remainder = parts % PARTS
        await session.flush()
        if units > before:
            await treasury.book_capital(
                session,
                rail=rail,
                asset=fuel.asset,
                units=units - before,
                source=fuel.account,
                kind_key="fuel",
                reference=str(block),
                actor="system",
                now=now,
            )
    elif surplus < 0:
        units = min(units, before - 1)
    return await treasury.record_balance(
        session,
        name=f"{rail}:fuel",
        account=fuel.account,
        asset=fuel.asset,
        units=units,
        block=block,
        now=now,
    )


async def _lock(session: AsyncSession, rail: str) -> FuelRow:
    """The rail's remainder; whoever books fuel takes turns here."""
    await session.execute(insert(FuelRow).values(rail=rail, remainder=0).on_conflict_do_nothing())
    return await session.get_one(FuelRow, rail, with_for_update=True, populate_existing=True)


async def _book_units(session: AsyncSession, fuel: Fuel) -> int:
    return -await totals.account_balance(session, fuel.account, fuel.asset)


def _parts(units: int, row: FuelRow) -> int:
    return units * PARTS + row.remainder
