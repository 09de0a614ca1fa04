"""A short run: two minutes of faults on all chains, with real processes killed all along."""

from pathlib import Path

import pytest

from sandbox.home import Home
from tests.conservation.run import conserve

MINUTES = 2


@pytest.mark.chain
@pytest.mark.faults
async def test_no_coin_is_lost_or_doubled(tmp_path: Path) -> None:
    said: list[str] = []
    home = Home(tmp_path / "world")
    outcome = await conserve(home, seed=1, minutes=MINUTES, say=said.append)
    assert not outcome.failure, "\n".join(said)
    assert outcome.rounds
    assert all(outcome.faults.values())
