"""What made an account of ours pay: messages from outside, and whom they pay. Pure."""

from __future__ import annotations

from payments.chains.base import Carrier, Sent
from payments.chains.ton_cells import CellError
from payments.chains.ton_facts import TonTransaction
from payments.chains.ton_jetton_facts import read_transfer
from payments.chains.ton_wallet import parcels_of, query_id_of


def carrier(transaction: TonTransaction) -> Carrier | None:
    """The message from outside that this transaction obeyed, if any. Whatever leaves a wallet of
    ours is caused by one: the wallet's code takes orders from nobody else."""
    message = transaction.incoming
    if message is None or message.source is not None or transaction.aborted:
        return None
    try:
        number = query_id_of(message.body)
    except CellError:
        number = None
    return Carrier(
        message_hash=message.message_hash,
        tx_hash=transaction.position.tx_hash,
        at=transaction.at,
        sends=_sends(transaction),
        number=number,
    )


def _sends(transaction: TonTransaction) -> tuple[Sent, ...]:
    message = transaction.incoming
    try:
        parcels = parcels_of(message.body) if message is not None else ()
    except CellError:
        # Another wallet's form: what it sent stands in the transaction itself.
        return tuple(Sent(sent.destination or "", sent.units) for sent in transaction.outgoing)
    told = []
    for parcel in parcels:
        try:
            asked = read_transfer(parcel.body)
        except CellError:
            asked = None
        owner = asked.owner if asked is not None else None
        if asked is None or owner is None:
            told.append(Sent(parcel.destination.raw, parcel.units))
        else:
            told.append(Sent(owner.raw, asked.units, through=parcel.destination.raw))
    return tuple(told)
