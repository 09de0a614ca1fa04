"""Updates reach handlers: each at least once, in order within a chat, with an end to failing."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.types import Message
from sqlalchemy import text

from casino import inbox
from casino.db import Database
from casino.nursery import Nursery
from messaging.doorbell import Doorbell
from messaging.inbox_worker import InboxWorker
from messaging.updates import PLAYER_SOURCE, chat_key, record_update


def update(number: int, *, chat: int = 1001, said: str = "hello") -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "Ann"}
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": 1_790_000_000,
            "chat": {"id": chat, "type": "private", "first_name": "Ann"},
            "from": person,
            "text": said,
        },
    }


def listening(handle: Callable[..., Any]) -> Dispatcher:
    router = Router()
    router.message.register(handle)
    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    return dispatcher


async def store(db: Database, *updates: dict[str, Any]) -> None:
    async with db.transaction() as session:
        for one in updates:
            await record_update(session, source=PLAYER_SOURCE, update=one)


async def outcomes(db: Database) -> dict[str, str | None]:
    async with db.transaction() as session:
        rows = await session.execute(text("SELECT external_id, outcome FROM inbox ORDER BY id"))
        return {row[0]: row[1] for row in rows}


async def make_all_due(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(text("UPDATE inbox SET available_at = now() - interval '1 s'"))


def worker(db: Database, bot: Bot, dispatcher: Dispatcher, **more: Any) -> InboxWorker:
    return InboxWorker(database=db, source=PLAYER_SOURCE, dispatcher=dispatcher, bot=bot, **more)


async def test_an_update_is_handled_once_and_marked(db: Database, bot: Bot) -> None:
    said: list[str | None] = []

    async def hear(message: Message) -> None:
        said.append(message.text)

    await store(db, update(1), update(1), update(2, said="again"))
    handling = worker(db, bot, listening(hear))
    assert await handling.drain() == 2
    assert await handling.drain() == 0
    assert said == ["hello", "again"]
    assert await outcomes(db) == {"1": "handled", "2": "handled"}


async def test_one_chat_keeps_its_order_while_others_go_on(db: Database, bot: Bot) -> None:
    """The first update of Ann's waits for Boris's second, so chats really run side by side."""
    order: list[str] = []
    boris_done = asyncio.Event()
    stop = asyncio.Event()

    async def hear(message: Message) -> None:
        if message.text == "ann 1":
            await asyncio.wait_for(boris_done.wait(), 20)
        order.append(str(message.text))
        if message.text == "boris 2":
            boris_done.set()
        if message.text == "ann 2":
            stop.set()

    await store(
        db,
        update(1, chat=1001, said="ann 1"),
        update(2, chat=1001, said="ann 2"),
        update(3, chat=1002, said="boris 1"),
        update(4, chat=1002, said="boris 2"),
    )
    await asyncio.wait_for(worker(db, bot, listening(hear)).run(stop), 30)
    assert order == ["boris 1", "boris 2", "ann 1", "ann 2"]


async def test_two_workers_share_the_work_without_repeating_it(db: Database, bot: Bot) -> None:
    said: list[int] = []
    stop = asyncio.Event()

    async def hear(message: Message) -> None:
        said.append(message.message_id)
        if len(said) == 30:
            stop.set()

    await store(db, *(update(number, chat=number % 7 + 1) for number in range(30)))
    dispatcher = listening(hear)
    workers = [worker(db, bot, dispatcher, parallel=3) for _ in range(2)]
    await asyncio.wait_for(asyncio.gather(*(one.run(stop) for one in workers)), 30)
    assert sorted(said) == list(range(30))


async def test_a_failing_update_is_tried_again_then_buried_with_an_alert(
    db: Database, bot: Bot
) -> None:
    tries: list[tuple[int, bool]] = []

    async def hear(_message: Message, attempt: int, last_attempt: bool) -> None:
        tries.append((attempt, last_attempt))
        raise RuntimeError("the table is on fire")

    await store(db, update(1), update(2, chat=1002))
    handling = worker(db, bot, listening(hear))
    for _ in range(inbox.ATTEMPTS_MAX):
        await make_all_due(db)
        await handling.drain()
    assert tries.count((1, False)) == 2
    assert tries.count((inbox.ATTEMPTS_MAX, True)) == 2
    assert len(tries) == 2 * inbox.ATTEMPTS_MAX
    found = await outcomes(db)
    assert found["1"] is not None
    assert found["1"].startswith("dead: RuntimeError")
    async with db.transaction() as session:
        alerts = await session.execute(
            text("SELECT payload->>'external_id' FROM outbox WHERE kind = 'alert.dead_letter'")
        )
        assert sorted(alerts.scalars()) == ["1", "2"]


async def test_an_unreadable_update_does_not_hold_up_its_chat(db: Database, bot: Bot) -> None:
    said: list[str | None] = []

    async def hear(message: Message) -> None:
        said.append(message.text)

    broken = update(1)
    broken["message"]["date"] = "yesterday"
    await store(db, broken, update(2))
    await worker(db, bot, listening(hear)).drain()
    assert said == ["hello"]
    found = await outcomes(db)
    assert found["1"] is not None
    assert found["1"].startswith("dead: unreadable")


async def test_an_update_that_ends_the_process_each_time_is_buried(db: Database, bot: Bot) -> None:
    said: list[str | None] = []

    async def hear(message: Message) -> None:
        said.append(message.text)

    await store(db, update(1), update(2))
    for _ in range(inbox.ATTEMPTS_MAX):
        await make_all_due(db)
        async with db.transaction() as session:
            (claimed,) = await inbox.claim(session, source=PLAYER_SOURCE, limit=1)
        assert claimed.external_id == "1"
    await make_all_due(db)
    await worker(db, bot, listening(hear)).drain()
    assert said == ["hello"]
    found = await outcomes(db)
    assert found["1"] == "dead: no attempt came to an end"
    assert found["2"] == "handled"


async def test_stopping_finishes_what_is_in_hand_and_claims_nothing_more(
    db: Database, bot: Bot
) -> None:
    stop = asyncio.Event()
    finished: list[str | None] = []

    async def hear(message: Message) -> None:
        stop.set()
        await asyncio.sleep(0.2)
        finished.append(message.text)

    await store(db, update(1), update(2))
    handling = worker(db, bot, listening(hear))
    await asyncio.wait_for(handling.run(stop), 20)
    assert handling.ended.is_set()
    assert finished == ["hello"]
    assert await outcomes(db) == {"1": "handled", "2": None}


async def test_an_update_whose_worker_died_is_handled_again(db: Database, bot: Bot) -> None:
    handled: list[int] = []

    async def hear(message: Message) -> None:
        handled.append(message.message_id)

    await store(db, update(1))
    async with db.transaction() as session:
        assert len(await inbox.claim(session, source=PLAYER_SOURCE)) == 1  # and never answers
    handling = worker(db, bot, listening(hear))
    assert await handling.drain() == 0
    await make_all_due(db)
    assert await handling.drain() == 1
    assert handled == [1]


async def test_the_doorbell_wakes_the_worker(db: Database, bot: Bot) -> None:
    """The idle pause is far longer than the test may take, so only the bell can wake it."""
    stop = asyncio.Event()

    async def hear(_message: Message) -> None:
        stop.set()

    bell = Doorbell(db.dsn, channels=(inbox.CHANNEL,))
    async with Nursery() as nursery:
        nursery.keep(bell.run, name="bell")
        await asyncio.wait_for(bell.listening.wait(), 20)
        ring = nursery.start(bell.wait(PLAYER_SOURCE, seconds=300), name="ring")
        await store(db, update(1))
        await asyncio.wait_for(ring, 20)
        await asyncio.wait_for(worker(db, bot, listening(hear), doorbell=bell).run(stop), 20)


async def test_characters_that_cannot_be_stored_stop_nobody(db: Database, bot: Bot) -> None:
    said: list[str | None] = []

    async def hear(message: Message) -> None:
        said.append(message.text)

    await store(db, update(1, said="a\0b \ud800 ü"), update(2, said="next"))
    assert await worker(db, bot, listening(hear)).drain() == 2
    assert said == ["ab ? ü", "next"]


def test_a_tap_belongs_to_the_chat_of_its_message() -> None:
    person = {"id": 1001, "is_bot": False, "first_name": "Ann"}
    tap = {
        "update_id": 5,
        "callback_query": {"id": "9", "from": person, "message": {"chat": {"id": -500}}},
    }
    blocked = {"update_id": 6, "my_chat_member": {"chat": {"id": 1001}, "from": person}}
    inline = {"update_id": 7, "inline_query": {"id": "1", "from": person, "query": "x"}}
    assert chat_key(update(1)) == "1001"
    assert chat_key(tap) == "-500"
    assert chat_key(blocked) == "1001"
    assert chat_key(inline) == "1001"
    assert chat_key({"update_id": 8}) == "none"
