"""A house that is open for business."""

import pytest

from casino.db import Database
from tests.casino.cashier import cashbox


@pytest.fixture
async def house(db: Database) -> Database:
    await cashbox.open_house(db)
    return db
