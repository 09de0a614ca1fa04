"""How much a hot wallet shall hold: staff top it up below, what is above goes to cold storage.

Both with hysteresis. Below `low_units` staff are asked once, and told once when `keep_units` are
there again. Above `high_units` everything over `keep_units` is asked for once; only when that has
come to an end, or the wallet has fallen to `keep_units`, does the next crossing count. What counts
is the hot wallet alone at a final block, less what approved withdrawals still need."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from casino import audit, outbox
from casino.cashier import cold_storage, house_addresses, treasury
from casino.cashier.rails import UNIT_STEPS, get_rail
from casino.cashier.treasury_tables import HotLevelRow, HotThresholdsRow
from casino.errors import BadChoice, NotFound
from casino.ledger.chart import has_cold_wallet, hot_wallet
from casino.money import require_units

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Units of the rail's asset, `low` < `keep` < `high`, and the canonical text of the address of
    cold storage. Raises BadChoice for another order, BadAmount for what is no amount."""

    low_units: int
    keep_units: int
    high_units: int
    cold_address: str

    def __post_init__(self) -> None:
        for units in (self.low_units, self.keep_units, self.high_units):
            require_units(units)
        if not self.low_units < self.keep_units < self.high_units:
            raise BadChoice(field="thresholds")


@dataclass(frozen=True, slots=True)
class Level:
    """How a hot wallet stood at a block: what it holds, what approved withdrawals need of that;
    whether staff were asked to top it up, and whether what is above was asked for."""

    units: int
    owed_units: int
    block: int
    read_at: datetime
    low: bool
    high: bool


@dataclass(frozen=True, slots=True)
class Excess:
    """What should go to cold storage now."""

    units: int
    cold_address: str


async def read(session: AsyncSession, *, rail: str) -> Thresholds | None:
    """What people have set for a rail; None where the hot wallet is left alone."""
    row = await session.get(HotThresholdsRow, rail, populate_existing=True)
    if row is None:
        return None
    return Thresholds(row.low_units, row.keep_units, row.high_units, row.cold_address)


async def level(session: AsyncSession, *, rail: str) -> Level | None:
    """How the hot wallet stood last; None before it was read."""
    row = await session.get(HotLevelRow, rail, populate_existing=True)
    return None if row is None else _view(row)


async def change(
    session: AsyncSession, *, rail: str, thresholds: Thresholds | None, actor: str, now: datetime
) -> None:
    """Set them from now on, or take them away with None; audited. What was asked for under the old
    ones may be asked for again. Raises NotFound for a rail without cold storage, and AddressInvalid
    (`own`, `token`) for a cold address that is one of the house's own."""
    offered = await get_rail(session, rail)
    if not has_cold_wallet(offered.name):
        raise NotFound(thing="cold_wallet", key=rail)
    if thresholds is not None:
        await house_addresses.require_foreign(
            session, destination=thresholds.cold_address, with_cold=False
        )
    before = await read(session, rail=rail)
    if before == thresholds:
        return
    if thresholds is None:
        await session.execute(delete(HotThresholdsRow).where(HotThresholdsRow.rail == rail))
    else:
        await cold_storage.keep_address(
            session, rail=rail, address=thresholds.cold_address, now=now
        )
        values = {**asdict(thresholds), "changed_at": now}
        await session.execute(
            insert(HotThresholdsRow)
            .values(rail=rail, **values)
            .on_conflict_do_update(index_elements=[HotThresholdsRow.rail], set_=values)
        )
    await session.execute(
        update(HotLevelRow).where(HotLevelRow.rail == rail).values(low=False, high=False)
    )
    await audit.append(
        session,
        actor=actor,
        action="hot_thresholds.changed",
        subject=f"rail:{rail}",
        before=None if before is None else asdict(before),
        after=None if thresholds is None else asdict(thresholds),
        now=now,
    )


async def observe(
    session: AsyncSession,
    *,
    rail: str,
    units: int,
    block: int,
    now: datetime,
) -> Level:
    """Hold what the hot wallet alone has at a final block against the thresholds and tell staff
    what follows, once. Call it where the balance is recorded, with everything up to the block
    booked; an older block than the last changes nothing. What is above is for desks, see
    `excess`."""
    row = await _lock(session, rail, now)
    if row.block > block:
        return _view(row)
    owed = await treasury.to_pay_units(session, rail=rail)
    row.units, row.owed_units, row.block, row.read_at = units, owed, block, now
    wanted, free = await read(session, rail=rail), units - owed
    if wanted is None:
        row.low = row.high = False
        await session.flush()
        return _view(row)
    low = free < (wanted.keep_units if row.low else wanted.low_units)
    if low != row.low:
        row.low = low
        await _tell_low(session, rail, wanted, row)
    row.high = row.high and free > wanted.keep_units
    await session.flush()
    return _view(row)


async def excess(session: AsyncSession, *, rail: str, units: int, now: datetime) -> Excess | None:
    """What a desk should move to cold storage now, of `units` that the hot wallet alone has; None
    below the threshold, and while the last one is not over. Locks the rail's level: call `asked`
    in the same transaction when the move is claimed."""
    row = await _lock(session, rail, now)
    wanted = await read(session, rail=rail)
    free = units - await treasury.to_pay_units(session, rail=rail)
    if wanted is None or row.high or free <= wanted.high_units:
        return None
    return Excess(_over(rail, free, wanted), wanted.cold_address)


async def asked(session: AsyncSession, *, rail: str) -> None:
    """Say that what is above was asked for: not again until it has ended well, the wallet has
    fallen, or people have set other thresholds. A move that died is left to people."""
    await session.execute(update(HotLevelRow).where(HotLevelRow.rail == rail).values(high=True))


async def ask_by_hand(
    session: AsyncSession, *, rail: str, excess: Excess, reason: str | None = None
) -> None:
    """Ask staff to move coins to cold storage themselves; `reason` is why no move of ours does."""
    offered = await get_rail(session, rail)
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=hot_wallet(rail),
        kind="alert.move_to_cold",
        payload={
            "rail": rail,
            "amount": {"units": excess.units, "asset": offered.asset},
            "address": excess.cold_address,
            "from": offered.address,
            "reason": reason,
        },
    )


def _over(rail: str, free: int, wanted: Thresholds) -> int:
    """What is above, in whole parts of what the chain can move."""
    step = UNIT_STEPS.get(rail, 1)
    return (free - wanted.keep_units) // step * step


async def _tell_low(session: AsyncSession, rail: str, wanted: Thresholds, row: HotLevelRow) -> None:
    offered, free = await get_rail(session, rail), row.units - row.owed_units
    await outbox.write(
        session,
        consumer=outbox.STAFF,
        key=hot_wallet(rail),
        kind="alert.top_up" if row.low else "alert.topped_up",
        payload={
            "rail": rail,
            "address": offered.address,
            "there": {"units": row.units, "asset": offered.asset},
            "owed": {"units": row.owed_units, "asset": offered.asset},
            "missing": {"units": max(0, wanted.keep_units - free), "asset": offered.asset},
            "block": row.block,
        },
    )


async def _lock(session: AsyncSession, rail: str, now: datetime) -> HotLevelRow:
    """The rail's level; whoever decides by it takes turns here."""
    await session.execute(
        insert(HotLevelRow)
        .values(rail=rail, units=0, owed_units=0, block=-1, read_at=now, low=False, high=False)
        .on_conflict_do_nothing()
    )
    return await session.get_one(HotLevelRow, rail, with_for_update=True, populate_existing=True)


def _view(row: HotLevelRow) -> Level:
    return Level(row.units, row.owed_units, row.block, row.read_at, row.low, row.high)
