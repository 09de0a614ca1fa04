"""A house that is open for business."""

import pytest

from casino.db import Database
from casino.staff.people import Member
from casino.staff.roles import Role
from tests.casino.cashier import cashbox


@pytest.fixture
async def house(db: Database) -> Database:
    await cashbox.open_house(db)
    return db


@pytest.fixture
async def owner(house: Database) -> Member:
    """An owner of the open house who decides on deposits and withdrawals too."""
    return await cashbox.make_member(house, Role.PAYMENTS)
