"""Polling: what Telegram sent is in the inbox before Telegram may forget it."""

from aiogram import Bot
from sqlalchemy import text

from casino.db import Database
from messaging.poller import Poller
from messaging.updates import PLAYER_SOURCE, PLAYER_UPDATES
from tests.sandbox.telegram.conftest import ANN, Server


def polling(bot: Bot, db: Database) -> Poller:
    return Poller(bot, db, source=PLAYER_SOURCE, allowed_updates=PLAYER_UPDATES)


async def stored(db: Database) -> list[str]:
    async with db.transaction() as session:
        found = await session.execute(
            text("SELECT payload->'message'->>'text' FROM inbox ORDER BY id")
        )
        return list(found.scalars())


async def test_updates_are_stored_in_order_and_once(
    db: Database, bot: Bot, telegram: Server
) -> None:
    for words in ("one", "two"):
        await telegram.do("send", person=ANN, bot="fairhouse_bot", text=words)
    poller = polling(bot, db)
    assert await poller.poll_once() == 3
    assert await poller.poll_once() == 0
    assert await stored(db) == ["/start", "one", "two"]


async def test_a_poller_that_died_before_confirming_loses_and_repeats_nothing(
    db: Database, bot: Bot, telegram: Server
) -> None:
    await polling(bot, db).poll_once()
    # The next process asks without an offset and is given the same update again.
    await telegram.do("send", person=ANN, bot="fairhouse_bot", text="one")
    assert await polling(bot, db).poll_once() == 1
    assert await stored(db) == ["/start", "one"]


async def test_an_update_is_kept_exactly_as_it_came(db: Database, bot: Bot) -> None:
    await polling(bot, db).poll_once()
    async with db.transaction() as session:
        payload = await session.scalar(text("SELECT payload FROM inbox"))
    assert isinstance(payload, dict)
    assert payload["message"]["from"]["id"] == ANN
    assert payload["message"]["entities"][0]["type"] == "bot_command"
