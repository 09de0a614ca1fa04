"""Every aggregator of the registry on the line with two processes of an open house."""

from collections.abc import AsyncIterator

import pytest

from casino.betting.floor import GamingFloor, open_floor
from casino.db import Database
from games.registry import AGGREGATORS, STEPS
from tests.factories import VAULT, ready_house
from tests.games.aggregator_voices import VOICES, Voice
from tests.games.outside import Desk


@pytest.fixture(params=sorted(AGGREGATORS))
def voice(request: pytest.FixtureRequest) -> Voice:
    """The other side of an aggregator; each one of the registry has a voice in the tests."""
    return VOICES[request.param]


@pytest.fixture
async def floor(db: Database) -> AsyncIterator[GamingFloor]:
    await ready_house(db)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as opened:
        yield opened


@pytest.fixture
def desk(voice: Voice, floor: GamingFloor, db: Database) -> Desk:
    return Desk.open(voice, floor, db)


@pytest.fixture
async def other_desk(desk: Desk) -> AsyncIterator[Desk]:
    """A second process of the same house."""
    async with open_floor(desk.database.dsn, VAULT, step_games=STEPS) as opened:
        yield Desk.open(desk.voice, opened, desk.database)
