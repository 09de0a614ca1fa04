"""How the server reads for a batch in a house that is new: by keys, never a whole table."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from casino.betting import sql as betting
from casino.db import Database
from casino.ledger import sql as ledger
from casino.ledger.batch import connect

STATEMENTS = {
    "load the book": ledger.LOAD_BET,
    "load money": ledger.LOAD_MONEY,
    "load players": betting.LOAD_PLAYERS,
    "store a batch": ledger.store_statement("bet_keys", betting.STORE),
    "lock players": ledger.LOCK,
    "load open rounds": betting.LOAD_OPEN_ROUNDS,
    "load rounds": betting.LOAD_ROUNDS,
    "change rounds": betting.CHANGE_ROUNDS,
}
# A single row, whatever happens.
SMALL = {"house_version"}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_new_house_is_read_by_keys(db: Database, name: str) -> None:
    connection = await connect(db.dsn)
    try:
        count = len((await connection.prepare(STATEMENTS[name])).get_parameters())
        await connection.execute(f"PREPARE asked AS {STATEMENTS[name]}")
        nothing = ", ".join(["NULL"] * count)
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked({nothing})")
    finally:
        await connection.close()
    ((found,),) = (json.loads(explained),)
    scans = [
        node
        for node in nodes(found["Plan"])
        if node["Node Type"].endswith("Scan") and node.get("Relation Name", "") not in SMALL
        if node["Node Type"] not in ("Function Scan", "Subquery Scan", "CTE Scan")
    ]
    assert scans or name == "store a batch"
    for node in scans:
        if node["Node Type"] != "Bitmap Heap Scan":
            assert "Index Cond" in node, node
