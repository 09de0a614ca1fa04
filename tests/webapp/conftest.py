"""Servers of the Mini App on a real database and a real Valkey, in an open house."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from casino import rates
from casino.betting.floor import open_floor
from casino.cashier import rails, treasury
from casino.db import Database
from casino.ledger import totals
from casino.money import Asset
from casino.vault import Vault
from games.registry import STEPS
from messaging.redis_link import RedisLink
from payments.addresses import TonAddress
from tests.webapp.launches import TOKEN
from tests.webapp.people import TON, Person, give
from webapp.app import Parts, build_app
from webapp.init_data import TokenCheck

SECRET = "a-secret_of-256"
ADMIN_SECRET = "another-secret_of-256"
HOT_WALLET = TonAddress(0, b"\x07" * 32).friendly()

Start = Callable[..., Awaitable[TestClient[Any, Any]]]
Join = Callable[..., Awaitable[Person]]


@pytest.fixture
async def house(db: Database) -> Database:
    """A house that is open: rates, a hot wallet, capital to pay from."""
    now = datetime.now(UTC)
    async with db.transaction() as session:
        await rates.quote(session, asset=Asset.TON, numerator=3, denominator=1000, now=now)
        await rates.quote(session, asset=Asset.USDT, numerator=9, denominator=10, now=now)
        await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=now)
        await treasury.fund_house(
            session, rail="ton", units=1_000_000 * TON, reference="start", now=now
        )
    async with db.transaction() as session:
        await totals.roll_up(session, upto=datetime.now(UTC) + timedelta(seconds=1))
    return db


@pytest.fixture
async def start(house: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Start a server; several share the database and the Valkey, as replicas do."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<html><head><title>t</title></head></html>")
    (static / "assets" / "app-1a2b.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("not yours")
    vault = Vault.from_text("1:" + base64.b64encode(b"k" * 32).decode())

    async with AsyncExitStack() as stack:

        async def run(**more: Any) -> TestClient[Any, Any]:
            redis = RedisLink(more.pop("redis", redis_url))
            stack.push_async_callback(redis.close)
            database = Database(more.pop("database", house).url)
            stack.push_async_callback(database.close)
            floor = await stack.enter_async_context(
                open_floor(database.dsn, vault, step_games=STEPS)
            )
            parts: dict[str, Any] = {
                "database": database,
                "floor": floor,
                "redis": redis,
                "launch_check": TokenCheck(TOKEN),
                "webhook_secrets": {"player": SECRET, "admin": ADMIN_SECRET},
                "testnet": True,
                "public_url": "https://play.example/app",
                "static": static,
                **more,
            }
            client = TestClient(TestServer(build_app(Parts(**parts))))
            await stack.enter_async_context(client)
            return client

        yield run


@pytest.fixture
async def client(start: Start) -> TestClient[Any, Any]:
    return await start()


@pytest.fixture
def join(client: TestClient[Any, Any], house: Database) -> Join:
    """A person who is logged in, of age, with some TON."""

    async def come(*, units: int = 100 * TON, at: TestClient[Any, Any] | None = None) -> Person:
        person = Person(at or client)
        assert (await person.log_in()).status == 200
        assert (await person.consent()).status == 200
        if units:
            await give(house, person, units)
        return person

    return come
