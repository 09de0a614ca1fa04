"""`python -m casino.ledger reconcile | replay | detach MONTH`: prove the book, put months away."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING

import asyncpg

from casino.clock import utc_now
from casino.config import DatabaseSettings
from casino.db import SERVER_SETTINGS, Database
from casino.ledger.partitions import MonthNeeded, detach, month_of
from casino.ledger.progress import Progress
from casino.ledger.reconcile import reconcile_all
from casino.ledger.replay import Replay, replay

if TYPE_CHECKING:
    from datetime import date

UNSOUND = 1


async def prove(database: Database) -> int:
    """Hold wallets, roll-ups and keys against all transfers; prints JSON."""
    report = await reconcile_all(database, now=utc_now(), progress=Progress(sys.stderr))
    _print_json(report.as_json())
    return 0 if report.sound else UNSOUND


async def rebuild(database: Database, *, as_json: bool) -> int:
    """Replay every wallet from the first transfer on; prints the faults, or JSON."""
    connection = await asyncpg.connect(database.dsn, server_settings=SERVER_SETTINGS)
    try:
        outcome = await replay(connection, progress=Progress(sys.stderr))
    finally:
        await connection.close()
    if as_json:
        _print_json(outcome.as_json())
    else:
        _print_faults(outcome)
    return 0 if outcome.sound else UNSOUND


async def put_away(database: Database, month: date) -> int:
    """Detach a month that nobody needs any more, out of a book that is sound."""
    report = await reconcile_all(database, now=utc_now(), progress=Progress(sys.stderr))
    if not report.sound:
        _print_json(report.as_json())
        sys.stderr.write("The book is not sound; nothing was detached.\n")
        return UNSOUND
    try:
        detached = await detach(database, month=month, now=utc_now(), progress=Progress(sys.stderr))
    except MonthNeeded as refusal:
        sys.stderr.write(f"{month:%Y-%m} stays: {refusal.why}\n")
        return UNSOUND
    _print_json(detached.as_json())
    return 0


async def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m casino.ledger", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("reconcile", help="prove wallets, roll-ups and keys; JSON, exit code 1")
    replaying = commands.add_parser("replay", help="rebuild every wallet from its transfers")
    replaying.add_argument("--json", action="store_true", help="print JSON")
    detaching = commands.add_parser("detach", help="take an old month out of the tables")
    detaching.add_argument("month", type=month_of, metavar="YYYY-MM")
    given = parser.parse_args(arguments)
    database = Database(DatabaseSettings().url)
    try:
        if given.command == "replay":
            return await rebuild(database, as_json=given.json)
        if given.command == "detach":
            return await put_away(database, given.month)
        return await prove(database)
    finally:
        await database.close()


def _print_json(content: dict[str, object]) -> None:
    print(json.dumps(content, indent=2))  # noqa: T201


def _print_faults(outcome: Replay) -> None:
    lines = [f"{outcome.transfers} transfers replayed into {outcome.wallets} wallets"]
    for fault in outcome.faults:
        where = f"player {fault.player_id}" if fault.player_id else "house"
        if fault.entry_id is not None:
            text = f"entry {fault.entry_id} brings {fault.column} to {fault.replayed}"
        else:
            text = f"{fault.column} is {fault.stored}, its transfers say {fault.replayed}"
        lines.append(f"{where}, {fault.asset}: {text}")
    if outcome.faults_found > len(outcome.faults):
        lines.append(f"and {outcome.faults_found - len(outcome.faults)} more")
    lines.append("sound" if outcome.sound else f"UNSOUND: {outcome.faults_found} faults")
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
