"""Effects become messages: at least once, in order per person, with an end to every failure."""

import asyncio
from datetime import timedelta

import pytest
from aiogram import Bot
from sqlalchemy import text

from casino import outbox
from casino.db import Database
from casino.outbox import Effect
from messaging import outbox_delivery
from messaging.outbox_delivery import OutboxWorker
from messaging.pace import _news
from messaging.telegram_delivery import by_telegram
from tests.sandbox.telegram.conftest import ANN, BORIS, Server


async def write(db: Database, *kinds: str, key: int = ANN) -> None:
    for kind in kinds:
        async with db.transaction() as session:
            await outbox.write(
                session, consumer=outbox.PLAYER, key=key, kind=kind, payload={"said": kind}
            )


async def rows(db: Database, consumer: str = outbox.PLAYER) -> list[tuple[str, str | None]]:
    async with db.transaction() as session:
        found = await session.execute(
            text("SELECT kind, outcome FROM outbox WHERE consumer = :consumer ORDER BY id"),
            {"consumer": consumer},
        )
        return [(row[0], row[1]) for row in found]


async def due_in(db: Database) -> timedelta:
    async with db.transaction() as session:
        found = await session.scalar(text("SELECT max(available_at) - now() FROM outbox"))
        assert isinstance(found, timedelta)
        return found


async def make_all_due(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(text("UPDATE outbox SET available_at = now() - interval '1 s'"))


class Mouth:
    """Says effects into chats of the local Telegram."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.gone: list[int] = []

    async def deliver(self, effect: Effect) -> str:
        sent = await self.bot.send_message(effect.key, str(effect.payload["said"]))
        return f"sent: {sent.message_id}"

    async def unreachable(self, effect: Effect) -> None:
        self.gone.append(effect.key)

    def worker(self, db: Database) -> OutboxWorker:
        return OutboxWorker(
            database=db,
            consumer=outbox.PLAYER,
            deliver=by_telegram(self.deliver),
            unreachable=self.unreachable,
        )


async def settle(worker: OutboxWorker) -> None:
    while await worker.deliver_due():
        pass


async def test_effects_of_one_person_arrive_once_and_in_order(
    db: Database, bot: Bot, telegram: Server
) -> None:
    await write(db, "one", "two", "three")
    await settle(Mouth(bot).worker(db))
    await settle(Mouth(bot).worker(db))
    chat = await telegram.see("chat", person=ANN, bot="fairhouse_bot")
    said = [message["text"] for message in chat["messages"] if message["from"]["is_bot"]]
    assert said == ["one", "two", "three"]
    assert all(outcome and outcome.startswith("sent: ") for _, outcome in await rows(db))


async def test_somebody_who_blocked_the_bot_is_reported_and_not_tried_again(
    db: Database, bot: Bot, telegram: Server
) -> None:
    await telegram.do("block", person=ANN, bot="fairhouse_bot", blocked=True)
    mouth = Mouth(bot)
    await write(db, "one")
    await settle(mouth.worker(db))
    assert mouth.gone == [ANN]
    [(_, outcome)] = await rows(db)
    assert outcome is not None
    assert outcome.startswith("unreachable")


async def test_a_message_that_telegram_refuses_ends_with_its_reason(db: Database, bot: Bot) -> None:
    await write(db, "<b>never closed", "fine")
    await settle(Mouth(bot).worker(db))
    [(_, refused), (_, sent)] = await rows(db)
    assert refused is not None
    assert refused.startswith("refused: ")
    assert "parse" in refused
    assert sent is not None
    assert sent.startswith("sent")


async def test_a_long_silence_is_waited_for_and_holds_up_nobody_else(
    db: Database, bot: Bot, telegram: Server
) -> None:
    await telegram.do("start", person=BORIS, bot="fairhouse_bot")
    await telegram.do("faults", method="sendMessage", code=429, times=1, retry_after=60)
    await write(db, "one", key=ANN)
    await settle(Mouth(bot).worker(db))
    assert timedelta(seconds=30) < await due_in(db) <= timedelta(seconds=61)
    await write(db, "two", key=BORIS)
    await settle(Mouth(bot).worker(db))
    assert [outcome is None for _, outcome in await rows(db)] == [True, False]


async def test_a_failing_effect_is_tried_later_and_at_last_given_up_with_an_alert(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_delivery, "ATTEMPTS_MAX", 3)
    tries: list[int] = []

    async def deliver(effect: Effect) -> str:
        tries.append(effect.attempts)
        raise ConnectionResetError("gone")

    worker = OutboxWorker(database=db, consumer=outbox.PLAYER, deliver=deliver)
    await write(db, "one")
    for _ in range(4):
        await settle(worker)
        await make_all_due(db)
    assert tries == [1, 2, 3]
    [(_, outcome)] = await rows(db)
    assert outcome is not None
    assert outcome.startswith("dead: ConnectionResetError")
    assert [kind for kind, _ in await rows(db, outbox.STAFF)] == ["alert.dead_letter"]


async def test_an_effect_whose_worker_died_is_delivered_again(
    db: Database, bot: Bot, telegram: Server
) -> None:
    await write(db, "one")
    async with db.transaction() as session:
        assert len(await outbox.claim(session, consumer=outbox.PLAYER)) == 1  # and never answers
    worker = Mouth(bot).worker(db)
    await settle(worker)
    await make_all_due(db)
    await settle(worker)
    chat = await telegram.see("chat", person=ANN, bot="fairhouse_bot")
    assert [message["text"] for message in chat["messages"]][-1] == "one"


async def test_deliveries_are_news(db: Database) -> None:
    """So that people who wait for an answer come first."""
    seen: list[bool] = []

    async def deliver(_effect: Effect) -> str:
        seen.append(_news.get())
        return "sent"

    await write(db, "one")
    await settle(OutboxWorker(database=db, consumer=outbox.PLAYER, deliver=deliver))
    assert seen == [True]
    assert not _news.get()


async def test_the_worker_runs_until_it_is_stopped(db: Database) -> None:
    stop = asyncio.Event()

    async def deliver(_effect: Effect) -> str:
        stop.set()
        return "sent"

    worker = OutboxWorker(database=db, consumer=outbox.PLAYER, deliver=deliver)
    await write(db, "one")
    await asyncio.wait_for(worker.run(stop), 20)
    assert worker.ended.is_set()
