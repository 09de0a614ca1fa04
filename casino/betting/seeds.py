"""Commit, use, rotate and reveal a player's seed pairs."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace
from sqlalchemy import text

from casino.betting.fairness import SERVER_SEED_BYTES, commitment
from casino.betting.state import SeedState, SeedView
from casino.db import driver_connection
from casino.errors import InvariantViolation
from casino.ids import PlayerId, SeedPairId
from casino.vault import Vault, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import asyncpg
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.betting.answers import RotationAnswer

PURPOSE = "server-seed"
CACHE_MAX = 50_000
CLIENT_SEED_BYTES = 16

LOAD = """
SELECT a.player_id, a.id, a.sealed, a.commitment, a.client_seed, a.client_seed_by, a.used,
       a.receipt_head, n.id, n.sealed, n.commitment, k.key_version, k.wrapped
FROM seed_pairs a
JOIN seed_pairs n ON n.player_id = a.player_id AND n.status = 'next'
JOIN player_keys k ON k.player_id = a.player_id
WHERE a.player_id = ANY($1::bigint[]) AND a.status = 'active'
"""

KEYS = """
WITH made AS (
  INSERT INTO player_keys (player_id, key_version, wrapped)
  SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bytea[])
  ON CONFLICT DO NOTHING RETURNING player_id, key_version, wrapped)
SELECT * FROM made UNION ALL
SELECT player_id, key_version, wrapped FROM player_keys WHERE player_id = ANY($1::bigint[])
"""

CREATE = """
INSERT INTO seed_pairs (player_id, status, sealed, commitment, client_seed, client_seed_by)
VALUES ($1, $2, $3, $4, $5, $6)
"""

REVEAL = """
UPDATE seed_pairs SET status = 'revealed', server_seed = $2, used = $3, revealed_at = $4
WHERE id = $1 AND status = 'active'
"""

COMMIT_NEXT = """
INSERT INTO seed_pairs (id, player_id, status, sealed, commitment)
VALUES ($1, $2, 'next', $3, $4)
"""

PROMOTE = """
UPDATE seed_pairs SET status = 'active', client_seed = $2, client_seed_by = $3, receipt_head = $4
WHERE id = $1 AND status = 'next'
"""


@dataclass(frozen=True, slots=True)
class Revealed:
    """A pair that is over; `rounds` is how many nonces were taken from 0 on."""

    pair_id: SeedPairId
    server_seed: str
    commitment: str
    client_seed: str
    rounds: int
    revealed_at: datetime


class SeedStore:
    """Opens and seals server seeds with the vault; keeps recently used ones open in memory.

    `token_hex` gives that many random bytes as hex digits: the source of every seed.
    """

    def __init__(self, vault: Vault, token_hex: Callable[[int], str] = secrets.token_hex) -> None:
        self._vault = vault
        self._token_hex = token_hex
        # By active pair: all but its nonce and its newest receipt stays as it is until a rotation.
        self._open: OrderedDict[SeedPairId, SeedState] = OrderedDict()

    def new_server_seed(self) -> str:
        """Thirty-two random bytes as 64 hex digits."""
        return self._token_hex(SERVER_SEED_BYTES)

    def _new_client_seed(self) -> str:
        """For a player who has not chosen one; committed to after the server seed."""
        return self._token_hex(CLIENT_SEED_BYTES)

    async def load(
        self, connection: asyncpg.Connection, player_ids: Collection[PlayerId]
    ) -> dict[PlayerId, SeedState]:
        """Seeds of locked players; a player's first two pairs are made when he has none."""
        found = await self._load(connection, player_ids)
        missing = sorted(set(player_ids) - set(found))
        if missing:
            await self._create(connection, missing)
            found |= await self._load(connection, missing)
        return found

    def recall(self, pair_id: SeedPairId, used: int, head: bytes | None) -> SeedState | None:
        """The state of an active pair that was opened before, as its row now stands."""
        known = self._open.get(pair_id)
        return None if known is None else replace(known, used=used, receipt_head=head)

    async def rotate(
        self,
        connection: asyncpg.Connection,
        player_id: PlayerId,
        old: RotationAnswer,
        new: SeedState,
        now: datetime,
    ) -> None:
        """Store a rotation: reveal the old pair, promote the next, commit to a fresh one."""
        key = (await self._keys(connection, [player_id]))[player_id]
        await connection.execute(REVEAL, old.pair_id, old.server_seed, old.rounds, now)
        await connection.execute(
            PROMOTE, new.pair_id, new.client_seed, new.client_seed_by, new.receipt_head
        )
        sealed = seal(key, new.next_server_seed.encode(), purpose=PURPOSE, player_id=player_id)
        await connection.execute(
            COMMIT_NEXT, new.next_pair_id, player_id, sealed, new.next_commitment
        )

    async def _load(
        self, connection: asyncpg.Connection, player_ids: Collection[PlayerId]
    ) -> dict[PlayerId, SeedState]:
        states: dict[PlayerId, SeedState] = {}
        for row in await connection.fetch(LOAD, list(player_ids)):
            player_id = PlayerId(row[0])
            key = self._vault.unwrap(player_id, version=row[11], wrapped=row[12])
            state = SeedState(
                pair_id=SeedPairId(row[1]),
                server_seed=_opened(key, row[2], player_id),
                commitment=row[3],
                client_seed=row[4],
                client_seed_by=row[5],
                used=row[6],
                receipt_head=row[7],
                next_pair_id=SeedPairId(row[8]),
                next_server_seed=_opened(key, row[9], player_id),
                next_commitment=row[10],
            )
            states[player_id] = self._open[state.pair_id] = state
            while len(self._open) > CACHE_MAX:
                self._open.popitem(last=False)
        return states

    async def _create(self, connection: asyncpg.Connection, player_ids: Sequence[PlayerId]) -> None:
        keys = await self._keys(connection, player_ids)
        for player_id in player_ids:
            key = keys[player_id]
            secret, client_seed = self.new_server_seed(), self._new_client_seed()
            await self._insert(connection, player_id, key, "active", secret, client_seed)
            await self._insert(connection, player_id, key, "next", self.new_server_seed(), None)

    async def _insert(
        self,
        connection: asyncpg.Connection,
        player_id: PlayerId,
        key: AESGCM,
        status: str,
        server_seed: str,
        client_seed: str | None,
    ) -> None:
        sealed = seal(key, server_seed.encode(), purpose=PURPOSE, player_id=player_id)
        by = "house" if client_seed else None
        await connection.execute(
            CREATE, player_id, status, sealed, commitment(server_seed), client_seed, by
        )

    async def _keys(
        self, connection: asyncpg.Connection, player_ids: Sequence[PlayerId]
    ) -> dict[PlayerId, AESGCM]:
        fresh = [self._vault.new_data_key(player_id) for player_id in player_ids]
        rows = await connection.fetch(
            KEYS, list(player_ids), [one[0] for one in fresh], [one[1] for one in fresh]
        )
        return {
            PlayerId(row[0]): self._vault.unwrap(PlayerId(row[0]), version=row[1], wrapped=row[2])
            for row in rows
        }


def _opened(key: AESGCM, sealed: bytes, player_id: PlayerId) -> str:
    return unseal(key, sealed, purpose=PURPOSE, player_id=player_id).decode()


async def current(session: AsyncSession, *, player_id: PlayerId, store: SeedStore) -> SeedView:
    """A locked player's current commitments, client seed and next nonce."""
    found = await store.load(await driver_connection(session), [player_id])
    return view(found[player_id])


def view(seeds: SeedState) -> SeedView:
    """What may be shown of a state that holds secrets."""
    return SeedView(
        seeds.pair_id,
        seeds.commitment,
        seeds.next_commitment,
        seeds.client_seed,
        seeds.client_seed_by,
        seeds.used,
    )


async def revealed(
    session: AsyncSession, *, player_id: PlayerId, limit: int = 20
) -> list[Revealed]:
    """Pairs that are over, newest first."""
    rows = await session.execute(
        text(
            "SELECT id, server_seed, commitment, client_seed, used, revealed_at FROM seed_pairs"
            " WHERE player_id = :player_id AND status = 'revealed'"
            " ORDER BY revealed_at DESC LIMIT :limit"
        ).bindparams(player_id=player_id, limit=limit)
    )
    return [Revealed(*row) for row in rows]


async def find_revealed(session: AsyncSession, *, pair_id: SeedPairId) -> Revealed | None:
    """A pair's secret, if it is over; raises InvariantViolation if it breaks its commitment."""
    row = (
        await session.execute(
            text(
                "SELECT id, server_seed, commitment, client_seed, used, revealed_at"
                " FROM seed_pairs WHERE id = :id AND status = 'revealed'"
            ).bindparams(id=pair_id)
        )
    ).one_or_none()
    if row is None:
        return None
    found = Revealed(*row)
    if commitment(found.server_seed) != found.commitment:
        raise InvariantViolation(reason="revealed seed breaks its commitment", pair=pair_id)
    return found
