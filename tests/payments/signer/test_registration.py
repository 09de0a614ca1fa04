"""Registering the hot wallet on TON: for coins and jettons, and over another one only on demand."""

import pytest

from casino.cashier.rails import TON, USDT_TON, get_rail
from casino.db import Database
from payments.chains.ton_wallet import HotWallet
from payments.config import TonWalletSettings
from payments.signer.__main__ import register
from payments.signer.errors import KeystoreError
from payments.signer.roots import Entropy
from payments.signer.signing_keys import TonKey

KEY, OTHER = TonKey(Entropy(bytes(range(32)))), TonKey(Entropy(bytes(range(32, 64))))


@pytest.fixture(autouse=True)
def at_this_database(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", db.url)


def address(key: TonKey) -> str:
    settings = TonWalletSettings()
    wallet = HotWallet(key.public_key, settings.subwallet_id, settings.timeout_seconds)
    return wallet.address.friendly()


async def registered(db: Database) -> list[str | None]:
    async with db.transaction() as session:
        return [(await get_rail(session, rail)).address for rail in (TON, USDT_TON)]


async def test_one_address_holds_coins_and_jettons(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        await register(KEY, replace=False)
    assert await registered(db) == [address(KEY)] * 2
    assert address(KEY) in capsys.readouterr().out
    with pytest.raises(KeystoreError):
        await register(OTHER, replace=False)
    assert await registered(db) == [address(KEY)] * 2
    await register(OTHER, replace=True)
    assert await registered(db) == [address(OTHER)] * 2
