"""What jetton messages say (TEP-74): bodies that we send, bodies that we recognise. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ton_core import Cell, begin_cell

from casino.errors import OutsideUnavailable
from payments.chains.base import ChainTransfer
from payments.chains.ton_cells import (
    CellError,
    Fields,
    comment_cell,
    library_address,
    opcode,
    read_comment,
)

if TYPE_CHECKING:
    from payments.addresses import TonAddress
    from payments.chains.ton_facts import TonMessage, TonTransaction

TRANSFER = 0x0F8A7EA5
INTERNAL_TRANSFER = 0x178D4519
TRANSFER_NOTIFICATION = 0x7362D09C
EXCESSES = 0xD53276DB
AMOUNT_MAX = (1 << 120) - 1
"""What VarUInteger 16 holds."""
OUR_QUERY = 1 << 63
QUERY_AGE_MAX = timedelta(days=60)
"""Longer than any payout's life: 22 bits of seconds are 49 days."""


@dataclass(frozen=True, slots=True)
class JettonTransfer:
    """A `transfer`, an `internal_transfer` or a notification, as far as they agree."""

    query_id: int
    units: int
    owner: TonAddress | None
    """Whom the jettons go to, or come from; None if that is no plain account."""
    payload: Cell | None
    """The forward payload; None when there is none or its form is broken."""


def transfer_body(
    *,
    query_id: int,
    units: int,
    to: TonAddress,
    change_to: TonAddress,
    forward_units: int,
    memo: str,
) -> Cell:
    """The message by which an owner makes his jetton wallet pay: `units` of the jetton to the
    owner `to`, `forward_units` coins and the memo along with them, unused coins to `change_to`.
    Raises CellError for an amount that does not fit."""
    if not 0 < units <= AMOUNT_MAX:
        raise CellError("a payment needs a positive amount that fits its field")
    return (
        begin_cell()
        .store_uint(TRANSFER, 32)
        .store_uint(query_id, 64)
        .store_coins(units)
        .store_address(library_address(to))
        .store_address(library_address(change_to))
        .store_maybe_ref(None)
        .store_coins(forward_units)
        .store_maybe_ref(comment_cell(memo) if memo else None)
        .end_cell()
    )


def read_transfer(body: Cell) -> JettonTransfer | None:
    """What an owner asks his jetton wallet for; None for any other body. Raises CellError when it
    is cut short."""
    if opcode(body) != TRANSFER:
        return None
    fields = Fields(body)
    fields.skip(32)
    query_id, units, owner = fields.uint(64), fields.coins(), fields.address()
    fields.address()  # unused coins go there
    if fields.uint(1):
        fields.ref()  # custom payload
    fields.coins()  # coins for the receiver
    return JettonTransfer(query_id, units, owner, _payload(fields))


def read_internal_transfer(body: Cell) -> JettonTransfer | None:
    """What one jetton wallet tells another; None for any other body. Raises CellError when it is
    cut short; a payload of any form is no error."""
    if opcode(body) != INTERNAL_TRANSFER:
        return None
    fields = Fields(body)
    fields.skip(32)
    query_id, units, owner = fields.uint(64), fields.coins(), fields.address()
    fields.address()  # unused coins go there
    fields.coins()  # coins for the receiver
    return JettonTransfer(query_id, units, owner, _payload(fields))


def jettons_received(transaction: TonTransaction) -> ChainTransfer | None:
    """The jettons that this transaction of a genuine jetton wallet brought, if any.

    The wallet's code has judged whom it came from; it aborts on a stranger, and what bounces is
    our own coming back. Whether the owner was notified plays no part. Raises OutsideUnavailable
    for what genuine code cannot have taken: a person must look before reading goes on."""
    message = transaction.incoming
    if message is None or message.source is None or message.bounced or transaction.aborted:
        return None
    try:
        transfer = read_internal_transfer(message.body)
    except CellError as error:
        raise OutsideUnavailable(source="toncenter", reason=f"unreadable: {error!r}") from error
    if transfer is None or transfer.units <= 0:
        return None
    return ChainTransfer(
        business_key=f"{transaction.account}:{transaction.position.lt}",
        tx_hash=transaction.position.tx_hash,
        account=transaction.account,
        # Newly minted jettons come from no owner.
        sender=transfer.owner.raw if transfer.owner else message.source,
        comment=None if transfer.payload is None else read_comment(transfer.payload),
        units=transfer.units,
        block=transaction.block,
        at=transaction.at,
    )


def read_notification(message: TonMessage) -> JettonTransfer | None:
    """What somebody says to be a jetton wallet of ours that got something; None for any other
    message and for one that is cut short: strangers write it."""
    if message.opcode != TRANSFER_NOTIFICATION:
        return None
    try:
        fields = Fields(message.body)
        fields.skip(32)
        query_id, units, owner = fields.uint(64), fields.coins(), fields.address()
        return JettonTransfer(query_id, units, owner, _payload(fields))
    except CellError:
        return None


def member_query_id(*, query_id: int, created_at: int, place: int) -> int:
    """The query id of a payout's member: unique for ever, since the wallet takes the pair of
    `query_id` and `created_at` (seconds) but once. The first bit tells ours from most others'."""
    if not 0 <= created_at < 1 << 32 or not 0 <= query_id < 1 << 23 or not 0 <= place < 1 << 8:
        raise CellError("a member's query id does not fit")
    return OUR_QUERY | created_at << 31 | query_id << 8 | place


def is_our_query(query_id: int, *, at: datetime) -> bool:
    """Whether a query id that is met at `at` looks like one of our payouts'."""
    created_at = datetime.fromtimestamp((query_id >> 31) & ((1 << 32) - 1), UTC)
    return bool(query_id & OUR_QUERY) and timedelta(0) <= at - created_at <= QUERY_AGE_MAX


def excesses_query_id(message: TonMessage) -> int | None:
    """The query id of coins that a transfer did not need; None for any other message."""
    if message.opcode != EXCESSES or len(message.body.bits) < 96:
        return None
    fields = Fields(message.body)
    fields.skip(32)
    return fields.uint(64)


def _payload(fields: Fields) -> Cell | None:
    """Either the rest of the body or one reference and nothing else (TEP-74)."""
    if not fields.bits:
        return None
    if not fields.uint(1):
        return fields.rest()
    if fields.bits or fields.refs != 1:
        return None
    return fields.ref()
