"""One way into a transaction, and no network inside one."""

import pytest
from sqlalchemy import text

from casino.db import driver_connection, forbid_open_transaction
from casino.errors import NetworkInsideTransaction


async def test_the_network_is_refused_inside_a_transaction_only(db):
    forbid_open_transaction()
    async with db.transaction():
        with pytest.raises(NetworkInsideTransaction):
            forbid_open_transaction()
    forbid_open_transaction()


async def insert_and_fail(db):
    async with db.transaction() as session:
        connection = await driver_connection(session)
        await connection.execute("INSERT INTO ledger_players (player_id) VALUES (77)")
        await session.execute(text("INSERT INTO ledger_players (player_id) VALUES (78)"))
        raise RuntimeError


async def test_an_exception_rolls_everything_back_on_either_kind_of_connection(db):
    with pytest.raises(RuntimeError):
        await insert_and_fail(db)
    async with db.transaction() as session:
        found = await session.scalar(
            text("SELECT count(*) FROM ledger_players WHERE player_id IN (77, 78)")
        )
    assert found == 0
