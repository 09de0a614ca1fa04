"""Does the chain hold what the book says: hot wallets, drift, and the house's own capital."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier import unclaimed
from casino.cashier.chain_tables import ChainBalanceRow
from casino.cashier.rails import get_rail
from casino.cashier.tables import WithdrawalRow
from casino.cashier.withdrawal_states import WithdrawalStatus
from casino.ledger import journal, totals
from casino.ledger.chart import Account, Kind, hot_wallet
from casino.ledger.wallet import Posting
from casino.money import Asset, require_units

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

UNPAID = (
    WithdrawalStatus.APPROVED,
    WithdrawalStatus.ASSIGNED,
    WithdrawalStatus.SIGNED,
    WithdrawalStatus.BROADCAST,
)


@dataclass(frozen=True, slots=True)
class HotWallet:
    """A rail's wallet: what the book says it holds, what the chain said last, what it owes.

    `drift_units` is chain minus book at the block that was read, None before the first reading;
    `to_pay_units` are net amounts of withdrawals that people approved and the chain has not paid.
    """

    rail: str
    asset: Asset
    address: str | None
    book_units: int
    chain_units: int | None
    drift_units: int | None
    block: int | None
    read_at: datetime | None
    to_pay_units: int


async def hot_wallet_view(session: AsyncSession, *, rail: str) -> HotWallet:
    """The hot wallet of a rail as staff see it; raises NotFound."""
    offered = await get_rail(session, rail)
    read = await session.get(ChainBalanceRow, rail, populate_existing=True)
    return HotWallet(
        rail=rail,
        asset=offered.asset,
        address=offered.address,
        book_units=await _book_units(session, rail, offered.asset),
        chain_units=read.units if read else None,
        drift_units=read.units - read.book_units if read else None,
        block=read.block if read else None,
        read_at=read.read_at if read else None,
        to_pay_units=await to_pay_units(session, rail=rail),
    )


async def to_pay_units(session: AsyncSession, *, rail: str) -> int:
    """Net amounts of withdrawals that people approved and the chain has not paid."""
    found = await session.scalar(
        select(func.coalesce(func.sum(WithdrawalRow.units - WithdrawalRow.fee_units), 0)).where(
            WithdrawalRow.rail == rail, WithdrawalRow.status.in_(UNPAID)
        )
    )
    return int(found or 0)


async def record_chain_balance(
    session: AsyncSession,
    *,
    rail: str,
    units: int,
    block: int,
    early_units: int = 0,
    now: datetime,
) -> int:
    """Compare what a rail's accounts hold at a final block with the book and return the drift,
    chain minus book. Call it in the transaction that booked everything up to that block;
    `early_units` is what the book has of later ones. Staff are told when the drift changes, not at
    each block, and when it is gone."""
    offered = await get_rail(session, rail)
    return await record_balance(
        session,
        name=rail,
        account=hot_wallet(rail),
        asset=offered.asset,
        units=units,
        block=block,
        early_units=early_units,
        now=now,
    )


async def record_balance(
    session: AsyncSession,
    *,
    name: str,
    account: Account,
    asset: Asset,
    units: int,
    block: int,
    early_units: int = 0,
    now: datetime,
) -> int:
    """The same for any account that mirrors coins of ours; `name` tells its readings apart."""
    book_units = -await totals.account_balance(session, account, asset) - early_units
    drift = units - book_units
    before = await session.get(ChainBalanceRow, name, with_for_update=True, populate_existing=True)
    if before is not None and before.block > block:
        return before.units - before.book_units
    told = before.alerted_units if before else None
    values = {
        "units": units,
        "book_units": book_units,
        "block": block,
        "read_at": now,
        "alerted_units": drift or None,
    }
    await session.execute(
        insert(ChainBalanceRow)
        .values(rail=name, **values)
        .on_conflict_do_update(index_elements=[ChainBalanceRow.rail], set_=values)
    )
    if drift != (told or 0):
        await outbox.write(
            session,
            consumer=outbox.STAFF,
            key=account,
            kind="alert.reconcile" if drift else "alert.reconciled",
            payload={
                "rail": name,
                "chain": {"units": units, "asset": asset},
                "book": {"units": book_units, "asset": asset},
                "difference": {"units": drift, "asset": asset},
                "block": block,
            },
        )
    return drift


async def fund_house(
    session: AsyncSession,
    *,
    rail: str,
    units: int,
    reference: str,
    actor: str = "system",
    now: datetime,
) -> None:
    """Book coins of the owner that are in the hot wallet as the house's capital, once for
    `reference`, audited."""
    await book_capital(
        session,
        rail=rail,
        asset=(await get_rail(session, rail)).asset,
        units=units,
        source=hot_wallet(rail),
        kind_key="capital",
        reference=reference,
        actor=actor,
        now=now,
    )


async def adopt_unclaimed(
    session: AsyncSession, *, unclaimed_id: int, actor: str, now: datetime
) -> None:
    """Book an unclaimed transfer as the house's capital: the owner sent it without a tag. Raises
    NotFound, or IllegalMove when it is not waiting (any more)."""
    row = await unclaimed.take_waiting(
        session, unclaimed_id=unclaimed_id, wanted=unclaimed.ADOPTED, now=now
    )
    await unclaimed.adopt(session, row, actor=actor, now=now)
    await book_capital(
        session,
        rail=row.rail,
        asset=Asset.from_code(row.asset),
        units=row.units,
        source=Account.HOUSE_UNCLAIMED,
        kind_key="adopted",
        reference=row.business_key,
        actor=actor,
        now=now,
    )


async def book_capital(
    session: AsyncSession,
    *,
    rail: str,
    asset: Asset,
    units: int,
    source: Account,
    kind_key: str,
    reference: str,
    actor: str,
    now: datetime,
) -> None:
    """Book units of `asset` that `source` holds as the house's capital, once for `reference`,
    audited."""
    require_units(units)
    posted = await journal.post_house(
        session,
        source=f"treasury:{rail}",
        kind_key=kind_key,
        reference=reference,
        request={"units": units},
        postings=[Posting(source, Account.HOUSE_CAPITAL, units, asset, Kind.CAPITAL_PAID_IN)],
        subject_id=0,
        now=now,
    )
    if posted.replayed:
        return
    await audit.append(
        session,
        actor=actor,
        action="capital.paid_in",
        subject=f"rail:{rail}",
        after={"units": units, "asset": asset, "reference": reference},
        now=now,
    )


async def _book_units(session: AsyncSession, rail: str, asset: Asset) -> int:
    """What the book says is in the wallet: its account mirrors the coins, so it stands at minus
    what we hold."""
    return -await totals.account_balance(session, hot_wallet(rail), asset)
