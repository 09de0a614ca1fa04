"""Sums over the book for roll-ups and reports; other packages never read ledger rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino.ids import first_id_at
from casino.ledger.chart import BANKROLL, Account, Kind
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.ids import PlayerId

PAGE_ROWS = 10_000

# What came before the months that are attached stands summed in the opening.
BY_KIND = """
SELECT kind, asset, sum(units)::bigint FROM (
    SELECT kind, asset, amount AS units FROM transfers
    WHERE entry_id >= :low AND entry_id < :high
      AND (CAST(:player_id AS bigint) IS NULL OR player_id = :player_id)
    UNION ALL
    SELECT s.kind, s.asset, s.units FROM ledger_sums s
    JOIN ledger_marks m ON m.id = s.mark_id AND m.name = 'opening'
    WHERE :low <= 0 AND m.upto_entry_id < :high
      AND (CAST(:player_id AS bigint) IS NULL OR s.player_id = :player_id)) moved
GROUP BY kind, asset
"""


@dataclass(frozen=True, slots=True)
class Move:
    """A transfer as proofs of other packages read it."""

    player_id: PlayerId
    kind: Kind
    asset: Asset
    units: int
    at: datetime


async def by_kind(
    session: AsyncSession, *, since: datetime, until: datetime, player_id: PlayerId | None = None
) -> Mapping[tuple[Kind, Asset], int]:
    """Units moved by kind and asset in [since, until), for the house or one player.

    Months that were detached are counted when `since` is the beginning of everything, and only
    then.
    """
    rows = await session.execute(
        text(BY_KIND).bindparams(
            low=first_id_at(since), high=first_id_at(until), player_id=player_id
        )
    )
    return {(Kind(kind), Asset.from_code(asset)): units for kind, asset, units in rows}


async def by_kind_hour(
    session: AsyncSession, *, since: datetime, until: datetime
) -> Mapping[tuple[datetime, Kind, Asset], int]:
    """Units moved by hour (UTC), kind and asset in [since, until)."""
    rows = await session.execute(
        text(
            "SELECT date_trunc('hour', created_at, 'UTC'), kind, asset, sum(amount)::bigint"
            " FROM transfers WHERE entry_id >= :low AND entry_id < :high GROUP BY 1, 2, 3"
        ),
        {"low": first_id_at(since), "high": first_id_at(until)},
    )
    return {(hour, Kind(kind), Asset.from_code(asset)): units for hour, kind, asset, units in rows}


async def account_balance(session: AsyncSession, account: Account, asset: Asset) -> int:
    """What an account of the house or the outside stands at now: roll-up plus what came since."""
    return int(
        await session.scalar(
            text(
                """
                WITH rolled AS (
                    SELECT coalesce(max(upto_entry_id), 0) AS upto,
                           coalesce(sum(balance), 0) AS balance
                    FROM house_rollups WHERE account = :account AND asset = :asset)
                SELECT (rolled.balance + coalesce((
                    SELECT sum(CASE WHEN credit_account = :account THEN amount ELSE -amount END)
                    FROM transfers, rolled
                    WHERE entry_id > rolled.upto AND asset = :asset
                      AND :account IN (credit_account, debit_account)), 0))::bigint
                FROM rolled
                """
            ).bindparams(account=int(account), asset=asset.code)
        )
        or 0
    )


async def in_wallets(
    session: AsyncSession, account: Account
) -> Mapping[tuple[PlayerId, Asset], int]:
    """What players hold on `player:reserved` or `player:held`, where it is not zero, in units."""
    column = {Account.PLAYER_RESERVED: "reserved", Account.PLAYER_HELD: "held"}[account]
    rows = await session.execute(
        text(f"SELECT player_id, asset, {column} FROM wallets WHERE {column} <> 0")  # noqa: S608
    )
    return {(player_id, Asset.from_code(asset)): units for player_id, asset, units in rows}


async def by_subject(
    session: AsyncSession, *, kinds: Sequence[Kind], above: int, upto: int
) -> Mapping[tuple[int, Kind], int]:
    """Units moved by subject and kind in the entries of (above, upto]; ids, not moments."""
    rows = await session.execute(
        text(
            "SELECT subject_id, kind, sum(amount)::bigint FROM transfers"
            " WHERE entry_id > :above AND entry_id <= :upto"
            "   AND kind = ANY(CAST(:kinds AS smallint[])) GROUP BY 1, 2"
        ),
        {"above": above, "upto": upto, "kinds": [int(kind) for kind in kinds]},
    )
    return {(subject, Kind(kind)): units for subject, kind, units in rows}


async def of_subjects(
    session: AsyncSession, *, kinds: Sequence[Kind], subjects: Sequence[int]
) -> Mapping[tuple[int, Kind], int]:
    """Units moved by kind for the given subjects, whenever that was."""
    rows = await session.execute(
        text(
            # An entry that is its own subject is found by its id, the others by their index.
            "SELECT subject_id, kind, sum(amount)::bigint FROM ("
            " SELECT subject_id, kind, amount FROM transfers"
            " WHERE subject_id = ANY(CAST(:subjects AS bigint[])) AND subject_id <> entry_id"
            " UNION ALL SELECT subject_id, kind, amount FROM transfers"
            " WHERE entry_id = ANY(CAST(:subjects AS bigint[])) AND subject_id = entry_id) moved"
            " WHERE kind = ANY(CAST(:kinds AS smallint[])) GROUP BY 1, 2"
        ),
        {"subjects": list(subjects), "kinds": [int(kind) for kind in kinds]},
    )
    return {(subject, Kind(kind)): units for subject, kind, units in rows}


async def moves_of(
    session: AsyncSession, *, players: Sequence[PlayerId], kinds: Sequence[Kind], since: datetime
) -> AsyncIterator[Move]:
    """Transfers of some players since a moment, player by player, in the order of their entries;
    read from a server's cursor."""
    rows = await session.stream(
        text(
            "SELECT player_id, kind, asset, amount, created_at FROM transfers"
            " WHERE player_id = ANY(CAST(:players AS bigint[])) AND entry_id >= :low"
            "   AND kind = ANY(CAST(:kinds AS smallint[])) ORDER BY player_id, entry_id, leg"
        ).execution_options(yield_per=PAGE_ROWS),
        {
            "players": list(players),
            "low": first_id_at(since),
            "kinds": [int(kind) for kind in kinds],
        },
    )
    async for player_id, kind, asset, units, at in rows:
        yield Move(player_id, Kind(kind), Asset.from_code(asset), units, at)


async def bankroll(connection: asyncpg.Connection) -> Mapping[Asset, int]:
    """What the house owns for gaming now, in units by asset."""
    rows = await connection.fetch(
        "SELECT asset, sum(balance)::bigint FROM house_lanes"
        " WHERE account = ANY($1::smallint[]) GROUP BY asset",
        [int(account) for account in BANKROLL],
    )
    return {Asset.from_code(asset): units for asset, units in rows}


async def fold_lanes(session: AsyncSession) -> None:
    """Gather the live balances of server processes that are gone in backend 0."""
    await session.execute(
        text(
            """
            WITH gone AS (
                DELETE FROM house_lanes h WHERE backend <> 0
                  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = h.backend)
                RETURNING account, asset, balance)
            INSERT INTO house_lanes AS h (backend, account, asset, balance)
            SELECT 0, account, asset, sum(balance)::bigint FROM gone GROUP BY account, asset
            ON CONFLICT (backend, account, asset) DO UPDATE SET
                balance = h.balance + excluded.balance
            """
        )
    )


async def roll_up(session: AsyncSession, *, upto: datetime) -> int:
    """Move the house's cached balances on to `upto`; returns the number of accounts changed.

    `upto` must lie behind the oldest running transaction: later entries with smaller ids would be
    missed otherwise.
    """
    rows = await session.execute(
        text(
            """
            WITH fresh AS (
                SELECT v.account, t.asset, sum(v.units)::bigint AS units
                FROM transfers t
                CROSS JOIN LATERAL (VALUES (t.credit_account, t.amount),
                                           (t.debit_account, -t.amount)) v(account, units)
                LEFT JOIN house_rollups h ON h.account = v.account AND h.asset = t.asset
                WHERE t.entry_id < :upto AND t.entry_id >= (
                        SELECT coalesce(min(upto_entry_id), 0) FROM house_rollups)
                  AND t.entry_id > coalesce(h.upto_entry_id, 0)
                  AND v.account > :players_last
                GROUP BY v.account, t.asset)
            INSERT INTO house_rollups (account, asset, upto_entry_id, balance)
            SELECT account, asset, :upto - 1, units FROM fresh
            ON CONFLICT (account, asset) DO UPDATE SET
                balance = house_rollups.balance + excluded.balance,
                upto_entry_id = excluded.upto_entry_id
            RETURNING account
            """
        ).bindparams(upto=first_id_at(upto), players_last=int(Account.PLAYER_DEFICIT))
    )
    changed = len(rows.all())
    # Accounts at rest move on too: the next roll-up reads only what came after.
    await session.execute(
        text(
            "UPDATE house_rollups SET upto_entry_id = :last WHERE upto_entry_id < :last"
        ).bindparams(last=first_id_at(upto) - 1)
    )
    return changed
