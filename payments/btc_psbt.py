"""`python -m payments.btc_psbt PAYOUT`: a Bitcoin payout's newest version for another signer."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from casino.cashier.batches import get_payout
from casino.cashier.rails import BTC
from casino.config import DatabaseSettings
from casino.db import Database
from casino.errors import NotFound
from payments.chains.btc_addresses import NETWORKS, AccountKey
from payments.chains.btc_plan import draft_from, read_plan
from payments.chains.btc_wallet import to_psbt
from payments.config import BtcNetwork, BtcSettings
from payments.desks.btc_book import BtcBook

if TYPE_CHECKING:
    from casino.cashier.batches import Payout

MAIN_PATH = "m/84h/0h/0h"
TEST_PATH = "m/84h/1h/0h"
UNKNOWN_FINGERPRINT = bytes(4)
"""The master key's name, which only the signer knows; wallets then go by the path."""


def main() -> int:
    """Print the PSBT, or say why there is none."""
    parser = argparse.ArgumentParser(prog="payments.btc_psbt", description=__doc__)
    parser.add_argument("payout", type=int, help="id of the payout")
    number = parser.parse_args().payout
    settings = BtcSettings()
    if not settings.given:
        sys.stderr.write("payments: BTC_NETWORK and its company are not set\n")
        return 1
    account = AccountKey(settings.xpub, NETWORKS[settings.network])
    payout = asyncio.run(_read(number))
    if payout is None or payout.rail != BTC or not payout.attempts:
        sys.stderr.write(f"payments: there is no payout {number} with a plan on Bitcoin\n")
        return 1
    main_network = settings.network == BtcNetwork.MAIN
    path = MAIN_PATH if main_network else TEST_PATH
    sys.stdout.write(psbt_of(payout, account, xpub=settings.xpub, path=path) + "\n")
    return 0


def psbt_of(payout: Payout, account: AccountKey, *, xpub: str, path: str) -> str:
    """The newest planned version in base64 (BIP174); it pays what the withdrawals say. Raises
    PlanError, AddressInvalid."""
    book = BtcBook(payout.rail, "", account)
    plan = read_plan(payout.attempts[-1].plan)
    draft = draft_from(plan, book.targets(payout), script_of=book.script_of)
    return to_psbt(draft, xpub, fingerprint=UNKNOWN_FINGERPRINT, path=path)


async def _read(number: int) -> Payout | None:
    database = Database(DatabaseSettings().url, connections_max=1)
    try:
        async with database.transaction() as session:
            return await get_payout(session, payout_id=number)
    except NotFound:
        return None
    finally:
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
