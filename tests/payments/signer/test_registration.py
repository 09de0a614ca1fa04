"""Registering the hot wallet on TON: for coins and jettons, and over another one only on demand."""

from datetime import UTC, datetime

import pytest

from casino.cashier.rails import TON, USDT_TON, get_rail
from casino.db import Database
from payments.chains.ton_wallet import HotWallet
from payments.config import TonWalletSettings
from payments.signer.__main__ import register
from payments.signer.errors import KeystoreError
from payments.signer.keyring import Keyring
from payments.signer.roots import Entropy, Root, RootKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEYS, OTHERS = (
    Keyring([Root(RootKind.TON, 1, Entropy(bytes(range(first, first + 32))), NOW)])
    for first in (0, 32)
)


@pytest.fixture(autouse=True)
def at_this_database(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", db.url)


def address(keys: Keyring) -> str:
    settings = TonWalletSettings()
    wallet = HotWallet(keys.ton().public_key, settings.subwallet_id, settings.timeout_seconds)
    return wallet.address.friendly()


async def registered(db: Database) -> list[str | None]:
    async with db.transaction() as session:
        return [(await get_rail(session, rail)).address for rail in (TON, USDT_TON)]


async def test_one_address_holds_coins_and_jettons(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        await register(KEYS, replace=False)
    assert await registered(db) == [address(KEYS)] * 2
    assert address(KEYS) in capsys.readouterr().out
    with pytest.raises(KeystoreError):
        await register(OTHERS, replace=False)
    assert await registered(db) == [address(KEYS)] * 2
    await register(OTHERS, replace=True)
    assert await registered(db) == [address(OTHERS)] * 2
