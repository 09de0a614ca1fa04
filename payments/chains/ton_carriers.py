"""What made an account of ours pay: messages from outside, and whom they pay. Pure."""

from __future__ import annotations

from payments.chains.base import Carrier
from payments.chains.ton_cells import CellError
from payments.chains.ton_facts import TonTransaction
from payments.chains.ton_jetton_facts import read_transfer
from payments.chains.ton_wallet import parcels_of, query_id_of

SENDS_TOLD = 200


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


def _sends(transaction: TonTransaction) -> tuple[tuple[str, int], ...]:
    message = transaction.incoming
    try:
        parcels = parcels_of(message.body) if message is not None else ()
    except CellError:
        # Another wallet's form: what it sent stands in the transaction itself.
        return tuple((sent.destination or "", sent.units) for sent in transaction.outgoing)
    told = []
    for parcel in parcels[:SENDS_TOLD]:
        try:
            asked = read_transfer(parcel.body)
        except CellError:
            asked = None
        owner = asked.owner if asked is not None else None
        told.append(((owner or parcel.destination).raw, asked.units if asked else parcel.units))
    return tuple(told)
