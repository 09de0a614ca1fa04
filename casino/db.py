"""The database: one way into a transaction, and the guard against network calls inside one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from sqlalchemy import DateTime, MetaData
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from casino.errors import NetworkInsideTransaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg
    from sqlalchemy.types import TypeEngine

# A process that hangs inside a transaction must not hold a player's row for ever.
SERVER_SETTINGS = {
    "timezone": "UTC",
    "application_name": "fairhouse",
    "idle_in_transaction_session_timeout": "60s",
}

_open_transaction: ContextVar[bool] = ContextVar("open_transaction", default=False)


class Base(DeclarativeBase):
    """Parent of all table classes; names constraints so that migrations can drop them."""

    type_annotation_map: ClassVar[dict[type, TypeEngine[datetime]]] = {
        datetime: DateTime(timezone=True)
    }
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """Holds the pool of one process; `transaction()` is the only way to a session."""

    def __init__(self, url: str, *, connections_max: int = 8) -> None:
        self.url = url
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=connections_max,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            # What people sent us must not reach a log by way of a failed statement.
            hide_parameters=True,
            connect_args={"server_settings": SERVER_SETTINGS},
        )

    @property
    def dsn(self) -> str:
        """The address in the form that asyncpg itself takes."""
        return self.url.replace("postgresql+asyncpg://", "postgresql://", 1)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a session and a transaction; commit on success, roll back on any exception."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            token = _open_transaction.set(True)
            try:
                async with session.begin():
                    yield session
            finally:
                _open_transaction.reset(token)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


@asynccontextmanager
async def transaction_open() -> AsyncIterator[None]:
    """Mark a transaction that is not opened through Database (the batch's own connections)."""
    token = _open_transaction.set(True)
    try:
        yield
    finally:
        _open_transaction.reset(token)


def forbid_open_transaction() -> None:
    """Raise NetworkInsideTransaction if the caller holds a transaction open; every network
    client of ours calls this before it sends."""
    if _open_transaction.get():
        raise NetworkInsideTransaction


async def driver_connection(session: AsyncSession) -> asyncpg.Connection:
    """The asyncpg connection under `session`, inside the session's own transaction."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    driver = cast("asyncpg.Connection", raw.driver_connection)
    if not driver.is_in_transaction():
        # SQLAlchemy begins lazily: without a statement of its own the driver were in autocommit.
        await connection.exec_driver_sql("SELECT 1")
    return driver


async def take_ids(session: AsyncSession, count: int) -> list[int]:
    """New ids of the database in rising order, for rows that are stored together: what has its id
    already is written in one statement."""
    connection = await driver_connection(session)
    rows = await connection.fetch("SELECT next_id() FROM generate_series(1, $1)", count)
    return sorted(row[0] for row in rows)
