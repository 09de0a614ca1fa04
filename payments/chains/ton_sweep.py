"""Emptying a deposit address on TON: the bytes that its wallet obeys. Pure.

A wallet that has sent everything away is destroyed with the message, so that it owes no rent, and
counts from zero when it is used again. The same bytes could then be obeyed once more while they
last: they can only pay ourselves, and they do not last long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ton_core import ExternalMessage, InternalMessage, begin_cell

from payments.chains.ton_cells import library_address, normalised_hash, write_boc
from payments.chains.ton_jetton_facts import (
    member_query_id,
    transfer_body,
)
from payments.chains.ton_jetton_payout import ATTACHED_UNITS
from payments.chains.ton_wallet import SignedMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.addresses import TonAddress
    from payments.chains.ton_deposit_wallets import DepositWallet

    Sign = Callable[[bytes], bytes]

ALL_AND_DESTROY = 128 + 32
PAY_FEES_SEPARATELY = 1
SWEEP_PLACE = 255
"""The place in query ids that no member of a batch has."""
SEND = 0


def build_sweep(
    wallet: DepositWallet, to: TonAddress, *, seqno: int, valid_until: int, sign: Sign
) -> SignedMessage:
    """The external message by which a deposit wallet sends all its coins to `to` and is gone."""
    message = InternalMessage(dest=library_address(to), value=0, bounce=False)
    return _external(
        wallet, message, ALL_AND_DESTROY, seqno=seqno, valid_until=valid_until, sign=sign
    )


def build_jetton_sweep(
    wallet: DepositWallet,
    jetton_wallet: TonAddress,
    to: TonAddress,
    *,
    units: int,
    created_at: int,
    seqno: int,
    valid_until: int,
    sign: Sign,
) -> SignedMessage:
    """The external message by which a deposit wallet has `units` of its jettons sent to the owner
    `to`; coins that are not needed go there too, others stay. Raises CellError for an amount or a
    number that does not fit."""
    message = InternalMessage(
        dest=library_address(jetton_wallet),
        value=ATTACHED_UNITS,
        bounce=True,
        body=transfer_body(
            query_id=member_query_id(
                query_id=seqno % (1 << 23), created_at=created_at, place=SWEEP_PLACE
            ),
            units=units,
            to=to,
            change_to=to,
            forward_units=0,
            memo="",
        ),
    )
    return _external(
        wallet, message, PAY_FEES_SEPARATELY, seqno=seqno, valid_until=valid_until, sign=sign
    )


def _external(
    wallet: DepositWallet,
    message: InternalMessage,
    mode: int,
    *,
    seqno: int,
    valid_until: int,
    sign: Sign,
) -> SignedMessage:
    """A v4r2 wallet's order: wallet-v4-code.fc of ton-blockchain/wallet-contract."""
    order = (
        begin_cell()
        .store_uint(wallet.subwallet_id, 32)
        .store_uint(valid_until, 32)
        .store_uint(seqno, 32)
        .store_uint(SEND, 8)
        .store_uint(mode, 8)
        .store_ref(message.serialize())
        .end_cell()
    )
    body = begin_cell().store_bytes(sign(bytes(order.hash))).store_cell(order).end_cell()
    external = ExternalMessage(
        dest=library_address(wallet.address), state_init=wallet.state_init(), body=body
    )
    return SignedMessage(write_boc(external.serialize()), normalised_hash(wallet.address, body))
