"""Runs migrations on DATABASE_URL, or on the connection or address that the caller hands over."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from casino.config import DatabaseSettings
from migrations.models import metadata

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def _is_partition(name: str | None, kind: str) -> bool:
    return kind == "table" and name is not None and "_p2" in name


def _include(
    _thing: object, name: str | None, kind: str, _reflected: object, _other: object
) -> bool:
    return not _is_partition(name, kind)


def _run(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=_include,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run_on(url: str) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


given = context.config.attributes.get("connection")
if isinstance(given, Connection):
    _run(given)
else:
    asyncio.run(_run_on(context.config.get_main_option("sqlalchemy.url") or DatabaseSettings().url))
