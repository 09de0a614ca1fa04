"""A floor to play on, in a house with a wallet."""

from collections.abc import AsyncIterator

import pytest

from casino.betting.floor import GamingFloor, open_floor
from casino.cashier import rails
from casino.db import Database
from games.registry import STEPS
from tests.casino.cashier.cashbox import HOT_WALLET, NOW
from tests.factories import VAULT, ready_house


@pytest.fixture
async def floor(db: Database) -> AsyncIterator[GamingFloor]:
    await ready_house(db)
    async with db.transaction() as session:
        await rails.set_hot_wallet(session, rail="ton", address=HOT_WALLET, now=NOW)
    async with open_floor(db.dsn, VAULT, step_games=STEPS) as opened:
        yield opened
