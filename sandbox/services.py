"""The database and the cache behind the demo: those given by address, or our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.postgres import PostgresServer, start_postgres
from sandbox.processes import Log, ServiceFailed
from sandbox.valkey import ValkeyServer, start_valkey


@dataclass(slots=True)
class Services:
    """Where the database and the cache answer; `stop` ends those that we started ourselves."""

    database_url: str
    redis_url: str
    postgres: PostgresServer | None
    valkey: ValkeyServer | None

    def stop(self) -> None:
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()


def start_services(data_dir: Path, *, environment: Mapping[str, str], log: Log = print) -> Services:
    """Use the servers that DATABASE_URL and REDIS_URL name, and start those that they do not."""
    database_url, redis_url = environment.get("DATABASE_URL"), environment.get("REDIS_URL")
    postgres = None if database_url else start_postgres(data_dir / "postgres", log=log)
    try:
        valkey = None if redis_url else start_valkey(data_dir / "valkey", durable=True, log=log)
    except ServiceFailed:
        if postgres is not None:
            postgres.stop()
        raise
    return Services(
        database_url=database_url or (postgres.url if postgres else ""),
        redis_url=redis_url or (valkey.url if valkey else ""),
        postgres=postgres,
        valkey=valkey,
    )
