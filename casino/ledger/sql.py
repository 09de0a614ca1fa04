"""The statements that lock, load and store the book: all SQL that moves money stands here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from casino.arrays import literals, numbers, parameters, texts
from casino.ids import EntryId, first_id_at
from casino.ledger.chart import Account
from casino.ledger.keys import StoredKey
from casino.ledger.wallet import Wallet
from casino.money import PLAYERS, Asset

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    import asyncpg

    from casino.ids import PlayerId
    from casino.ledger.keys import Key
    from casino.ledger.wallet import Posting

LOCK = """
SELECT player_id FROM ledger_players WHERE player_id = ANY($1::text::bigint[])
ORDER BY player_id FOR UPDATE
"""

FREE_PLAYERS = f"{LOCK.strip()} SKIP LOCKED"

WALLET = "bigint smallint bigint bigint bigint bigint bigint bigint"
KEY = "text text bigint bigint bytea bytea"
HOUSE = "smallint smallint bigint"
TRANSFER = "bigint smallint smallint smallint smallint smallint bigint bigint bigint"

LOAD_WALLETS = """
SELECT player_id, asset, cash, bonus, reserved, held, deficit, not_final
FROM wallets WHERE player_id = ANY($1::text::bigint[])
"""

# One round trip, two kinds of rows. First, for each key asked about: a new id and what is stored
# under the key already; ids are taken after the lock, so a player's entries are ordered as they
# were decided. Then, with place 0, the wallets. Each key is looked up by itself: joined as a table,
# a new and still empty one would be planned to be read whole for every batch, for ever.
_LOAD = f"""
SELECT u.place, next_id(), k.entry_id, k.player_id, NULL::bigint, NULL::bigint, NULL::bigint,
       NULL::bigint, NULL::bigint, k.fingerprint, k.answer
FROM unnest({parameters(1, "text text")}) WITH ORDINALITY AS u(scope, reference, place)
LEFT JOIN LATERAL (
  SELECT * FROM {{keys}} stored
  WHERE stored.scope = u.scope AND stored.reference = u.reference
    AND stored.entry_id >= $4
  LIMIT 1
) k ON true
UNION ALL
SELECT 0, player_id, asset, cash, bonus, reserved, held, deficit, not_final, NULL, NULL
FROM wallets WHERE player_id = ANY($3::text::bigint[])
"""  # noqa: S608
LOAD_BET = _LOAD.format(keys="bet_keys")
LOAD_MONEY = _LOAD.format(keys="money_keys")

# The players are locked, so their wallets change under nobody; a wallet that is not there yet is
# inserted. The house's rows are this server process's own, so nobody waits for them. What the
# layer above stores with every batch rides along: a round trip saved.
MOMENT = 27
BESIDE_FIRST = 28
_STORE = f"""
WITH wallet AS (
  INSERT INTO wallets AS w
    (player_id, asset, cash, bonus, reserved, held, deficit, not_final)
  SELECT * FROM unnest({parameters(1, WALLET)})
  ON CONFLICT (player_id, asset) DO UPDATE SET
    cash = excluded.cash, bonus = excluded.bonus, reserved = excluded.reserved,
    held = excluded.held, deficit = excluded.deficit, not_final = excluded.not_final
), kept AS (
  INSERT INTO {{keys}} (scope, reference, entry_id, player_id, fingerprint, answer)
  SELECT * FROM unnest({parameters(9, KEY)})
), house AS (
  INSERT INTO house_lanes AS h (backend, account, asset, balance)
  SELECT pg_backend_pid(), * FROM unnest({parameters(24, HOUSE)})
  ON CONFLICT (backend, account, asset) DO UPDATE SET balance = h.balance + excluded.balance
){{beside}}
INSERT INTO transfers (entry_id, leg, asset, kind, debit_account, credit_account, player_id,
                       amount, subject_id, created_at)
SELECT *, ${MOMENT} FROM unnest({parameters(15, TRANSFER)})
"""  # noqa: S608

OPEN_PLAYER = """
WITH player AS (
  INSERT INTO ledger_players (player_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING player_id)
INSERT INTO wallets (player_id, asset)
SELECT player_id, unnest($2::smallint[]) FROM player
"""


class Beside(NamedTuple):
    """Rows of the layer above, written in the statement that writes the book.

    `statements` are `name AS (...)` parts, whose parameters are numbered from BESIDE_FIRST; the
    moment of the batch is parameter MOMENT.
    """

    statements: str
    arguments: Sequence[str]


NOTHING_BESIDE = Beside("", ())


class Rows:
    """Column-wise rows of one batch, as the one store statement takes them."""

    __slots__ = ("_flows", "_keys", "_live_house", "_transfers", "_wallets")

    def __init__(self, *, live_house: bool) -> None:
        self._live_house = live_house
        self._wallets: dict[tuple[PlayerId, Asset], Wallet] = {}
        self._keys: list[tuple[object, ...]] = []
        self._transfers: list[tuple[int | None, ...]] = []
        # What the batch moves from account to account, in units.
        self._flows: dict[tuple[Account, Account, Asset], int] = {}

    def add_key(self, key: Key, stored: StoredKey) -> None:
        """Remember an idempotency key."""
        self._keys.append(
            (
                key.scope,
                key.reference,
                stored.entry_id,
                stored.player_id,
                stored.fingerprint,
                stored.answer,
            )
        )

    def add_transfers(
        self,
        entry_id: EntryId,
        player_id: PlayerId,
        subject_id: int,
        postings: Sequence[Posting],
        wallets: Mapping[Asset, Wallet],
    ) -> None:
        """Write an entry's transfers, numbered from 0, and the wallets as they stand after it."""
        flows = self._flows
        for leg, posting in enumerate(postings):
            debit, credit, asset = flow = (posting.debit, posting.credit, posting.asset)
            self._transfers.append(
                (
                    entry_id,
                    leg,
                    asset.code,
                    int(posting.kind),
                    int(debit),
                    int(credit),
                    player_id or None,
                    posting.units,
                    subject_id,
                )
            )
            if player_id:
                self._wallets[player_id, asset] = wallets[asset]
            flows[flow] = flows.get(flow, 0) + posting.units

    def _house(self) -> list[tuple[int, ...]]:
        """What the batch adds to accounts that are no player's: account, asset, units."""
        if not self._live_house:
            return []
        changes: dict[tuple[Account, Asset], int] = {}
        for (debit, credit, asset), units in self._flows.items():
            for account, change in ((debit, -units), (credit, units)):
                if not account.is_players:
                    changes[account, asset] = changes.get((account, asset), 0) + change
        return [
            (int(account), asset.code, units)
            for (account, asset), units in changes.items()
            if units
        ]

    def columns(self) -> list[str]:
        """Arguments of the store statement but the moment."""
        wallets: list[tuple[int, ...]] = [
            (
                player_id,
                asset.code,
                wallet.cash,
                wallet.bonus,
                wallet.reserved,
                wallet.held,
                wallet.deficit,
                wallet.not_final,
            )
            for (player_id, asset), wallet in self._wallets.items()
        ]
        return [
            *literals(WALLET, wallets),
            *literals(KEY, self._keys),
            *literals(TRANSFER, self._transfers),
            *literals(HOUSE, self._house()),
        ]


def begin_and_lock(player_ids: Sequence[PlayerId]) -> str:
    """A transaction's beginning and its lock, to be sent as one: a round trip saved. The status
    that comes back is the second statement's and counts the players found."""
    return f"BEGIN; {LOCK.strip()};".replace("$1", f"'{numbers(player_ids)}'")


async def lock_players(
    connection: asyncpg.Connection, player_ids: Sequence[PlayerId]
) -> list[PlayerId]:
    """Lock rows in id order; returns the ids found."""
    return [row[0] for row in await connection.fetch(LOCK, numbers(player_ids))]


async def free_players(
    connection: asyncpg.Connection, player_ids: Collection[PlayerId]
) -> set[PlayerId]:
    """Those of the players whom nobody else holds now."""
    return {row[0] for row in await connection.fetch(FREE_PLAYERS, numbers(sorted(player_ids)))}


async def load_wallets(
    connection: asyncpg.Connection, player_ids: Collection[PlayerId]
) -> dict[PlayerId, dict[Asset, Wallet]]:
    """Wallets of players by asset."""
    found: dict[PlayerId, dict[Asset, Wallet]] = {}
    for player_id, code, *parts in await connection.fetch(LOAD_WALLETS, numbers(player_ids)):
        asset = Asset.from_code(code)
        found.setdefault(player_id, {})[asset] = Wallet(asset, *parts)
    return found


async def load(
    connection: asyncpg.Connection,
    player_ids: Sequence[PlayerId],
    keys: Sequence[Key],
    *,
    for_ever: bool,
    now: datetime,
) -> tuple[dict[PlayerId, dict[Asset, Wallet]], list[EntryId], dict[Key, StoredKey]]:
    """Wallets of the players, a fresh entry id for each key, and the keys that were seen before.

    Keys of bets are searched in this month's partition and the one before.
    """
    rows = await connection.fetch(
        LOAD_MONEY if for_ever else LOAD_BET,
        texts([key.scope for key in keys]),
        texts([key.reference for key in keys]),
        numbers(player_ids),
        0 if for_ever else oldest_key_id(now),
    )
    wallets: dict[PlayerId, dict[Asset, Wallet]] = {player_id: {} for player_id in player_ids}
    ids: list[EntryId] = [EntryId(0)] * len(keys)
    seen: dict[Key, StoredKey] = {}
    for place, first, second, third, bonus, reserved, held, deficit, not_final, mark, kept in rows:
        if place:
            ids[place - 1] = first
            if second is not None:
                seen[keys[place - 1]] = StoredKey(second, third, mark, kept)
        else:
            asset = Asset.from_code(second)
            wallets[first][asset] = Wallet(asset, third, bonus, reserved, held, deficit, not_final)
    return wallets, ids, seen


async def store(
    connection: asyncpg.Connection,
    rows: Rows,
    beside: Beside,
    *,
    for_ever: bool,
    now: datetime,
) -> None:
    """Write a batch's wallets, keys and transfers, and what is beside them, in one statement."""
    statement = store_statement("money_keys" if for_ever else "bet_keys", beside.statements)
    await connection.execute(statement, *rows.columns(), now, *beside.arguments)


@lru_cache(maxsize=8)
def store_statement(keys: str, beside: str) -> str:
    """The statement that stores a batch, with its table of keys and what rides along."""
    return _STORE.format(keys=keys, beside=f", {beside}" if beside else "")


async def open_player(connection: asyncpg.Connection, player_id: PlayerId) -> None:
    """Create a player's lock row and empty wallets, once."""
    await connection.execute(OPEN_PLAYER, player_id, [asset.code for asset in PLAYERS])


def oldest_key_id(now: datetime) -> int:
    """The first entry id of the previous month: older keys of bets are refused by their age."""
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first_id_at((this_month - timedelta(days=1)).replace(day=1))
