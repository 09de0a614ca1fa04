"""What a TON transaction says, read from the index's JSON; nothing is assumed that is not there."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace
from ton_core import Cell

from casino.errors import AddressInvalid, OutsideUnavailable
from casino.money import Asset
from payments.addresses import parse_ton
from payments.chains.base import ChainTransfer, NetworkFee, Position
from payments.chains.ton_bodies import PlainBody, comment_of, opcode_of, read_body
from payments.chains.ton_cells import FUEL_OPCODE, CellError, normalised_hash

HASH_BYTES = 32
ACCOUNTS_KEPT = 4096


class TonMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that came in or went out."""

    message_hash: str
    source: str | None
    destination: str | None
    units: int
    forward_fee_units: int
    bounce: bool
    bounced: bool
    opcode: int | None
    """What it asks for; None where it says too little."""
    content: Cell | PlainBody

    @property
    def body(self) -> Cell:
        """What it says, as a cell."""
        return self.content.cell() if isinstance(self.content, PlainBody) else self.content

    @property
    def comment(self) -> str | None:
        """What it says, where that is text."""
        return comment_of(self.content)


class TonTransaction(msgspec.Struct, frozen=True, gc=False):
    """One transaction of one account, in a block."""

    account: str
    position: Position
    previous: Position
    block: int
    at: datetime
    aborted: bool
    ended: bool
    """The account was gone after it; what comes later begins a new history there."""
    without_code: bool
    """The account had no code to run, so that nothing could be refused."""
    fee_units: int
    incoming: TonMessage | None
    outgoing: tuple[TonMessage, ...]

    @property
    def sent_back(self) -> bool:
        """Whether it refused somebody else's money; then nothing of it stayed."""
        source = self.incoming.source if self.incoming else None
        return source is not None and source != self.account and bool(self.outgoing)

    @property
    def network_fee(self) -> NetworkFee:
        """What the account paid: fees of this transaction and carriage of what it sent. Money sent
        back pays its own way, so that only what it did not cover is ours."""
        units = self.fee_units + sum(message.forward_fee_units for message in self.outgoing)
        if self.sent_back and self.incoming is not None:
            units += sum(message.units for message in self.outgoing) - self.incoming.units
        reference = f"{self.account}:{self.position.lt}"
        return NetworkFee(reference, Asset.TON, max(0, units), self.at)


def read_transaction(record: Mapping[str, Any]) -> TonTransaction:
    """A transaction from the index. Raises OutsideUnavailable when the record is not whole: the
    caller must not go on as if the transaction did not exist."""
    try:
        return _transaction(record)
    except (KeyError, TypeError, ValueError, AttributeError, AddressInvalid) as error:
        raise OutsideUnavailable(source="toncenter", reason=f"unreadable: {error!r}") from error


def received(transaction: TonTransaction) -> ChainTransfer | None:
    """The coins that this transaction brought from someone else and that stayed, if any.

    Whatever sent something out in answer did not keep it: that is a bounce. A transaction that
    failed without sending the money back keeps it, but its comment is not trusted, so that a
    person decides; the exception is an account that has no code yet and could not refuse."""
    message = transaction.incoming
    if message is None or message.source is None or message.bounced or transaction.sent_back:
        return None
    if message.source == transaction.account or message.units <= 0:
        return None
    stayed_for_sure = not transaction.aborted or transaction.without_code
    return ChainTransfer(
        business_key=f"{transaction.account}:{transaction.position.lt}",
        tx_hash=transaction.position.tx_hash,
        account=transaction.account,
        sender=message.source,
        comment=message.comment if stayed_for_sure else None,
        units=message.units,
        block=transaction.block,
        at=transaction.at,
        fuel=message.opcode == FUEL_OPCODE,
    )


def _transaction(record: Mapping[str, Any]) -> TonTransaction:
    description = record["description"]
    compute = description["compute_ph"]
    if record.get("emulated"):
        raise ValueError("emulated, not final")
    return TonTransaction(
        account=_account(record["account"]),
        position=Position(int(record["lt"]), _hash(record["hash"])),
        previous=_previous(record),
        block=int(record["mc_block_seqno"]),
        at=datetime.fromtimestamp(int(record["now"]), UTC),
        aborted=_flag(description["aborted"]),
        ended=description.get("destroyed") is True,
        without_code=_flag(compute["skipped"]) and compute.get("reason") == "no_state",
        fee_units=int(record["total_fees"]),
        incoming=None if record["in_msg"] is None else _message(record["in_msg"]),
        outgoing=tuple(_message(message) for message in record["out_msgs"]),
    )


def _previous(record: Mapping[str, Any]) -> Position:
    lt = int(record["prev_trans_lt"])
    return Position(lt, _hash(record["prev_trans_hash"])) if lt else Position()


def _message(record: Mapping[str, Any]) -> TonMessage:
    content = read_body(record["message_content"]["body"])
    source, destination = record["source"], record["destination"]
    internal = record["value"] is not None
    message = TonMessage(
        message_hash=_hash(record["hash"]),
        source=None if source is None else _account(source),
        destination=None if destination is None else _account(destination),
        units=int(record["value"]) if internal else 0,
        forward_fee_units=int(record["fwd_fee"]) if internal else 0,
        bounce=internal and _flag(record["bounce"]),
        bounced=internal and _flag(record["bounced"]),
        opcode=opcode_of(content),
        content=content,
    )
    if source is None and destination is not None:
        found_by = normalised_hash(parse_ton(destination), message.body)
        return replace(message, message_hash=found_by)
    return message


@lru_cache(maxsize=ACCOUNTS_KEPT)
def _account(text: str) -> str:
    """The form that programs compare; the same accounts come again and again."""
    return parse_ton(text).raw


def _flag(flag: object) -> bool:
    if not isinstance(flag, bool):
        raise TypeError("neither true nor false")
    return flag


def _hash(text: str) -> str:
    try:
        packed = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise CellError("not a hash") from error
    if len(packed) != HASH_BYTES:
        raise CellError("not a hash")
    return packed.hex()
