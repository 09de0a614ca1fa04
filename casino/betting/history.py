"""A player's rounds as he may read them: lists, one round with its proof, open rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.betting.receipts import content, receipt_hash
from casino.betting.seeds import find_revealed
from casino.betting.sql import ROUND_COLUMNS, read_round
from casino.db import driver_connection
from casino.errors import NotFound
from casino.money import UNITS_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.betting.game import Game
    from casino.betting.seeds import Revealed
    from casino.betting.state import Round
    from casino.ids import PlayerId, RoundId

PAGE_MAX = 100
_MINE = f"""
SELECT {ROUND_COLUMNS} FROM rounds r JOIN seed_pairs s ON s.id = r.seed_pair_id
WHERE r.player_id = $1
"""  # noqa: S608 - built from constants only
LIST = f"{_MINE} AND r.id < $2 ORDER BY r.id DESC LIMIT $3"
OPEN = f"{_MINE} AND r.status = 'open' ORDER BY r.id"
ONE = f"{_MINE} AND r.id = $2"


@dataclass(frozen=True, slots=True)
class RoundDetail:
    """A round, what its receipt covers, and its server seed once that is revealed."""

    round: Round
    receipt: Mapping[str, object] | None
    revealed: Revealed | None


async def list_rounds(
    session: AsyncSession,
    *,
    player_id: PlayerId,
    before_id: RoundId | None = None,
    limit: int = 20,
) -> list[Round]:
    """A player's rounds, newest first, at most PAGE_MAX."""
    connection = await driver_connection(session)
    before = before_id or UNITS_MAX
    rows = await connection.fetch(LIST, player_id, before, min(limit, PAGE_MAX))
    return [read_round(row) for row in rows]


async def open_rounds(session: AsyncSession, *, player_id: PlayerId) -> list[Round]:
    """A player's open rounds, oldest first."""
    connection = await driver_connection(session)
    return [read_round(row) for row in await connection.fetch(OPEN, player_id)]


async def get_round(
    session: AsyncSession,
    *,
    player_id: PlayerId,
    round_id: RoundId,
    games: Mapping[str, Game],
) -> RoundDetail:
    """One of the player's rounds with its proof; raises NotFound, also for another's round.

    `games` by slug state the rules that receipts name.
    """
    connection = await driver_connection(session)
    row = await connection.fetchrow(ONE, player_id, round_id)
    if row is None:
        raise NotFound(thing="round", key=round_id)
    round_ = read_round(row)
    receipt = _receipt(round_, games)
    revealed = await find_revealed(session, pair_id=round_.seed_pair_id)
    return RoundDetail(round_, receipt, revealed)


def _receipt(round_: Round, games: Mapping[str, Game]) -> Mapping[str, object] | None:
    """What the stored hash covers; None while the round is open, and for a receipt of an older
    form, whose hash says other things."""
    game, before = games.get(round_.game), round_.receipt_before
    if game is None or game.algorithm != round_.algorithm or before is None:
        return None
    if receipt_hash(round_, table_hash=game.table_hash, before=before) != round_.receipt_hash:
        return None
    return content(round_, table_hash=game.table_hash, before=before)
