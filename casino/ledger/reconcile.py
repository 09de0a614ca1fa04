"""Do balances equal transfers, does every asset sum to zero, did a command make every transfer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino.ids import new_reference
from casino.ledger import marks
from casino.ledger.chart import Account
from casino.ledger.progress import Progress
from casino.money import UNITS_MAX, Asset
from casino.telemetry import ledger_imbalance_units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.db import Database
    from casino.ledger.marks import Mark

SHOWN_MAX = 100

# The worker reads all history again after a day, and after an hour while something is wrong.
FULL_EVERY = timedelta(days=1)
FULL_WHILE_UNSOUND = timedelta(hours=1)

# A mark's sums and what came after it: a player's balance of each account beside his wallet's
# column. A column at zero needs no line.
DIFFERENCES = """
WITH line AS (
    SELECT player_id, asset, debit_account, credit_account, units
    FROM ledger_sums WHERE mark_id = :mark
    UNION ALL
    SELECT coalesce(player_id, 0), asset, debit_account, credit_account, amount
    FROM transfers WHERE entry_id > :upto
), moved AS (
    SELECT l.player_id, l.asset, v.account, sum(v.units)::bigint AS units
    FROM line l
    CROSS JOIN LATERAL (VALUES (l.credit_account, l.units), (l.debit_account, -l.units))
        v(account, units)
    WHERE v.account <= :players_last
    GROUP BY 1, 2, 3
), kept AS (
    SELECT w.player_id, w.asset, v.account, v.units
    FROM wallets w CROSS JOIN LATERAL (VALUES (1, w.cash), (2, w.bonus), (3, w.reserved),
                                              (4, w.held), (5, -w.deficit)) v(account, units)
    WHERE v.units <> 0
)
SELECT coalesce(m.player_id, k.player_id), coalesce(m.asset, k.asset),
       coalesce(m.account, k.account), coalesce(m.units, 0), coalesce(k.units, 0)
FROM moved m FULL JOIN kept k USING (player_id, asset, account)
WHERE coalesce(m.units, 0) <> coalesce(k.units, 0)
ORDER BY 1, 2, 3 LIMIT :shown
"""

# Accounts of the house now, and at the entry that their roll-up stands at. A mark may be ahead of
# the roll-ups: then the transfers between are taken back out. A roll-up ahead of the clock stands
# for entries that do not exist yet and cannot be held against anything.
HOUSE = """
WITH rollup AS (
    SELECT * FROM house_rollups WHERE upto_entry_id < first_id_at(clock_timestamp())
), edge AS (
    SELECT coalesce(max(upto_entry_id), 0) AS rolled, coalesce(min(upto_entry_id), 0) AS lowest
    FROM rollup
), line AS (
    SELECT asset, debit_account, credit_account, units, NULL::bigint AS entry_id, 1 AS sign
    FROM ledger_sums WHERE mark_id = :mark
    UNION ALL
    SELECT asset, debit_account, credit_account, amount, entry_id, 1
    FROM transfers WHERE entry_id > :upto
    UNION ALL
    SELECT asset, debit_account, credit_account, amount, entry_id, -1
    FROM transfers WHERE entry_id <= :upto AND entry_id > (SELECT lowest FROM edge)
), moved AS (
    SELECT v.account, l.asset,
           coalesce(sum(v.units) FILTER (WHERE l.sign = 1), 0)::bigint AS now,
           coalesce(sum(v.units * l.sign) FILTER (WHERE l.entry_id IS NULL
               OR l.sign = 1 AND l.entry_id <= coalesce(h.upto_entry_id, edge.rolled)
               OR l.sign = -1 AND l.entry_id > coalesce(h.upto_entry_id, edge.rolled)), 0)::bigint
               AS rolled
    FROM line l
    CROSS JOIN edge
    CROSS JOIN LATERAL (VALUES (l.credit_account, l.units), (l.debit_account, -l.units))
        v(account, units)
    LEFT JOIN rollup h ON h.account = v.account AND h.asset = l.asset
    WHERE v.account > :players_last
    GROUP BY 1, 2
)
SELECT coalesce(m.asset, h.asset), coalesce(m.account, h.account), coalesce(m.now, 0),
       CASE WHEN edge.rolled = 0 THEN 0 ELSE coalesce(m.rolled, 0) END, coalesce(h.balance, 0)
FROM moved m
FULL JOIN rollup h ON h.account = m.account AND h.asset = m.asset
CROSS JOIN edge
"""

LIVE = "SELECT asset, account, sum(balance)::bigint FROM house_lanes GROUP BY asset, account"

WALLETS = """
SELECT asset, sum(cash + bonus + reserved + held - deficit)::bigint FROM wallets GROUP BY asset
"""

STRAYS = """
SELECT count(DISTINCT t.entry_id) FROM transfers t
WHERE t.entry_id > :low AND t.entry_id <= :high
  AND NOT EXISTS (SELECT FROM bet_keys k
                  WHERE k.entry_id = t.entry_id AND k.entry_id > :low AND k.entry_id <= :high)
  AND NOT EXISTS (SELECT FROM money_keys k
                  WHERE k.entry_id = t.entry_id AND k.entry_id > :low AND k.entry_id <= :high)
"""

# Where each month that is attached begins; its keys lie in the same range.
MONTHS = """
SELECT first_id_at(to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC')
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'transfers'::regclass ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A player's account whose wallet column and transfers disagree, in units."""

    player_id: int
    asset: str
    account: str
    from_transfers: int
    in_wallet: int


@dataclass(frozen=True, slots=True)
class HouseDifference:
    """A house account of which a cached balance is not what its transfers come to, in units;
    `cache` is `roll-up` (at the entry where it stands) or `live`."""

    asset: str
    account: str
    cache: str
    from_transfers: int
    in_cache: int


@dataclass(frozen=True, slots=True)
class Report:
    """What reconcile found; sound means no differences, every sum zero, no transfer unexplained.

    `sums`: wallets plus house accounts by asset; `house`: balances of house accounts by path.
    """

    differences: tuple[Difference, ...]
    house_differences: tuple[HouseDifference, ...]
    sums: Mapping[str, int]
    house: Mapping[str, Mapping[str, int]]
    transfers_without_key: int

    @property
    def sound(self) -> bool:
        """Whether the book proves itself."""
        return (
            not self.differences
            and not self.house_differences
            and not any(self.sums.values())
            and self.transfers_without_key == 0
        )

    def as_json(self) -> dict[str, object]:
        """The report as JSON-able data."""
        return {"sound": self.sound, **asdict(self)}


async def reconcile(session: AsyncSession) -> Report:
    """Prove the book on one snapshot in one go, from its opening; for books of modest size.

    `session` must be fresh: its transaction becomes a repeatable, read-only one.
    """
    await take_snapshot(session)
    start = await marks.opening(session)
    strays = await _count_strays(session, low=start.upto, high=UNITS_MAX)
    return await _prove(session, start, strays=start.strays + strays)


async def reconcile_all(
    database: Database, *, now: datetime, progress: Progress | None = None
) -> Report:
    """Prove the whole book in slices: bounded memory, and no long snapshot beside the players."""
    mark, report = await _prove_from_opening(
        database, f"proof/{new_reference()}", now, progress or Progress()
    )
    await marks.drop(database, mark.name)
    return report


async def reconcile_new(database: Database, *, now: datetime) -> Report:
    """Prove the book from where it was proven last, and remember how far that is; all history is
    read again once a day, and once an hour while something is wrong."""
    async with database.transaction() as session:
        mark = await marks.find(session, marks.PROVEN)
    if mark is None or now - mark.made_at >= FULL_EVERY:
        return await _prove_anew(database, now)
    upto = await marks.settled_entry(database, now=now)
    async with database.transaction() as session:
        await take_snapshot(session)
        report = await _prove(session, mark, strays=mark.strays)
    if report.sound:
        await marks.advance(database, mark, upto=upto)
    elif now - mark.made_at >= FULL_WHILE_UNSOUND:
        return await _prove_anew(database, now)
    return report


async def _prove_anew(database: Database, now: datetime) -> Report:
    mark, report = await _prove_from_opening(database, "proving", now, Progress())
    # Kept although it may be unsound: the next runs start there and see the same fault.
    await marks.rename(database, mark, name=marks.PROVEN, strays=report.transfers_without_key)
    return report


async def _prove_from_opening(
    database: Database, name: str, now: datetime, progress: Progress
) -> tuple[Mark, Report]:
    upto = await marks.settled_entry(database, now=now)
    mark = await marks.copy_opening(database, name=name, now=now)
    async with database.transaction() as session:
        start = mark.upto
        total = await session.scalar(
            text("SELECT count(*) FROM transfers WHERE entry_id > :low").bindparams(low=start)
        )
        months = [int(row[0]) for row in await session.execute(text(MONTHS))]
    progress.begin("adding up transfers", int(total or 0))
    mark = await marks.advance(database, mark, upto=upto, progress=progress)
    progress.end()
    edges = [start, *(low - 1 for low in months if start < low - 1 <= upto), upto]
    strays = mark.strays
    progress.begin("looking for the key of each transfer", len(edges) - 1, unit="months")
    for low, high in pairwise(edges):
        async with database.transaction() as session:
            await take_snapshot(session)
            strays += await _count_strays(session, low=low, high=high)
        progress.add(1)
    progress.end()
    progress.begin("holding sums against wallets", 0)
    async with database.transaction() as session:
        await take_snapshot(session)
        # What came while we were adding up.
        strays += await _count_strays(session, low=upto, high=UNITS_MAX)
        report = await _prove(session, mark, strays=strays)
    progress.end()
    return mark, report


async def take_snapshot(session: AsyncSession) -> None:
    """Make a fresh session's transaction a repeatable, read-only one."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    await session.execute(text("SET LOCAL work_mem = '64MB'"))


async def _count_strays(session: AsyncSession, *, low: int, high: int) -> int:
    return int(await session.scalar(text(STRAYS).bindparams(low=low, high=high)) or 0)


async def _prove(session: AsyncSession, mark: Mark, *, strays: int) -> Report:
    """Hold a mark and what came after it against wallets, roll-ups and live balances, on the
    session's snapshot; sets the imbalance metric by asset."""
    bounds = {"mark": mark.id, "upto": mark.upto, "players_last": int(Account.PLAYER_DEFICIT)}
    rows = await session.execute(text(DIFFERENCES), bounds | {"shown": SHOWN_MAX})
    differences = tuple(
        Difference(player, Asset.from_code(asset).value, Account(account).path, moved, kept)
        for player, asset, account, moved, kept in rows
    )
    house: dict[str, dict[str, int]] = {}
    sums: dict[str, int] = {asset.value: 0 for asset in Asset}
    off: list[HouseDifference] = []
    for code, number, units, expected, rolled in await session.execute(text(HOUSE), bounds):
        asset, account = Asset.from_code(code).value, Account(number).path
        house.setdefault(account, {})[asset] = units
        sums[asset] += units
        if expected != rolled:
            off.append(HouseDifference(asset, account, "roll-up", expected, rolled))
    live: dict[tuple[str, str], int] = {}
    for code, number, units in await session.execute(text(LIVE)):
        live[Account(number).path, Asset.from_code(code).value] = units
    moved = {(account, asset): u for account, of in house.items() for asset, u in of.items()}
    for account, asset in sorted(moved.keys() | live.keys()):
        expected, kept = moved.get((account, asset), 0), live.get((account, asset), 0)
        if expected != kept:
            off.append(HouseDifference(asset, account, "live", expected, kept))
    for code, units in await session.execute(text(WALLETS)):
        sums[Asset.from_code(code).value] += units
    for asset_name, units in sums.items():
        ledger_imbalance_units.labels(asset=asset_name).set(units)
    return Report(differences, tuple(off), sums, house, strays)
