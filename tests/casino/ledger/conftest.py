"""A floor to play on."""

from collections.abc import AsyncIterator

import pytest

from casino.betting.floor import GamingFloor, open_floor
from casino.db import Database
from games.registry import STEPS
from tests.factories import VAULT


@pytest.fixture
async def floor(db: Database) -> AsyncIterator[GamingFloor]:
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as opened:
        yield opened
