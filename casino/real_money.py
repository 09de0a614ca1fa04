"""May this process move real money on this database: asked once at the start, refused in words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import structlog

from casino.db import SERVER_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.db import Database

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "versions"
LOOK_AGAIN_SECONDS = 2

UNREACHABLE = (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError)

ASK = """
SELECT current_setting('fsync'), current_setting('full_page_writes'),
       current_setting('synchronous_commit'), current_setting('synchronous_standby_names')
"""


@dataclass(frozen=True, slots=True)
class Server:
    """How a database keeps what it acknowledged, and the revision of its schema, if any."""

    fsync: str
    full_page_writes: str
    synchronous_commit: str
    standby_names: str
    revision: str | None


async def require_fit(database: Database, *, real_money: bool) -> None:
    """Return when the database is fit for the money that this process moves.

    With real money, ends the process (SystemExit) with what is wrong and what to do about it. A
    server that does not answer yet is waited for. Without real money nothing is asked.
    """
    if not real_money:
        log.warning("real_money.off", advice="coins of this house must have no value")
        return
    while True:
        try:
            found = await look(database.dsn)
        except UNREACHABLE as error:
            log.warning("real_money.waiting_for_database", error=repr(error))
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            continue
        wrong = faults(found, head=schema_head())
        if wrong:
            log.error("real_money.refused", faults=wrong)
            raise SystemExit(_told(wrong))
        return


async def look(dsn: str) -> Server:
    """What a session of ours finds on the server, its own and its role's settings included."""
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=SERVER_SETTINGS)
    try:
        row = await connection.fetchrow(ASK)
        versioned = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
        revision = (
            await connection.fetchval("SELECT version_num FROM alembic_version")
            if versioned
            else None
        )
    finally:
        await connection.close()
    return Server(row[0], row[1], row[2], row[3], revision)


def faults(found: Server, *, head: str) -> list[str]:
    """Why real money may not be moved, each with what to do; empty when it may."""
    wrong = [
        f"{name} is off: a crash of the machine can lose or tear what was acknowledged."
        f" Set `{name} = on` in postgresql.conf and reload the server."
        for name, value in (
            ("fsync", found.fsync),
            ("full_page_writes", found.full_page_writes),
        )
        if value == "off"
    ]
    if found.synchronous_commit == "off":
        wrong.append(
            "synchronous_commit is off: a bet is answered before it is on the disk. Set"
            " `synchronous_commit = on` for the server, the database and the role."
        )
    elif found.synchronous_commit == "local" and found.standby_names:
        wrong.append(
            "synchronous_commit is local although synchronous_standby_names is set: a bet is"
            " answered before the standby has it. Set `synchronous_commit = on`."
        )
    if found.revision is None:
        wrong.append("the database has no schema. Run `make migrate`.")
    elif found.revision < head:
        wrong.append(
            f"the schema is at {found.revision}, this code needs {head}. Run `make migrate`."
        )
    elif found.revision > head:
        wrong.append(
            f"the schema is at {found.revision}, ahead of this code, which knows {head}."
            " Deploy the newer code."
        )
    return wrong


def schema_head() -> str:
    """The newest revision among the migrations beside this code; raises LookupError."""
    known = sorted(path.name[:4] for path in MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))
    if not known:
        raise LookupError(f"no migrations in {MIGRATIONS}")
    return known[-1]


def _told(wrong: Sequence[str]) -> str:
    lines = "\n".join(f"  - {fault}" for fault in wrong)
    return (
        f"Not started, because real money would not be safe on this database:\n{lines}\n"
        "A house without real money starts all the same with REAL_MONEY=false."
    )
