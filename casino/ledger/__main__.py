"""`python -m casino.ledger reconcile`: prove the book and print what was found as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from casino.config import DatabaseSettings
from casino.db import Database
from casino.ledger.reconcile import reconcile


async def _run() -> int:
    database = Database(DatabaseSettings().url)
    try:
        async with database.transaction() as session:
            report = await reconcile(session)
    finally:
        await database.close()
    print(json.dumps(report.as_json(), indent=2))  # noqa: T201
    return 0 if report.sound else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m casino.ledger", description=__doc__)
    parser.add_argument("command", choices=["reconcile"])
    parser.parse_args()
    sys.exit(asyncio.run(_run()))
