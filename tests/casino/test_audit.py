"""The log of who did what cannot be changed, cut or reordered without being found out."""

import asyncio

import pytest
from sqlalchemy import text

from casino import audit
from casino.clock import utc_now


async def write(db, number):
    async with db.transaction() as session:
        await audit.append(
            session,
            actor=f"staff:{number % 2}",
            action="flag.stopped",
            subject=f"flag:{number}",
            before={"stopped": False},
            after={"stopped": True, "reason": "проверка"},
            now=utc_now(),
        )


async def verify(db):
    async with db.transaction() as session:
        return await audit.verify(session)


async def test_a_chain_written_by_many_at_once_is_sound(db):
    await asyncio.gather(*(write(db, number) for number in range(8)))
    assert await verify(db) == (8, None)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE audit_log SET action = 'x' WHERE id = 3", "line 3 was altered"),
        ("UPDATE audit_log SET after = '{}' WHERE id = 4", "line 4 was altered"),
        ("UPDATE audit_log SET at = at + interval '1 us' WHERE id = 1", "line 1 was altered"),
        ("DELETE FROM audit_log WHERE id = 3", "line 3 is missing"),
        ("DELETE FROM audit_log WHERE id = 5", "lines after 4 were removed"),
        ("UPDATE audit_log SET previous_hash = 'x' WHERE id = 2", "line 2 does not follow line 1"),
    ],
)
async def test_every_change_is_found(db, change, fault):
    for number in range(5):
        await write(db, number)
    async with db.transaction() as session:
        await session.execute(text(change))
    assert (await verify(db))[1] == fault


async def test_search_finds_the_newest_first(db):
    for number in range(5):
        await write(db, number)
    async with db.transaction() as session:
        found = await audit.search(session, actor="staff:0", action="flag.", limit=2)
    assert [one.subject for one in found] == ["flag:4", "flag:2"]


async def test_a_line_written_during_the_walk_is_not_taken_for_a_fault(db):
    for number in range(3):
        await write(db, number)
    async with db.transaction() as reading:
        assert await audit.verify(reading) == (3, None)
        await write(db, 3)
    assert await verify(db) == (4, None)
