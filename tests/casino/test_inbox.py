"""Outside events are recorded once and handled in order per key, until they are done or dead."""

from sqlalchemy import text

from casino import inbox


async def record(db, number, key="chat"):
    async with db.transaction() as session:
        return await inbox.record(
            session, source="telegram:x", external_id=str(number), key=key, payload={"n": number}
        )


async def claim(db):
    async with db.transaction() as session:
        return list(await inbox.claim(session, source="telegram:x"))


async def test_an_event_is_recorded_once(db):
    assert await record(db, 1)
    assert not await record(db, 1)
    assert len(await claim(db)) == 1


async def test_the_next_event_of_a_key_waits_for_the_one_before(db):
    await record(db, 1)
    await record(db, 2)
    await record(db, 3, key="other")
    first = await claim(db)
    assert [one.external_id for one in first] == ["1", "3"]
    async with db.transaction() as session:
        await inbox.done(session, event_id=first[0].id)
    assert [one.external_id for one in await claim(db)] == ["2"]


async def test_an_event_that_keeps_failing_becomes_a_dead_letter(db):
    await record(db, 1)
    await record(db, 2)
    for attempt in range(1, inbox.ATTEMPTS_MAX + 1):
        (event,) = await claim(db)
        assert (event.external_id, event.attempts) == ("1", attempt)
        async with db.transaction() as session:
            dead = await inbox.failed(session, event=event, error="boom")
            await session.execute(text("UPDATE inbox SET available_at = now() - interval '1 s'"))
        assert dead is (attempt == inbox.ATTEMPTS_MAX)
    assert [one.external_id for one in await claim(db)] == ["2"]
