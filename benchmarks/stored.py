"""A house with a past: real bets, copied back over the last weeks until there are many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.ids import SEQUENCE_BITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.house import House

# Never before the month before this one, whose partitions every new house has.
PAST_DAYS = 27
DAY_MS = 24 * 3600 * 1000
PIECE_ROWS = 250_000

# A reference is a UUIDv7: its moment moves with its row, its random part stays, so that copies are
# as new and as ordered as references of those days were.
_MOMENT = "('x' || replace(left(s.reference::text, 13), '-', ''))::bit(48)::bigint"
_HEX = f"lpad(to_hex({_MOMENT} - k * {{step_ms}}), 12, '0')"
_REFERENCE = f"left({_HEX}, 8) || '-' || right({_HEX}, 4) || substr(s.reference::text, 14)"

TABLES = {
    "rounds": {"id": "s.id - k * {step}"},
    "transfers": {
        "entry_id": "s.entry_id - k * {step}",
        "subject_id": "s.subject_id - k * {step}",
    },
    "bet_keys": {"entry_id": "s.entry_id - k * {step}", "reference": _REFERENCE},
}
MOMENT_COLUMN = "s.{name} - k * {step_ms} * interval '1 millisecond'"

COLUMNS = """
SELECT column_name, format_type(a.atttypid, a.atttypmod)
FROM information_schema.columns c
JOIN pg_attribute a ON a.attrelid = 'public.{table}'::regclass AND a.attname = c.column_name
WHERE c.table_schema = 'public' AND c.table_name = '{table}' AND c.is_generated = 'NEVER'
ORDER BY ordinal_position
"""

# What the copies moved stands in the wallets and in the house's cached balances as well.
WALLETS = """
UPDATE wallets w SET cash = w.cash + {copies} * m.units
FROM (SELECT player_id, asset,
             sum(CASE WHEN credit_account = 1 THEN amount ELSE -amount END) AS units
      FROM sample_transfers GROUP BY 1, 2) m
WHERE w.player_id = m.player_id AND w.asset = m.asset
"""
HOUSE_MOVES = """
CREATE TABLE sample_house AS
SELECT v.account, t.asset, {copies} * sum(v.units) AS units
FROM sample_transfers t
CROSS JOIN LATERAL (VALUES (t.credit_account, t.amount), (t.debit_account, -t.amount))
    v(account, units)
WHERE v.account > 5 GROUP BY 1, 2
"""
ROLLUPS = """
INSERT INTO house_rollups AS h (account, asset, upto_entry_id, balance)
SELECT account, asset, (SELECT max(upto_entry_id) FROM house_rollups), units FROM sample_house
ON CONFLICT (account, asset) DO UPDATE SET balance = h.balance + excluded.balance
"""
LANES = """
INSERT INTO house_lanes AS h (backend, account, asset, balance)
SELECT 0, account, asset, units FROM sample_house
ON CONFLICT (backend, account, asset) DO UPDATE SET balance = h.balance + excluded.balance
"""


@dataclass(frozen=True, slots=True)
class _Shift:
    """How far apart in time two copies lie."""

    step_ms: int

    def fill(self, expression: str, name: str = "") -> str:
        step = self.step_ms << SEQUENCE_BITS
        return expression.format(step=step, step_ms=self.step_ms, name=name)


def fill_past(house: House, *, bets: int, say: Callable[[str], None]) -> int:
    """Copy the house's bets back in time until `bets` or some more are stored; returns how many.

    Nothing else may have been played: each copy has its round, transfers, key, its part of the
    wallets and of the house's balances, so the book is as sound as before. What players used of
    their limits is not counted again.
    """
    played = house.count("rounds")
    copies = max(1, -(-bets // played) - 1)
    shift = _Shift(PAST_DAYS * DAY_MS // (copies + 1))
    # Only what bets wrote: the template's deposits and capital stay what they are.
    wanted = {
        "rounds": "true",
        "transfers": "entry_id IN (SELECT id FROM rounds)",
        "bet_keys": "entry_id IN (SELECT id FROM rounds)",
    }
    for table, condition in wanted.items():
        house.read(f"CREATE TABLE sample_{table} AS SELECT * FROM {table} WHERE {condition}")  # noqa: S608
    for statement in (WALLETS, HOUSE_MOVES, ROLLUPS, LANES):
        house.read(statement.format(copies=copies))
    piece = max(1, PIECE_ROWS // played)
    for oldest in range(copies, 0, -piece):
        youngest = max(1, oldest - piece + 1)
        for table in TABLES:
            house.read(_copy(house, table, shift, oldest, youngest))
        say(f"  {(copies - youngest + 1) * played:,} of {copies * played:,} bets stored")
    for sample in (*TABLES, "house"):
        house.read(f"DROP TABLE sample_{sample}")
    house.calm()
    return (copies + 1) * played


def _copy(house: House, table: str, shift: _Shift, oldest: int, youngest: int) -> str:
    """The statement that stores copies `oldest` to `youngest`, in the order of their time."""
    names, expressions = [], []
    for line in house.read(COLUMNS.format(table=table)).splitlines():
        name, _, kind = line.partition("|")
        names.append(name)
        moved = TABLES[table].get(name)
        if moved is None and kind.startswith("timestamp"):
            moved = MOMENT_COLUMN
        expressions.append(f"({shift.fill(moved, name)})::{kind}" if moved else f"s.{name}")
    return (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(expressions)}"  # noqa: S608
        f" FROM generate_series({oldest}::bigint, {youngest}, -1) k"
        f" CROSS JOIN LATERAL (SELECT * FROM sample_{table} WHERE k > 0 OFFSET 0) s"
    )
