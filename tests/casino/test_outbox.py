"""Effects are delivered in order per key, at least once, and never before their transaction."""

from datetime import timedelta

import asyncpg
from sqlalchemy import text

from casino import outbox


async def write(db, key, kind):
    async with db.transaction() as session:
        await outbox.write(session, consumer="player", key=key, kind=kind, payload={"n": kind})


async def claim_effects(db):
    async with db.transaction() as session:
        return await outbox.claim(session, consumer="player")


async def claim(db):
    return [(one.key, one.kind) for one in await claim_effects(db)]


async def test_one_effect_of_each_key_at_a_time_in_order(db):
    for key, kind in ((1, "a"), (1, "b"), (2, "c")):
        await write(db, key, kind)
    first = await claim_effects(db)
    assert [(one.key, one.kind) for one in first] == [(1, "a"), (2, "c")]
    assert await claim(db) == []
    async with db.transaction() as session:
        await outbox.delivered(session, effect_id=first[0].id)
    assert await claim(db) == [(1, "b")]


async def test_other_consumers_see_nothing(db):
    await write(db, 1, "a")
    async with db.transaction() as session:
        assert await outbox.claim(session, consumer="staff") == []


async def test_an_effect_given_back_is_due_again_and_blocks_the_next(db):
    await write(db, 1, "a")
    await write(db, 1, "b")
    (one,) = await claim_effects(db)
    async with db.transaction() as session:
        await outbox.retry(session, effect_id=one.id, after=timedelta(0))
    assert await claim(db) == [(1, "a")]


async def test_a_lease_that_ran_out_is_delivered_again(db):
    await write(db, 1, "a")
    assert await claim(db) == [(1, "a")]
    async with db.transaction() as session:
        await session.execute(text("UPDATE outbox SET available_at = now() - interval '1 s'"))
    assert await claim(db) == [(1, "a")]


async def test_nothing_is_read_past_a_transaction_that_still_runs(db):
    async with db.transaction() as slow:
        await outbox.write(slow, consumer="player", key=1, kind="slow", payload={})
        await write(db, 2, "quick")
        assert await claim(db) == []
    assert await claim(db) == [(1, "slow"), (2, "quick")]


async def test_a_transaction_of_another_database_holds_nothing_back(db):
    await write(db, 1, "a")
    other = await asyncpg.connect(db.dsn.rsplit("/", 1)[0] + "/postgres")
    try:
        async with other.transaction():
            await other.execute("SELECT pg_current_xact_id()")
            await write(db, 2, "b")
            assert await claim(db) == [(1, "a"), (2, "b")]
    finally:
        await other.close()
