"""A floor to bet on, and a second one that stands for another process."""

from collections.abc import AsyncIterator

import pytest

from casino.betting.floor import GamingFloor, open_floor
from casino.db import Database
from games.registry import STEPS
from tests.factories import VAULT, ready_house


@pytest.fixture
async def floor(db: Database) -> AsyncIterator[GamingFloor]:
    await ready_house(db)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as opened:
        yield opened


@pytest.fixture
async def other_floor(db: Database) -> AsyncIterator[GamingFloor]:
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as opened:
        yield opened
