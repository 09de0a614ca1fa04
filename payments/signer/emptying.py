"""Moving all coins out of a wallet on TON by hand: signed bytes that any node takes."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from casino.errors import AddressInvalid
from payments.addresses import require_payable
from payments.chains.ton_cells import CellError
from payments.chains.ton_wallet import (
    QUERY_ID_BITS_MAX,
    QUERY_IDS,
    Payment,
    build_payout,
)
from payments.config import TonNetwork, TonSettings
from payments.signer.errors import KeystoreError
from payments.signer.key_source import hot_wallet

if TYPE_CHECKING:
    from payments.signer.keyring import Keyring

CLOCK_SLACK = timedelta(seconds=30)


def order(keys: Keyring, *, generation: int, to: str, units: int, now: datetime) -> str:
    """A payment of `units` nanotons to `to` from the wallet of a generation, signed, as text with
    its bytes in base64. It is in nobody's book: the drift alert will show it.

    Raises KeyAbsent for an unknown generation, KeystoreError for a bad address or amount."""
    key = keys.ton(generation)
    wallet = hot_wallet(key.public_key)
    testnet = TonSettings().network is TonNetwork.TESTNET
    created_at = now - CLOCK_SLACK
    try:
        address = require_payable(to, own=frozenset({wallet.address.raw}), testnet=testnet)
        message = build_payout(
            wallet,
            [Payment(address, units, "")],
            query_id=_query_id(),
            created_at=int(created_at.timestamp()),
            deploy=True,
            sign=key.sign,
        )
    except AddressInvalid as error:
        raise KeystoreError(
            f"--to is not an address to pay to ({error.data.get('reason')}); look at it again"
        ) from error
    except (CellError, OverflowError) as error:
        raise KeystoreError(
            "--units is not an amount to pay; give whole nanotons: 1000000000 are one TON"
        ) from error
    until = created_at + timedelta(seconds=wallet.timeout_seconds)
    return (
        f"from     {wallet.address.friendly()}\nto       {address}\nnanotons {units}\n"
        f"hash     {message.message_hash}\n"
        f"until    {until:%Y-%m-%d %H:%M:%S} UTC a node takes it, for example posted as\n"
        '         {"boc": "..."} to /api/v2/sendBoc of toncenter:\n'
        f"{base64.b64encode(message.boc).decode()}\n"
    )


def _query_id() -> int:
    """A number of its own at random: two of them meet less than once in a million times."""
    return secrets.randbelow(QUERY_IDS // 1024) * 1024 + secrets.randbelow(QUERY_ID_BITS_MAX + 1)
