"""Rebuild every wallet from the first transfer on, by the rules of a wallet, and compare.

Sums can agree although a balance was below zero on the way; a replay finds that too. One player is
in memory at a time: transfers, openings and wallets are read side by side, ordered by player.
No transfer feeds `not_final`: the cashier proves it against its deposits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from casino.errors import CurrencyMismatch, NegativeBalance
from casino.ledger.chart import Account, Kind
from casino.ledger.progress import Progress
from casino.ledger.wallet import Posting, Wallet
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    import asyncpg

FETCH_ROWS = 10_000
SHOWN_MAX = 100

TRANSFERS = """
SELECT coalesce(player_id, 0), asset, kind, debit_account, credit_account, amount, entry_id, leg
FROM transfers WHERE entry_id > $1 ORDER BY 1, entry_id, leg
"""

OPENINGS = """
SELECT s.player_id, s.asset, s.kind, s.debit_account, s.credit_account, s.units, 0, 0
FROM ledger_sums s JOIN ledger_marks m ON m.id = s.mark_id
WHERE m.name = 'opening' ORDER BY 1
"""

WALLETS = """
SELECT player_id, asset, cash, bonus, reserved, held, deficit
FROM wallets ORDER BY 1, 2
"""

_ACCOUNTS = {int(account): account for account in Account}
_KINDS = {int(kind): kind for kind in Kind}
_COLUMNS = ("cash", "bonus", "reserved", "held", "deficit")
_COLUMN_OF = {
    Account.PLAYER_CASH: "cash",
    Account.PLAYER_BONUS: "bonus",
    Account.PLAYER_RESERVED: "reserved",
    Account.PLAYER_HELD: "held",
    Account.PLAYER_DEFICIT: "deficit",
}

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What a replay cannot agree with. `column` is a wallet's column or an account's path;
    `entry_id` is set where a transfer itself breaks the wallet's rules."""

    player_id: int
    asset: str
    column: str
    replayed: int
    stored: int
    entry_id: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome: the first faults in order of players, how many there are, what was read."""

    faults: tuple[Fault, ...]
    faults_found: int
    transfers: int
    wallets: int
    house: Mapping[str, Mapping[str, int]]

    @property
    def sound(self) -> bool:
        """Whether every wallet and roll-up came out as it stands."""
        return self.faults_found == 0

    def as_json(self) -> dict[str, object]:
        """The outcome as JSON-able data."""
        return {"sound": self.sound, **asdict(self)}


async def replay(connection: asyncpg.Connection, *, progress: Progress | None = None) -> Replay:
    """Replay the whole book on one snapshot of `connection`, which must be in no transaction."""
    progress = progress or Progress()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # All rows are wanted, not the first ones soon; sorting happens on the server's disk.
        await connection.execute("SET LOCAL cursor_tuple_fraction = 1")
        await connection.execute("SET LOCAL work_mem = '64MB'")
        edge = await connection.fetchval(
            "SELECT upto_entry_id FROM ledger_marks WHERE name = 'opening'"
        )
        total = await connection.fetchval(
            "SELECT count(*) FROM transfers WHERE entry_id > $1", edge
        )
        rollups = {
            (row[0], row[1]): (row[2], row[3])
            for row in await connection.fetch(
                "SELECT account, asset, upto_entry_id, balance FROM house_rollups"
                " WHERE upto_entry_id < first_id_at(clock_timestamp())"
            )
        }
        live = {
            (row[0], row[1]): int(row[2])
            for row in await connection.fetch(
                "SELECT account, asset, sum(balance)::bigint FROM house_lanes GROUP BY 1, 2"
            )
        }
        run = _Run(rollups, live)
        progress.begin("replaying transfers", total)
        openings = _Players(connection, OPENINGS)
        transfers = _Players(connection, TRANSFERS, edge)
        wallets = _Players(connection, WALLETS)
        while (player_id := await _next_player(openings, transfers, wallets)) is not None:
            purse = run.open(await openings.rows_of(player_id))
            async for rows in transfers.pages_of(player_id):
                run.play(player_id, purse, rows)
                progress.add(len(rows))
            run.compare(player_id, purse, await wallets.rows_of(player_id))
        progress.end()
        return run.outcome()


class _Players:
    """A query's rows, ordered by player, handed out player by player from a server's cursor."""

    def __init__(self, connection: asyncpg.Connection, query: str, *arguments: object) -> None:
        self._connection, self._query, self._arguments = connection, query, arguments
        self._cursor: asyncpg.cursor.Cursor | None = None
        self._page: Sequence[Row] = ()
        self._place = 0

    async def player(self) -> int | None:
        """Whose rows come next; None at the end."""
        if self._place >= len(self._page):
            if self._cursor is None:
                self._cursor = await self._connection.cursor(self._query, *self._arguments)
            self._page, self._place = await self._cursor.fetch(FETCH_ROWS), 0
        return self._page[self._place][0] if self._page else None

    async def pages_of(self, player_id: int) -> AsyncIterator[Sequence[Row]]:
        """The player's rows, a page at a time."""
        while await self.player() == player_id:
            end = self._place
            while end < len(self._page) and self._page[end][0] == player_id:
                end += 1
            rows = self._page[self._place : end]
            self._place = end
            yield rows

    async def rows_of(self, player_id: int) -> list[Row]:
        """All of the player's rows at once, where they are few."""
        return [row async for rows in self.pages_of(player_id) for row in rows]


async def _next_player(*sources: _Players) -> int | None:
    waiting = [player for source in sources if (player := await source.player()) is not None]
    return min(waiting) if waiting else None


class _Run:
    """Faults found so far, and the house's accounts as they add up over all players."""

    def __init__(
        self,
        rollups: Mapping[tuple[int, int], tuple[int, int]],
        live: Mapping[tuple[int, int], int],
    ) -> None:
        self._rollups, self._live = rollups, live
        self._rolled_upto = max((upto for upto, _ in rollups.values()), default=0)
        self._house: dict[tuple[int, int], int] = {}
        self._rolled: dict[tuple[int, int], int] = {}
        self._broken: set[int] = set()
        self._faults: list[Fault] = []
        self._found = self._transfers = self._wallets = 0

    def open(self, rows: Iterable[Row]) -> dict[int, Wallet]:
        """A player's wallets as the detached months left them."""
        self._broken.clear()
        purse: dict[int, Wallet] = {}
        for asset, of_asset in groupby(sorted(rows, key=itemgetter(1)), key=itemgetter(1)):
            balances: dict[int, int] = {}
            for _, _, _, debit, credit, units, entry_id, _ in of_asset:
                balances[debit] = balances.get(debit, 0) - units
                balances[credit] = balances.get(credit, 0) + units
                self._count_house(asset, debit, credit, units, entry_id)
            purse[asset] = Wallet(
                Asset.from_code(asset),
                cash=balances.get(Account.PLAYER_CASH, 0),
                bonus=balances.get(Account.PLAYER_BONUS, 0),
                reserved=balances.get(Account.PLAYER_RESERVED, 0),
                held=balances.get(Account.PLAYER_HELD, 0),
                deficit=-balances.get(Account.PLAYER_DEFICIT, 0),
            )
        return purse

    def play(self, player_id: int, purse: dict[int, Wallet], rows: Sequence[Row]) -> None:
        """Apply a player's transfers in their order."""
        for _, asset, kind, debit, credit, units, entry_id, _ in rows:
            self._count_house(asset, debit, credit, units, entry_id)
            wallet = purse.get(asset) or Wallet(Asset.from_code(asset))
            posting = Posting(
                _ACCOUNTS[debit], _ACCOUNTS[credit], units, wallet.asset, _KINDS[kind]
            )
            if asset in self._broken:
                purse[asset] = _forced(wallet, posting)
                continue
            try:
                purse[asset] = wallet.with_posting(posting)
            except (NegativeBalance, CurrencyMismatch) as broken:
                column = str(broken.data.get("account", posting.debit.path))
                self._fault(player_id, wallet.asset, column, _whole(broken), 0, entry_id)
                # One fault a wallet: the transfers after it may all look wrong because of it.
                self._broken.add(asset)
                purse[asset] = _forced(wallet, posting)
        self._transfers += len(rows)

    def compare(self, player_id: int, purse: Mapping[int, Wallet], rows: Iterable[Row]) -> None:
        """Hold the replayed wallets against the stored ones."""
        stored = {row[1]: row[2:] for row in rows}
        self._wallets += len(stored)
        for asset in sorted(purse.keys() | stored.keys()):
            wallet = purse.get(asset) or Wallet(Asset.from_code(asset))
            kept = stored.get(asset, (0,) * len(_COLUMNS))
            for column, units in zip(_COLUMNS, kept, strict=True):
                replayed = getattr(wallet, column)
                if replayed != units:
                    self._fault(player_id, wallet.asset, column, replayed, units)

    def outcome(self) -> Replay:
        """Compare the house's cached balances as well, and close."""
        for place in sorted(self._house.keys() | self._rollups.keys() | self._live.keys()):
            account, asset = _ACCOUNTS[place[0]], Asset.from_code(place[1])
            if self._rollups:
                _, rolled = self._rollups.get(place, (0, 0))
                self._compare_house(asset, account, self._rolled.get(place, 0), rolled)
            live = self._live.get(place, 0)
            self._compare_house(asset, account, self._house.get(place, 0), live)
        house: dict[str, dict[str, int]] = {}
        for (number, code), units in sorted(self._house.items()):
            house.setdefault(_ACCOUNTS[number].path, {})[Asset.from_code(code).value] = units
        return Replay(tuple(self._faults), self._found, self._transfers, self._wallets, house)

    def _compare_house(self, asset: Asset, account: Account, replayed: int, kept: int) -> None:
        if replayed != kept:
            self._fault(0, asset, account.path, replayed, kept)

    def _count_house(self, asset: int, debit: int, credit: int, units: int, entry_id: int) -> None:
        for account, change in ((debit, -units), (credit, units)):
            if account <= Account.PLAYER_DEFICIT:
                continue
            place = (account, asset)
            self._house[place] = self._house.get(place, 0) + change
            upto, _ = self._rollups.get(place, (self._rolled_upto, 0))
            if entry_id <= upto:
                self._rolled[place] = self._rolled.get(place, 0) + change

    def _fault(
        self,
        player_id: int,
        asset: Asset,
        column: str,
        replayed: int,
        stored: int,
        entry_id: int | None = None,
    ) -> None:
        self._found += 1
        if len(self._faults) < SHOWN_MAX:
            self._faults.append(Fault(player_id, asset.value, column, replayed, stored, entry_id))


def _whole(broken: NegativeBalance | CurrencyMismatch) -> int:
    units = broken.data.get("units", 0)
    return units if isinstance(units, int) else 0


def _forced(wallet: Wallet, posting: Posting) -> Wallet:
    """The wallet after a posting that its rules refuse: plain sums, so that the replay goes on and
    the end is compared with what is stored."""
    columns: dict[str, int] = {column: getattr(wallet, column) for column in _COLUMNS}
    for account, change in ((posting.debit, -posting.units), (posting.credit, posting.units)):
        if account.is_players:
            columns[_COLUMN_OF[account]] += -change if account is Account.PLAYER_DEFICIT else change
    return Wallet(wallet.asset, **columns)
