"""The statements that lock, load and store the book: all SQL that moves money stands here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from casino.ids import EntryId, PlayerId, first_id_at
from casino.ledger.keys import StoredKey
from casino.ledger.wallet import Wallet
from casino.money import Asset

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from casino.ledger.keys import Key
    from casino.ledger.wallet import Posting

LOCK = """
SELECT player_id FROM ledger_players WHERE player_id = ANY($1::bigint[])
ORDER BY player_id FOR UPDATE
"""

LOAD_WALLETS = """
SELECT player_id, asset, cash, bonus, reserved, held, deficit, not_final
FROM wallets WHERE player_id = ANY($1::bigint[])
"""

# One new id for each key asked about, and what is stored under the key already. Ids are taken
# after the lock, so a player's entries are ordered as they were decided.
LOAD_BET_KEYS = """
SELECT next_id(), k.entry_id, k.player_id, k.fingerprint, k.answer
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(scope, reference, place)
LEFT JOIN bet_keys k
  ON k.scope = u.scope AND k.reference = u.reference AND k.entry_id >= $3
ORDER BY u.place
"""

LOAD_MONEY_KEYS = """
SELECT next_id(), k.entry_id, k.player_id, k.fingerprint, k.answer
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(scope, reference, place)
LEFT JOIN money_keys k ON k.scope = u.scope AND k.reference = u.reference
ORDER BY u.place
"""

STORE = """
WITH wallet AS (
  INSERT INTO wallets AS w
    (player_id, asset, cash, bonus, reserved, held, deficit, not_final)
  SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],
                       $6::bigint[], $7::bigint[], $8::bigint[])
  ON CONFLICT (player_id, asset) DO UPDATE SET
    cash = excluded.cash, bonus = excluded.bonus, reserved = excluded.reserved,
    held = excluded.held, deficit = excluded.deficit, not_final = excluded.not_final
), bet_key AS (
  INSERT INTO bet_keys (scope, reference, entry_id, player_id, fingerprint, answer)
  SELECT * FROM unnest($9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bytea[],
                       $14::bytea[])
), money_key AS (
  INSERT INTO money_keys (scope, reference, entry_id, player_id, fingerprint, answer)
  SELECT * FROM unnest($15::text[], $16::text[], $17::bigint[], $18::bigint[], $19::bytea[],
                       $20::bytea[])
)
INSERT INTO transfers (entry_id, leg, asset, kind, debit_account, credit_account, player_id,
                       amount, subject_id, created_at)
SELECT * FROM unnest($21::bigint[], $22::smallint[], $23::smallint[], $24::smallint[],
                     $25::smallint[], $26::smallint[], $27::bigint[], $28::bigint[],
                     $29::bigint[], $30::timestamptz[])
"""

OPEN_PLAYER = """
WITH player AS (
  INSERT INTO ledger_players (player_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING player_id)
INSERT INTO wallets (player_id, asset)
SELECT player_id, unnest($2::smallint[]) FROM player
"""


class Rows:
    """Column-wise rows of one batch, as the one store statement takes them."""

    def __init__(self) -> None:
        self._wallets: dict[tuple[PlayerId, Asset], Wallet] = {}
        self._bet_keys: list[tuple[object, ...]] = []
        self._money_keys: list[tuple[object, ...]] = []
        self._transfers: list[tuple[object, ...]] = []

    def touch(self, player_id: PlayerId, wallets: Mapping[Asset, Wallet]) -> None:
        """Store a player's wallets as they now stand."""
        for asset, wallet in wallets.items():
            self._wallets[player_id, asset] = wallet

    def add_key(self, key: Key, stored: StoredKey, *, for_ever: bool) -> None:
        """Remember an idempotency key."""
        row = (
            key.scope,
            key.reference,
            stored.entry_id,
            stored.player_id,
            stored.fingerprint,
            stored.answer,
        )
        (self._money_keys if for_ever else self._bet_keys).append(row)

    def add_transfers(
        self,
        entry_id: EntryId,
        player_id: PlayerId,
        subject_id: int,
        postings: Sequence[Posting],
        now: datetime,
    ) -> None:
        """Write an entry's transfers, numbered from 0."""
        for leg, posting in enumerate(postings):
            self._transfers.append(
                (
                    entry_id,
                    leg,
                    posting.asset.code,
                    int(posting.kind),
                    int(posting.debit),
                    int(posting.credit),
                    player_id or None,
                    posting.units,
                    subject_id,
                    now,
                )
            )

    def columns(self) -> list[list[object]]:
        """Arguments of the store statement."""
        wallets: list[tuple[object, ...]] = [
            (
                player_id,
                wallet.asset.code,
                wallet.cash,
                wallet.bonus,
                wallet.reserved,
                wallet.held,
                wallet.deficit,
                wallet.not_final,
            )
            for (player_id, _), wallet in self._wallets.items()
        ]
        return [
            *_turned(wallets, 8),
            *_turned(self._bet_keys, 6),
            *_turned(self._money_keys, 6),
            *_turned(self._transfers, 10),
        ]


async def lock_players(
    connection: asyncpg.Connection, player_ids: Sequence[PlayerId]
) -> list[PlayerId]:
    """Lock rows in id order; returns the ids found."""
    return [row[0] for row in await connection.fetch(LOCK, player_ids)]


async def load_wallets(
    connection: asyncpg.Connection, player_ids: Collection[PlayerId]
) -> dict[PlayerId, dict[Asset, Wallet]]:
    """Wallets of players by asset."""
    found: dict[PlayerId, dict[Asset, Wallet]] = {}
    for row in await connection.fetch(LOAD_WALLETS, list(player_ids)):
        asset = Asset.from_code(row[1])
        found.setdefault(row[0], {})[asset] = Wallet(asset, *row[2:])
    return found


async def load_keys(
    connection: asyncpg.Connection,
    keys: Sequence[Key],
    *,
    for_ever: bool,
    now: datetime,
) -> list[tuple[Key, EntryId, StoredKey | None]]:
    """For each key a fresh entry id and, if it was seen before, its stored row.

    Keys of bets are searched in this month's partition and the one before.
    """
    scopes, references = [key.scope for key in keys], [key.reference for key in keys]
    if for_ever:
        rows = await connection.fetch(LOAD_MONEY_KEYS, scopes, references)
    else:
        rows = await connection.fetch(LOAD_BET_KEYS, scopes, references, oldest_key_id(now))
    return [
        (
            key,
            EntryId(row[0]),
            StoredKey(row[1], row[2], row[3], row[4]) if row[1] is not None else None,
        )
        for key, row in zip(keys, rows, strict=True)
    ]


async def store(connection: asyncpg.Connection, rows: Rows) -> None:
    """Write a batch's wallets, keys and transfers in one statement."""
    await connection.execute(STORE, *rows.columns())


async def open_player(connection: asyncpg.Connection, player_id: PlayerId) -> None:
    """Create a player's lock row and empty wallets, once."""
    await connection.execute(OPEN_PLAYER, player_id, [asset.code for asset in Asset])


def oldest_key_id(now: datetime) -> int:
    """The first entry id of the previous month: older keys of bets are refused by their age."""
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first_id_at((this_month - timedelta(days=1)).replace(day=1))


def _turned(rows: list[tuple[object, ...]], width: int) -> list[list[object]]:
    return (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
    )
