"""A house to bet in: the newest schema, rates, a bankroll, and players who can play at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from casino import rates
from casino.betting.seeds import SeedStore
from casino.clock import utc_now
from casino.db import Database, driver_connection
from casino.ids import PlayerId, new_reference
from casino.ledger import journal, totals
from casino.ledger.chart import Account, Kind
from casino.ledger.journal import MoneyCommand, MoneyDesk
from casino.ledger.keys import Key, fingerprint
from casino.ledger.progress import Progress
from casino.ledger.reconcile import Report, reconcile_all
from casino.ledger.wallet import Posting
from casino.money import Asset
from casino.players.rules import TERMS_VERSION, Counters
from casino.vault import Vault
from casino.worker.proofs import Proofs, prove_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from benchmarks.server import BenchServer

ROOT = Path(__file__).parent.parent
TEMPLATE = "house_template"
# A key of nothing but this bench's own throw-away database.
MASTER_KEYS = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

CASH_UNITS = 10**13
BANKROLL_UNITS = 10**17
LIMIT_UNITS = 10**15

PLAYERS = """
INSERT INTO players (telegram_id, first_name, language, terms_version, created_at)
SELECT 1000000 + n, 'Player ' || n, 'en', $2, $3 FROM generate_series(1, $1::int) n RETURNING id
"""
OWN_ROWS = (
    "INSERT INTO ledger_players (player_id) SELECT id FROM players",
    """INSERT INTO wallets (player_id, asset)
       SELECT id, asset FROM players, unnest('{1,2}'::int[]) asset""",
    """INSERT INTO consents (player_id, terms_version, of_age, language, accepted_at)
       SELECT id, terms_version, true, language, created_at FROM players""",
)
COUNTERS = """
INSERT INTO player_counters (player_id, day, week, month) SELECT id, $1, $2, $3 FROM players
"""
# Every second player set limits of his own, so wide that they are checked and never reached.
LIMITS = """
INSERT INTO player_limits (player_id, kind, limit_window, units, changed_at)
SELECT p.id, l.kind, l.part, $1, p.created_at
FROM players p, (VALUES ('wager', 'day'), ('loss', 'week'), ('stake', 'day')) l(kind, part)
WHERE p.telegram_id % 2 = 0
"""


# Live balances as they would stand had they been kept.
KEEP_LANES = """
TRUNCATE house_lanes;
INSERT INTO house_lanes (backend, account, asset, balance)
SELECT 0, v.account, t.asset, sum(v.units)::bigint FROM transfers t
CROSS JOIN LATERAL (VALUES (t.credit_account, t.amount), (t.debit_account, -t.amount))
    v(account, units)
WHERE v.account > 5 GROUP BY 2, 3
"""


class BookUnsound(RuntimeError):
    """The books are wrong after a case: such a figure is no result."""


class House:
    """One database with a house in it, on the bench's server."""

    def __init__(self, server: BenchServer, name: str) -> None:
        self._server = server
        self.name = name
        self.dsn = server.dsn(name)
        self.url = server.url(name)

    def players(self) -> list[int]:
        """Ids of everybody who may sit down, in a fixed order."""
        return [int(line) for line in self.read("SELECT id FROM players ORDER BY id").split()]

    def calm(self) -> None:
        """What autovacuum does within a minute of a new house."""
        self._server.sql(self.name, "VACUUM (ANALYZE)")

    def read(self, statement: str) -> str:
        """What a statement prints, bare."""
        return self._server.sql(self.name, statement)

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self.read(f"SELECT count(*) FROM {table}"))  # noqa: S608

    def prove(
        self,
        *,
        rounds: int,
        keys: int | None = None,
        live: bool = True,
        history: bool = True,
    ) -> None:
        """Raise BookUnsound unless all proofs hold and what is stored is exactly what was
        answered: so many rounds, and so many keys of calls where that is asked.

        Without `live` the house's live balances were not kept, and are made up for; without
        `history` the players' counters and each single round are left out.
        """
        if not live:
            self._server.sql(self.name, KEEP_LANES)
        asyncio.run(_prove(self.url, history=history))
        for table, answered in (("rounds", rounds), ("bet_keys", keys)):
            if answered is not None and (stored := self.count(table)) != answered:
                raise BookUnsound(f"{answered} were answered and {stored} stand in {table}")

    def drop(self) -> None:
        """Forget the house."""
        self._server.sql("postgres", f"DROP DATABASE {self.name} WITH (FORCE)")


def build_template(server: BenchServer, *, players: int) -> None:
    """Make the house that every case copies."""
    server.sql("postgres", f"CREATE DATABASE {TEMPLATE}")
    migrate(server.url(TEMPLATE))
    asyncio.run(_open(server.url(TEMPLATE), players))
    server.sql(TEMPLATE, "VACUUM (ANALYZE)")


def copy_house(server: BenchServer, name: str, *, template: str = TEMPLATE) -> House:
    """A fresh copy of a template, or of another house that nobody is connected to."""
    server.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
    return House(server, name)


def migrate(url: str) -> None:
    """Bring a database to the newest schema, as `make migrate` does."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the schema could not be made:\n{done.stderr[-2000:]}")


async def _open(url: str, players: int) -> None:
    database = Database(url)
    try:
        await _fund_house(database)
        async with database.transaction() as session:
            connection = await driver_connection(session)
            ids = await _register(connection, players)
            await _deposit(connection, ids)
            # The lock that the deposits took is still held.
            await SeedStore(Vault.from_text(MASTER_KEYS)).load(connection, ids)
        await asyncio.sleep(0.01)  # so that the roll-up's moment lies behind what was booked
        async with database.transaction() as session:
            await totals.roll_up(session, upto=utc_now())
    finally:
        await database.close()


async def _fund_house(database: Database) -> None:
    now = utc_now()
    async with database.transaction() as session:
        # 3.00 EUR for a TON, 0.90 EUR for a dollar, in micro-units for one unit.
        await rates.quote(session, asset=Asset.TON, numerator=3, denominator=1000, now=now)
        await rates.quote(session, asset=Asset.USDT, numerator=9, denominator=10, now=now)
        for asset, outside in (
            (Asset.TON, Account.HOT_WALLET_TON),
            (Asset.USDT, Account.HOT_WALLET_USDT_FAUCET),
        ):
            capital = Posting(
                outside, Account.HOUSE_CAPITAL, BANKROLL_UNITS, asset, Kind.CAPITAL_PAID_IN
            )
            await journal.post_house(
                session,
                source="bench",
                kind_key="capital",
                reference=new_reference(),
                request={"asset": asset},
                postings=[capital],
                subject_id=1,
                now=now,
            )


async def _register(connection: asyncpg.Connection, players: int) -> list[PlayerId]:
    """What identity and limits write for a newcomer, for many at once."""
    now = utc_now()
    rows = await connection.fetch(PLAYERS, players, TERMS_VERSION, now)
    for statement in OWN_ROWS:
        await connection.execute(statement)
    empty = Counters.empty(now)
    await connection.execute(COUNTERS, empty.day.start, empty.week.start, empty.month.start)
    await connection.execute(LIMITS, LIMIT_UNITS)
    return sorted(PlayerId(row[0]) for row in rows)


async def _deposit(connection: asyncpg.Connection, players: Sequence[PlayerId]) -> None:
    """Give everybody cash in TON through the book itself."""
    incoming = Posting(
        Account.HOT_WALLET_TON, Account.PLAYER_CASH, CASH_UNITS, Asset.TON, Kind.DEPOSIT
    )
    commands = [
        MoneyCommand(
            player_id=player_id,
            key=Key("bench/deposit", new_reference()),
            fingerprint=fingerprint({"units": CASH_UNITS}),
            postings=(incoming,),
            subject_id=1,
        )
        for player_id in players
    ]
    for answer in await journal.apply(connection, commands, MoneyDesk(), now=utc_now()):
        if isinstance(answer, Exception):
            raise answer


async def _prove(url: str, *, history: bool) -> None:
    database = Database(url)
    try:
        now = utc_now()
        proofs: Report | Proofs = (
            await prove_all(database, now=now, progress=Progress())
            if history
            else await reconcile_all(database, now=now)
        )
    finally:
        await database.close()
    if not proofs.sound:
        raise BookUnsound(f"the book does not prove itself: {proofs.as_json()}")
