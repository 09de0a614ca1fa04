"""`python -m payments.signer keys ... | address | role | run`: keys, wallets, rights, signing."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
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
from payments.config import SignerSettings, TonNetwork, TonSettings
from payments.signer import database_role, keys_command
from payments.signer.checks import Limits
from payments.signer.errors import KeystoreError
from payments.signer.key_source import hot_wallet, open_keys
from payments.signer.keys_view import ton_addresses
from payments.signer.roots import RootKind
from payments.signer.service import Signer
from payments.signer.ton_pen import TonPen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.signer.keyring import Keyring
    from payments.signer.signing_keys import TonKey

RAIL = "ton"
CONNECTIONS_MAX = 2
APPROVAL_KEY_BYTES = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do what it says; problems end with a sentence, not a trace."""
    parser = argparse.ArgumentParser(prog="payments.signer", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    keys_command.add_to(commands.add_parser("keys", help="make, show, rotate and prove the keys"))
    address = commands.add_parser("address", help="register the wallet on TON with the cashier")
    address.add_argument(
        "--replace", action="store_true", help="register the address even over another one"
    )
    commands.add_parser("run", help="sign; also what happens without a command")
    role = commands.add_parser("role", help="print the SQL of the signer's own database role")
    role.add_argument("name", help="what the role is called, such as fairhouse_signer")
    given = parser.parse_args(arguments)
    settings = SignerSettings()
    try:
        if given.command == "keys":
            return keys_command.run(given, settings)
        if given.command == "role":
            sys.stdout.write("".join(f"{line};\n" for line in database_role.statements(given.name)))
        elif given.command == "address":
            asyncio.run(register(open_keys(settings).ton(), replace=given.replace))
        else:
            asyncio.run(run(settings))
    except KeystoreError as error:
        sys.stderr.write(f"signer: {error}\n")
        return 1
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\nsigner: stopped; `keys show` tells what there is\n")
        return 130
    return 0


async def register(key: TonKey, *, replace: bool) -> None:
    """Print the public parts and tell the cashier where the hot wallet is. Another registered
    address is replaced only on demand: coins may be waiting there."""
    found = ton_addresses(key.public_key)
    text = found["address"]
    sys.stdout.write(f"public key {key.public_key.hex()}\naddress    {text}\n")
    if "address_testnet" in found:
        sys.stdout.write(f"on testnet {found['address_testnet']}\n")
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
    keys = open_keys(settings)
    wallets = [ton_wallet(keys, generation) for generation in ton_generations(keys)]
    wallet, key = wallets.pop()
    url = settings.database_url.get_secret_value() or DatabaseSettings().url
    database = Database(url, connections_max=CONNECTIONS_MAX)
    await require_fit(database, real_money=MoneySettings().real_money)
    pen = TonPen(
        rail=RAIL,
        key=key,
        wallet=wallet,
        older=tuple(wallets),
        limits=Limits(
            order_units_max=settings.ton_order_units_max,
            hour_units_max=settings.ton_hour_units_max,
            day_units_max=settings.ton_day_units_max,
            two_people_above_units=settings.ton_two_people_above_units,
        ),
        approval_key=approval_key(settings),
        testnet=TonSettings().network is TonNetwork.TESTNET,
    )
    signer = Signer(database=database, pen=pen, poll_seconds=settings.poll_seconds)
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with Nursery() as nursery:
        role = f"signer:{RAIL}"
        nursery.keep(lambda: lead(database.dsn, role=role, work=signer.run), name=role)
        await stopping.wait()
    with contextlib.suppress(OSError):
        await database.close()


def ton_generations(keys: Keyring) -> range:
    """The generations of the key on TON, the one in use last. Raises KeyAbsent for none."""
    keys.ton()
    return range(1, keys.newest(RootKind.TON) + 1)


def ton_wallet(keys: Keyring, generation: int) -> tuple[HotWallet, TonKey]:
    """The hot wallet of a generation, and its key."""
    key = keys.ton(generation)
    return hot_wallet(key.public_key), key


def approval_key(settings: SignerSettings) -> bytes:
    """The key whose signature makes an order."""
    try:
        key = bytes.fromhex(settings.approval_public_key)
    except ValueError as error:
        raise KeystoreError("SIGNER_APPROVAL_PUBLIC_KEY is not hex") from error
    if len(key) != APPROVAL_KEY_BYTES:
        raise KeystoreError("SIGNER_APPROVAL_PUBLIC_KEY must be 64 hex digits")
    return key


if __name__ == "__main__":
    sys.exit(main())
