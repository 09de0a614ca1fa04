"""Roots, keystores that open quickly, and a file that the first release made."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from payments.signer import keystore
from payments.signer.keyring import Keyring
from payments.signer.keystore import Cost
from payments.signer.roots import Entropy, Root, RootKind

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
PASSWORD = "a long enough password"
CHEAP = Cost(operations=1, memory_bytes=8192)
"""What libsodium allows at the least: the tests open hundreds of files."""
OLD_SEED = "59899dfc7cb88cd0d06d17af5d0578c57d9797b0f27b138f0d67ab6d26e339c4"
OLD_FILE = """{
 "format": "fairhouse-keystore/1",
 "public_key": "9720fcd2667a9f18e7636cdb39cb9fb9e9d28a4bd93c75d97d0099f49b736464",
 "salt": "a9bd7096014df08b2302e8376a654adb",
 "sealed": "3386760925c3e0d194d7db72a96a85630ea8de46ae6f512ce86d3351a81e740def7e80e6ab3871dc81c20071b77401acaeb7af5b6ed69e55c9d0573e01d02d356ba6ca4a3ca70d9e"
}
"""
"""Written by the code of `fairhouse-keystore/1` for OLD_SEED and PASSWORD."""


def entropy(name: str) -> Entropy:
    return Entropy(hashlib.sha256(name.encode()).digest())


def ring(*generations: str) -> Keyring:
    """Both kinds in as many generations as there are names."""
    return Keyring(
        Root(kind, number, entropy(f"{kind} {name}"), NOW)
        for number, name in enumerate(generations or ("first",), start=1)
        for kind in RootKind
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A keystore of `ring()`."""
    path = tmp_path / "keystore.json"
    keystore.create(path, ring(), password=PASSWORD, cost=CHEAP)
    return path


@pytest.fixture
def old_path(tmp_path: Path) -> Path:
    """A keystore of the first format."""
    path = tmp_path / "old.json"
    path.write_text(OLD_FILE)
    path.chmod(0o600)
    return path
