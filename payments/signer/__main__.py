"""`python -m payments.signer keys ... | address | role | run`: keys, wallets, rights, signing."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import signal
import sys
from typing import TYPE_CHECKING

from casino.cashier.rails import USDT_ETH, USDT_TON, get_rail, set_hot_wallet
from casino.clock import utc_now
from casino.config import DatabaseSettings, MoneySettings, TelemetrySettings
from casino.db import Database
from casino.election import lead
from casino.nursery import Nursery
from casino.real_money import require_fit
from casino.telemetry import configure_logs, serve_metrics
from payments.config import EvmTokenSettings, SignerSettings
from payments.signer import database_role, keys_command
from payments.signer.errors import KeystoreError
from payments.signer.key_source import open_keys
from payments.signer.keys_view import ton_addresses
from payments.signer.pens import TON, build_pens
from payments.signer.roots import RootKind
from payments.signer.service import Signer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.signer.keyring import Keyring

RAILS = (TON, USDT_TON)
"""Rails whose coins the wallet on TON holds."""
CONNECTIONS_MAX = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do what it says; problems end with a sentence, not a trace."""
    parser = argparse.ArgumentParser(prog="payments.signer", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    keys_command.add_to(commands.add_parser("keys", help="make, show, rotate and prove the keys"))
    address = commands.add_parser("address", help="register the hot wallets with the cashier")
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
            asyncio.run(register(open_keys(settings), replace=given.replace))
        else:
            asyncio.run(run(settings))
    except KeystoreError as error:
        sys.stderr.write(f"signer: {error}\n")
        return 1
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\nsigner: stopped; `keys show` tells what there is\n")
        return 130
    return 0


async def register(keys: Keyring, *, replace: bool) -> None:
    """Print the public parts and tell the cashier where the hot wallets are, of every rail that
    there are keys for. Another registered address is replaced only on demand: coins may be waiting
    there."""
    found = hot_wallets(keys)
    database = Database(DatabaseSettings().url, connections_max=CONNECTIONS_MAX)
    try:
        async with database.transaction() as session:
            for rail, address in found.items():
                before = (await get_rail(session, rail)).address
                if before not in (None, address) and not replace:
                    raise KeystoreError(
                        f"rail {rail} has the address {before}; --replace changes it"
                    )
                await set_hot_wallet(session, rail=rail, address=address, now=utc_now())
    finally:
        await database.close()


def hot_wallets(keys: Keyring) -> dict[str, str]:
    """The hot wallet of each rail that there are keys and settings for, printed with what else
    may be known of it. Raises KeystoreError when there is none."""
    found: dict[str, str] = {}
    if keys.newest(RootKind.TON):
        key = keys.ton().public_key
        told = ton_addresses(key)
        found |= dict.fromkeys(RAILS, told["address"])
        sys.stdout.write(f"public key {key.hex()}\naddress    {found[TON]}\n")
        if "address_testnet" in told:
            sys.stdout.write(f"on testnet {told['address_testnet']}\n")
    if keys.newest(RootKind.BTC_ETH) and EvmTokenSettings().given:
        found[USDT_ETH] = keys.evm_hot().address.checksummed
        sys.stdout.write(f"{USDT_ETH}   {found[USDT_ETH]}\n")
    if not found:
        raise KeystoreError("there is no key for any rail that is set up")
    return found


async def run(settings: SignerSettings) -> None:
    """Sign until asked to stop. Being cancelled is safe at any point: what is not committed was
    not signed as far as anybody can know."""
    telemetry = TelemetrySettings()
    configure_logs(json_lines=telemetry.json_logs)
    serve_metrics(telemetry.metrics_port)
    keys = open_keys(settings)
    url = settings.database_url.get_secret_value() or DatabaseSettings().url
    database = Database(url, connections_max=CONNECTIONS_MAX)
    await require_fit(database, real_money=MoneySettings().real_money)
    pens = build_pens(keys, settings)
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with Nursery() as nursery:
        for pen in pens:
            role = f"signer:{pen.rail}"
            work = Signer(database=database, pen=pen, poll_seconds=settings.poll_seconds).run
            nursery.keep(functools.partial(lead, database.dsn, role=role, work=work), name=role)
        await stopping.wait()
    with contextlib.suppress(OSError):
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
