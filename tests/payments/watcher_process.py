"""`python -m payments watcher` as its own process, started, killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from casino.db import Database
from payments.config import BtcSettings, EvmSettings

PATIENCE_SECONDS = 240


class Watcher:
    """The process with these settings alone; its chain on TON has no node and must not be in the
    way."""

    def __init__(self, database: Database, settings: Mapping[str, str]) -> None:
        others = [f"EVM_{name}".upper() for name in EvmSettings.model_fields]
        others += [f"BTC_{name}".upper() for name in BtcSettings.model_fields]
        inherited = {name: value for name, value in os.environ.items() if name not in others}
        self.environment = {
            **inherited,
            "DATABASE_URL": database.url,
            "TON_TONCENTER_URL": "http://127.0.0.1:9",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "payments", "watcher"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE_SECONDS)
            self.process = None
