"""Players for the tests of this folder, made by domain functions only."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from casino.players import identity
from casino.players.identity import Player

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday in the middle of a month


async def make_player(
    session: AsyncSession,
    *,
    telegram_id: int = 1001,
    first_name: str = "Ann",
    username: str | None = "ann",
    consented: bool = True,
    now: datetime = NOW,
) -> Player:
    player = await identity.find_or_create(
        session,
        telegram_id=telegram_id,
        first_name=first_name,
        username=username,
        language_code="en",
        start_payload=None,
        now=now,
    )
    if consented:
        player = await identity.accept_terms(
            session,
            player_id=player.id,
            terms_version=identity.TERMS_VERSION,
            of_age=True,
            language="en",
            now=now,
        )
    return player


async def outbox_kinds(session: AsyncSession, *, consumer: str, key: int) -> list[str]:
    """What was written for a consumer about one key, in order."""
    found = await session.scalars(
        text("SELECT kind FROM outbox WHERE consumer = :consumer AND key = :key ORDER BY id"),
        {"consumer": consumer, "key": key},
    )
    return list(found)
