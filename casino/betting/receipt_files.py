"""A receipt as a file: everything that is needed to check a round without asking the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.betting import history, receipt_tree
from casino.betting.receipt_roots import Root, second_text
from casino.betting.receipts import FILE_FORM
from casino.db import driver_connection
from casino.errors import NotFound
from casino.ids import public

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.betting.game import Game
    from casino.ids import PlayerId, RoundId

FIND = """
SELECT p.leaf, o.id, o.second, o.count, o.root, o.previous_root, o.key_id, o.signature, k.public_key
FROM receipt_paths p JOIN receipt_roots o ON o.id = p.root_id JOIN receipt_keys k ON k.id = o.key_id
WHERE p.round_id = $1
"""

NODES = """
SELECT substring(t.nodes FROM u.at + 1 FOR 32)
FROM receipt_trees t, unnest($2::int[]) WITH ORDINALITY AS u(at, place)
WHERE t.root_id = $1 ORDER BY u.place
"""

OWNER = "SELECT player_id FROM rounds WHERE id = $1 AND receipt_hash = $2"

KEYS = "SELECT id, public_key, since FROM receipt_keys ORDER BY since DESC"


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """The public part of a key that signs or has signed roots."""

    key_id: str
    public_key: bytes
    since: datetime


async def list_keys(session: AsyncSession) -> list[PublishedKey]:
    """All keys that have signed for this house, the newest first."""
    connection = await driver_connection(session)
    return [PublishedKey(*row) for row in await connection.fetch(KEYS)]


async def get_file(
    session: AsyncSession,
    *,
    player_id: PlayerId,
    round_id: RoundId,
    games: Mapping[str, Game],
) -> dict[str, object]:
    """The receipt of one of the player's rounds, as JSON-able data; raises NotFound, also for
    another's round and for one that is still open.

    `signed` is null for the moment until its second is signed, `server_seed` until it is revealed.
    """
    detail = await history.get_round(session, player_id=player_id, round_id=round_id, games=games)
    round_, said = detail.round, detail.receipt
    if said is None or round_.receipt_hash is None:
        raise NotFound(thing="receipt", key=round_id)
    connection = await driver_connection(session)
    return {
        "file": FILE_FORM,
        "round_id": public(round_.id),
        "player_id": public(round_.player_id),
        "content": said,
        "hash": round_.receipt_hash.hex(),
        "table": games[round_.game].table,
        "server_seed": detail.revealed.server_seed if detail.revealed else None,
        "signed": await _signed(connection, round_id),
    }


async def get_file_by_hash(
    session: AsyncSession, *, round_id: RoundId, receipt_hash: bytes, games: Mapping[str, Game]
) -> dict[str, object]:
    """The same for whoever knows the receipt's hash; raises NotFound for any other hash.

    The hash covers the player's receipt before it, so nobody can guess it from what a round shows:
    it is a way in for clients that download by address alone.
    """
    connection = await driver_connection(session)
    player_id = await connection.fetchval(OWNER, round_id, receipt_hash)
    if player_id is None:
        raise NotFound(thing="receipt", key=round_id)
    return await get_file(session, player_id=player_id, round_id=round_id, games=games)


async def _signed(connection: asyncpg.Connection, round_id: RoundId) -> dict[str, object] | None:
    row = await connection.fetchrow(FIND, round_id)
    if row is None:
        return None
    place, root_id, second, count, root, previous, key_id, signature, public_key = row
    known = Root(second_text(second), count, root, previous)
    path = await _path(connection, root_id, receipt_tree.offsets(place=place, count=count))
    return {
        "leaf": place,
        "path": [node.hex() for node in path],
        "second": known.second,
        "count": known.count,
        "root": known.root.hex(),
        "previous": known.previous.hex(),
        "signature": signature.hex(),
        "key_id": key_id,
        "public_key": public_key.hex(),
    }


async def _path(
    connection: asyncpg.Connection, root_id: int, offsets: Sequence[int]
) -> list[bytes]:
    return [bytes(row[0]) for row in await connection.fetch(NODES, root_id, offsets)]
