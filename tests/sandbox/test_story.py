"""The story of a newcomer, told without a screen, exactly as `make smoke` tells it."""

import json
import secrets
from typing import Any

import pytest

from sandbox.chains import QUICK_PACE
from sandbox.home import Home
from sandbox.settings import Ports
from sandbox.stage import open_stage
from sandbox.story import STEPS, tell
from tests.servers import Run

# A world of many processes: it and the browser's world take turns on one worker.
pytestmark = [pytest.mark.chain, pytest.mark.xdist_group("stage")]


async def test_a_newcomer_plays_and_is_paid_and_the_books_balance(run: Run) -> None:
    home = Home(run.folder / secrets.token_hex(8))
    lines: list[dict[str, Any]] = []
    async with open_stage(home, Ports.free(), pace=QUICK_PACE, say=lambda _text: None) as stage:
        told = await tell(stage, lambda line: lines.append(json.loads(line)))
    home.erase()
    assert told, lines[-1]
    assert [line["name"] for line in lines] == [step.__name__ for step in STEPS]
    assert all(line["ok"] for line in lines)
    books = lines[-1]
    assert books["differences"] == 0
    assert set(books["sums"].values()) == {0}, books["sums"]
