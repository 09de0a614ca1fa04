"""`python -m payments.signer init | address | run`: make the key, publish the address, sign."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from casino.cashier.rails import get_rail, set_hot_wallet
from casino.clock import utc_now
from casino.config import DatabaseSettings, MoneySettings, TelemetrySettings
from casino.db import Database
from casino.election import lead
from casino.nursery import Nursery
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from payments.chains.ton_wallet import HotWallet
from payments.config import SignerSettings, TonNetwork, TonSettings, TonWalletSettings
from payments.signer import keystore
from payments.signer.checks import Limits
from payments.signer.keystore import KeystoreError
from payments.signer.service import Signer

if TYPE_CHECKING:
    from nacl.signing import SigningKey

RAIL = "ton"
CONNECTIONS_MAX = 2


def main() -> int:
    """Read the command line and do what it says; problems end with a sentence, not a trace."""
    parser = argparse.ArgumentParser(prog="payments.signer", description=__doc__)
    parser.add_argument("command", choices=["init", "address", "run"], nargs="?", default="run")
    parser.add_argument(
        "--replace", action="store_true", help="register the address even over another one"
    )
    given = parser.parse_args()
    settings = SignerSettings()
    try:
        if given.command == "init":
            make_key(settings)
        if given.command in ("init", "address"):
            asyncio.run(register(open_key(settings), replace=given.replace))
        else:
            asyncio.run(run(settings))
    except KeystoreError as error:
        sys.stderr.write(f"signer: {error}\n")
        return 1
    return 0


def make_key(settings: SignerSettings) -> None:
    """Make the keystore, unless the environment itself holds the key."""
    if settings.ton_key_seed.get_secret_value():
        raise KeystoreError("SIGNER_TON_KEY_SEED is set: there is no keystore to make")
    password = settings.keystore_password.get_secret_value()
    keystore.create(Path(settings.keystore), password=password)


def open_key(settings: SignerSettings) -> SigningKey:
    """The key from the environment if it is there, else from the keystore."""
    seed = settings.ton_key_seed.get_secret_value()
    if seed:
        return keystore.from_seed(seed)
    password = settings.keystore_password.get_secret_value()
    return keystore.unlock(Path(settings.keystore), password=password)


def hot_wallet(key: SigningKey) -> HotWallet:
    """The wallet that this key and the wallet settings make."""
    settings = TonWalletSettings()
    return HotWallet(bytes(key.verify_key), settings.subwallet_id, settings.timeout_seconds)


async def register(key: SigningKey, *, replace: bool) -> None:
    """Print the public parts and tell the cashier where the hot wallet is. Another registered
    address is replaced only on demand: coins may be waiting there."""
    address = hot_wallet(key).address
    testnet = TonSettings().network is TonNetwork.TESTNET
    text = address.friendly(testnet=False)
    sys.stdout.write(f"public key {bytes(key.verify_key).hex()}\naddress    {text}\n")
    if testnet:
        sys.stdout.write(f"on testnet {address.friendly(testnet=True)}\n")
    database = Database(DatabaseSettings().url, connections_max=CONNECTIONS_MAX)
    try:
        async with database.transaction() as session:
            before = (await get_rail(session, RAIL)).address
            if before not in (None, text) and not replace:
                raise KeystoreError(f"rail {RAIL} has the address {before}; --replace changes it")
            await set_hot_wallet(session, rail=RAIL, address=text, now=utc_now())
    finally:
        await database.close()


async def run(settings: SignerSettings) -> None:
    """Sign until asked to stop. Being cancelled is safe at any point: what is not committed was
    not signed as far as anybody can know."""
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    key = open_key(settings)
    database = Database(DatabaseSettings().url, connections_max=CONNECTIONS_MAX)
    await require_fit(database, real_money=MoneySettings().real_money)
    signer = Signer(
        database=database,
        rail=RAIL,
        key=key,
        wallet=hot_wallet(key),
        limits=Limits(
            order_units_max=settings.ton_order_units_max,
            day_units_max=settings.ton_day_units_max,
            two_people_above_units=settings.ton_two_people_above_units,
        ),
        approval_key=approval_key(settings),
        poll_seconds=settings.poll_seconds,
        testnet=TonSettings().network is TonNetwork.TESTNET,
    )
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with Nursery() as nursery:
        role = f"signer:{RAIL}"
        nursery.keep(lambda: lead(database.dsn, role=role, work=signer.run), name=role)
        await stopping.wait()
    with contextlib.suppress(OSError):
        await database.close()


def approval_key(settings: SignerSettings) -> bytes:
    """The key whose signature makes an order."""
    try:
        key = bytes.fromhex(settings.approval_public_key)
    except ValueError as error:
        raise KeystoreError("SIGNER_APPROVAL_PUBLIC_KEY is not hex") from error
    if len(key) != keystore.SEED_BYTES:
        raise KeystoreError("SIGNER_APPROVAL_PUBLIC_KEY must be 64 hex digits")
    return key


if __name__ == "__main__":
    sys.exit(main())
