"""Where a sandbox keeps its world: one folder, made and forgotten as a whole."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.postgres import remove_data
from sandbox.processes import ServiceFailed

if TYPE_CHECKING:
    from io import TextIOWrapper


GROWN = ("receipts_key", "btc_eth_entropy")
"""Secrets that older worlds lack and get at their next start."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys of this world, made once and kept with it; worth nothing anywhere else."""

    vault_master_key: str
    approval_key: str
    hot_wallet_key: str
    webhook_secret: str
    # Empty in worlds made before it existed; they poll, so nobody posts to them.
    admin_webhook_secret: str = ""
    # Worlds made before it existed get one at their next start.
    receipts_key: str = ""
    # The same: worlds of one chain had no root for Bitcoin and Ethereum.
    btc_eth_entropy: str = ""

    @classmethod
    def fresh(cls) -> Secrets:
        """New random keys."""
        return cls(
            base64.b64encode(secrets.token_bytes(32)).decode(),
            secrets.token_hex(32),
            secrets.token_hex(32),
            secrets.token_hex(24),
            secrets.token_hex(24),
            secrets.token_hex(32),
            secrets.token_hex(32),
        )

    @property
    def approval_public_key(self) -> str:
        """What the signer knows of the approval key."""
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.approval_key))
        return key.public_key().public_bytes_raw().hex()


class Home:
    """The folder of a sandbox: databases, chains, chats, keys and logs, all or nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: TextIOWrapper | None = None

    def open(self) -> None:
        """Take the folder for this process; raises ServiceFailed while another one has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise ServiceFailed(
                f"A sandbox is already running on {self.folder}. Stop it first (Ctrl+C there), or "
                "choose another folder with DEMO_DIR and another DEMO_PORT."
            ) from error
        self._lock = lock
        (self.folder / "logs").mkdir(exist_ok=True)

    def close(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secrets(self) -> Secrets:
        """The world's keys; made at the first start."""
        path = self.folder / "secrets.json"
        if not path.exists():
            _keep(path, Secrets.fresh())
        known = Secrets(**json.loads(path.read_text()))
        lacking = [name for name in GROWN if not getattr(known, name)]
        if lacking:
            fresh = Secrets.fresh()
            known = replace(known, **{name: getattr(fresh, name) for name in lacking})
            _keep(path, known)
        return known

    @property
    def services(self) -> Path:
        """Data of PostgreSQL and Valkey."""
        return self.folder / "services"

    @property
    def chain(self) -> Path:
        """Data of the local TON."""
        return self.folder / "ton"

    @property
    def ethereum(self) -> Path:
        """Data of the local Ethereum."""
        return self.folder / "ethereum"

    @property
    def bitcoin(self) -> Path:
        """Data of the local Bitcoin."""
        return self.folder / "bitcoin"

    @property
    def telegram(self) -> Path:
        """Chats of the local Telegram."""
        return self.folder / "telegram.sqlite"

    def log_of(self, service: str) -> Path:
        """Where a service's output goes."""
        return self.folder / "logs" / f"{service}.log"

    def logs(self) -> list[Path]:
        """What services have written so far."""
        return sorted((self.folder / "logs").glob("*.log"))

    def erase(self) -> None:
        """Forget the world; raises ServiceFailed while it is running."""
        if not self.folder.exists():
            return
        self.open()
        try:
            remove_data(self.services / "postgres")
            shutil.rmtree(self.folder)
        finally:
            self.close()


def _keep(path: Path, known: Secrets) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(known)))
    draft.chmod(0o600)
    draft.replace(path)


def demo_home() -> Home:
    """The demo's folder: DEMO_DIR, or `.demo` beside the code."""
    return Home(Path(os.environ.get("DEMO_DIR", ".demo")).resolve())
