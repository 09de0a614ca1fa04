"""Payouts of jettons from the highload wallet: each member a `transfer` to our jetton wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments.addresses import parse_ton
from payments.chains.ton_jetton_facts import member_query_id, transfer_body
from payments.chains.ton_wallet import Parcel, sign_parcels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from payments.addresses import TonAddress
    from payments.chains.ton_wallet import HotWallet, Payment, SignedMessage

FORWARD_UNITS = 1
"""Coins for the receiver: with none of them his account is not told that jettons came
(docs.ton.org, processing of jetton withdrawals)."""
ATTACHED_UNITS = 50_000_000
"""Coins that travel with each member; what is not used comes back to the hot wallet.

With 120 bytes of memo and a receiver without a jetton wallet, a governed jetton (stablecoin v2)
refuses less than 16,561,973 and the reference jetton less than 32,278,420: found by bisection on
the virtual machine. The contracts' own rule is check_amount_is_enough_to_transfer in gas.fc of
ton-blockchain/stablecoin-contract."""
MEMBER_UNITS_MAX = ATTACHED_UNITS + 5_000_000
"""What the hot wallet must hold in coins for each member: what is attached, and its carriage."""


def build_jetton_payout(
    wallet: HotWallet,
    jetton_wallet: TonAddress,
    payments: Sequence[Payment],
    *,
    query_id: int,
    created_at: int,
    deploy: bool,
    sign: Callable[[bytes], bytes],
    attached_units: int = ATTACHED_UNITS,
) -> SignedMessage:
    """The external message that pays `payments`, in units of the jetton that `jetton_wallet`
    holds for `wallet`; the same input gives the same bytes. A destination is the receiver's own
    account, whatever its bounceable flag; his jetton wallet is made on the way.

    Raises CellError for what `sign_parcels` refuses and for an amount that does not fit."""
    parcels = [
        Parcel(
            destination=jetton_wallet,
            units=attached_units,
            bounce=True,
            body=transfer_body(
                query_id=member_query_id(query_id=query_id, created_at=created_at, place=place),
                units=payment.units,
                to=parse_ton(payment.destination, testnet=True),
                change_to=wallet.address,
                forward_units=FORWARD_UNITS,
                memo=payment.memo,
            ),
        )
        for place, payment in enumerate(payments)
    ]
    return sign_parcels(
        wallet, parcels, query_id=query_id, created_at=created_at, deploy=deploy, sign=sign
    )
