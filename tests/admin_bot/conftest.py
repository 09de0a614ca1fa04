"""An office with its staff for each test of the operators' bot."""

from collections.abc import AsyncIterator

import pytest

from casino.db import Database
from messaging.redis_link import RedisLink
from tests.admin_bot.office import (
    AUDITOR,
    KYC,
    OWNER,
    PAYMENTS,
    SECOND,
    SUPPORT,
    Clerk,
    Office,
    office_world,
)
from tests.casino.cashier import cashbox
from tests.sandbox.telegram.conftest import Server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A local Telegram of the test's own."""
    running = Server(world=office_world(), store=None)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def office(server: Server, db: Database, redis_url: str) -> AsyncIterator[Office]:
    redis = RedisLink(redis_url)
    office = Office(server=server, database=db, redis=redis)
    await cashbox.open_house(db)
    await office.open()
    yield office
    # Whatever a test did: looking leaves nothing behind, acting leaves what it declares.
    for act in office.witness.acts:
        declared = [line for line in act.left if act.audits and line.startswith(act.audits)]
        assert bool(declared) == bool(act.left), act
    await office.close()
    await redis.close()


@pytest.fixture
async def olga(office: Office) -> Clerk:
    """The owner."""
    return await _present(office, OWNER)


@pytest.fixture
async def pavel(office: Office) -> Clerk:
    """A payments clerk."""
    return await _present(office, PAYMENTS)


@pytest.fixture
async def pyotr(office: Office) -> Clerk:
    """Another payments clerk, whose Telegram speaks Russian."""
    return await _present(office, SECOND)


@pytest.fixture
async def kira(office: Office) -> Clerk:
    """Verifies players."""
    return await _present(office, KYC)


@pytest.fixture
async def sam(office: Office) -> Clerk:
    """Answers players."""
    return await _present(office, SUPPORT)


@pytest.fixture
async def ada(office: Office) -> Clerk:
    """Reads and decides nothing."""
    return await _present(office, AUDITOR)


async def _present(office: Office, person: int) -> Clerk:
    clerk = office.clerk(person)
    await clerk.start()
    return clerk
