"""Coins that travel with jettons: what left our account with them, and what came back. Pure.

A jetton payment needs coins on its way. They leave the account inside the payment, and what was
not used comes back: from our own jetton wallet when it refuses, from the receiver's when all went
well. None of that is a deposit or a withdrawal of coins; it is the price of moving jettons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from payments.chains.ton_jetton_facts import (
    EXCESSES,
    TRANSFER_NOTIFICATION,
    excesses_query_id,
    is_our_query,
)

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from payments.chains.base import NetworkFee
    from payments.chains.ton_facts import TonTransaction

NEWS_OF_JETTONS = frozenset({TRANSFER_NOTIFICATION, EXCESSES})
ALONG_UNITS_MAX = 10_000_000
"""Coins up to this that a payer of jettons sends along (forward_ton_amount) pay for hearing of
them. More of them are a deposit of coins: somebody may want them back."""


def came_back(transaction: TonTransaction, wallets: AbstractSet[str]) -> int:
    """Coins that a transaction of the owner of `wallets` (raw addresses) got back from them, or
    from a receiver of our payouts; 0 if it is about something else.

    A stranger can send coins that look like a receiver's: then he made us a present. Without
    jetton wallets nothing counts as come back."""
    message = transaction.incoming
    if not wallets or message is None or message.source is None or transaction.sent_back:
        return 0
    if message.source in wallets:
        told = message.opcode == TRANSFER_NOTIFICATION
        return 0 if told and message.units > ALONG_UNITS_MAX else message.units
    query_id = excesses_query_id(message)
    if message.bounced or query_id is None or not is_our_query(query_id, at=transaction.at):
        return 0
    return message.units


def came_along(transaction: TonTransaction, wallets: AbstractSet[str]) -> int:
    """Few coins that came with news of jettons which are not ours; 0 if it is about something
    else. They belong to nobody who would ask for them, and there may be many such news."""
    message = transaction.incoming
    if message is None or message.source is None or message.bounced or transaction.sent_back:
        return 0
    strange = message.source not in wallets and message.opcode in NEWS_OF_JETTONS
    return message.units if strange and message.units <= ALONG_UNITS_MAX else 0


def fee_with_carriage(transaction: TonTransaction, wallets: AbstractSet[str]) -> NetworkFee:
    """What the transaction cost its account: the network's fees and the coins that left for
    `wallets`, less those that came back or came along. Coins inside our jetton wallets count as
    spent: nobody can take them out."""
    fee = transaction.network_fee
    left = sum(message.units for message in transaction.outgoing if message.destination in wallets)
    carried = left - carried_in(transaction, wallets)
    return replace(fee, units=fee.units + carried) if carried else fee


def carried_in(transaction: TonTransaction, wallets: AbstractSet[str]) -> int:
    """Coins that a transaction brought and that are no deposit of coins."""
    return came_back(transaction, wallets) or came_along(transaction, wallets)
