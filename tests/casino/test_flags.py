"""Kill switches are on record, and only switches that some gate reads can be thrown."""

import pytest

from casino import audit, flags, switches
from casino.clock import utc_now
from casino.errors import NotFound, Paused


async def throw(db, name, *, stop=True):
    async with db.transaction() as session:
        await flags.set_flag(
            session, name=name, stop=stop, reason="drill", actor="staff:1", now=utc_now()
        )


async def stopped(db):
    async with db.transaction() as session:
        return await flags.stopped(session)


async def test_a_switch_stops_and_releases(db):
    await throw(db, switches.BETS)
    assert await stopped(db) == {switches.BETS}
    with pytest.raises(Paused):
        flags.require_running(await stopped(db), switches.DEPOSITS, switches.BETS)
    await throw(db, switches.BETS, stop=False)
    assert await stopped(db) == frozenset()
    async with db.transaction() as session:
        lines = await audit.search(session, subject=f"flag:{switches.BETS}")
    assert [one.action for one in lines] == ["flag.released", "flag.stopped"]
    assert lines[1].after == {"stopped": True, "reason": "drill"}


async def test_a_name_that_no_gate_reads_is_refused(db):
    with pytest.raises(NotFound):
        await throw(db, "everything")
