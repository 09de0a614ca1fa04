"""The folder of a world: forgotten as a whole, never under a world that runs, moved by settings."""

import os
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

from sandbox.home import Home
from sandbox.processes import ServiceFailed
from sandbox.settings import Ports


def reset(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "reset"],
        env={**os.environ, "DEMO_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_reset_forgets_all_of_it_together(tmp_path: Path) -> None:
    home = Home(tmp_path / "world")
    home.open()
    first = home.secrets()
    home.telegram.write_text("chats")
    home.chain.mkdir()
    home.close()
    assert reset(home.folder).returncode == 0
    assert not home.folder.exists()
    home.open()
    assert home.secrets() != first
    home.close()


def test_a_world_that_runs_is_neither_forgotten_nor_opened_twice(tmp_path: Path) -> None:
    home = Home(tmp_path / "world")
    home.open()
    kept = home.secrets()
    refused = reset(home.folder)
    assert refused.returncode != 0
    assert "already running" in refused.stdout + refused.stderr
    with pytest.raises(ServiceFailed, match="DEMO_PORT"):
        Home(home.folder).open()
    home.close()
    assert home.secrets() == kept


def test_ports_follow_the_first_one() -> None:
    ports = Ports.from_first(9_000)
    assert ports.page == 9_000
    assert sorted(astuple(ports)) == [*range(9_000, 9_005)]


def test_free_ports_are_five_different_ones() -> None:
    assert len(set(astuple(Ports.free()))) == 5
