"""A player's rounds as he may read them: lists, one round with its proof, open rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino.betting.receipts import content
from casino.betting.seeds import find_revealed
from casino.betting.sql import ROUND_COLUMNS, read_round
from casino.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.betting.seeds import Revealed
    from casino.betting.state import Round
    from casino.ids import PlayerId, RoundId

PAGE_MAX = 100
_FROM = "FROM rounds r JOIN seed_pairs s ON s.id = r.seed_pair_id WHERE r.player_id = :player_id"


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
    rows = await session.execute(
        text(
            f"SELECT {ROUND_COLUMNS} {_FROM} AND r.id < :before ORDER BY r.id DESC LIMIT :limit"
        ).bindparams(player_id=player_id, before=before_id or 2**63 - 1, limit=min(limit, PAGE_MAX))
    )
    return [read_round(tuple(row)) for row in rows]


async def open_rounds(session: AsyncSession, *, player_id: PlayerId) -> list[Round]:
    """A player's open rounds, oldest first."""
    rows = await session.execute(
        text(f"SELECT {ROUND_COLUMNS} {_FROM} AND r.status = 'open' ORDER BY r.id").bindparams(
            player_id=player_id
        )
    )
    return [read_round(tuple(row)) for row in rows]


async def get_round(
    session: AsyncSession, *, player_id: PlayerId, round_id: RoundId
) -> RoundDetail:
    """One of the player's rounds with its proof; raises NotFound, also for another's round."""
    row = (
        await session.execute(
            text(f"SELECT {ROUND_COLUMNS} {_FROM} AND r.id = :id").bindparams(
                player_id=player_id, id=round_id
            )
        )
    ).one_or_none()
    if row is None:
        raise NotFound(thing="round", key=round_id)
    round_ = read_round(tuple(row))
    receipt = content(round_, before=round_.receipt_before) if round_.receipt_before else None
    revealed = await find_revealed(session, pair_id=round_.seed_pair_id)
    return RoundDetail(round_, receipt, revealed)
