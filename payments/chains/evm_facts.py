"""What EVM nodes answer, read strictly: blocks, logs of tokens, receipts, numbers in hex."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from eth_hash.auto import keccak

from casino.errors import OutsideUnavailable
from payments.chains.blocks import Header
from payments.json_rpc import Call

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from payments.chains.evm_wallet import Transaction
    from payments.json_rpc import JsonRpcNode

TRANSFER_TOPIC = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
BALANCE_OF_SELECTOR = "0x" + keccak(b"balanceOf(address)")[:4].hex()
ZERO_PADDING = "0x" + "0" * 24

Quantity = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{1,64}\Z")]
Height = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{1,16}\Z")]
Seconds = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{1,9}\Z")]
Word = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-f]{64}\Z")]
Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]
Bytes = Annotated[str, msgspec.Meta(pattern=r"^0x([0-9a-fA-F]{2})*\Z")]


class BlockAnswer(msgspec.Struct, rename="camel"):
    """A block without its transactions."""

    number: Height
    hash: Word
    parent_hash: Word
    timestamp: Seconds
    requests_hash: Word | None = None
    """There since Prague (EIP-7685), and with it EIP-7702."""


class SentTransaction(msgspec.Struct, rename="camel"):
    """A transaction as a full block lists it."""

    hash: Word
    nonce: Quantity
    sender: Address = msgspec.field(name="from")
    to: Address | None = None
    input: Bytes = "0x"


@dataclass(frozen=True, slots=True)
class BlockHash:
    """A block that only its hash is known of."""

    hash: str


class FullBlock(msgspec.Struct, rename="camel"):
    """A block with its transactions."""

    number: Height
    hash: Word
    transactions: list[SentTransaction]


class LogAnswer(msgspec.Struct, rename="camel"):
    """An event that a contract wrote."""

    address: Address
    topics: list[Word]
    data: str
    block_hash: Word
    transaction_hash: Word
    log_index: Height
    removed: bool = False


class LooseLog(msgspec.Struct, rename="camel"):
    """An event as a block's many logs are read first: which of them concern us is told by texts
    that are compared, and only those are read strictly, as a LogAnswer."""

    address: str
    topics: list[str]
    data: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


class ReceiptAnswer(msgspec.Struct, rename="camel"):
    """What a mined transaction did."""

    transaction_hash: Word
    block_hash: Word
    block_number: Height
    status: Quantity
    gas_used: Quantity
    effective_gas_price: Quantity
    sender: Address = msgspec.field(name="from")
    logs: list[LogAnswer] = msgspec.field(default_factory=list)


class FeeHistory(msgspec.Struct, rename="camel"):
    """What recent blocks cost; the last base fee is the next block's."""

    base_fee_per_gas: list[Quantity]
    reward: list[list[Quantity]] = msgspec.field(default_factory=list)


BLOCK: msgspec.json.Decoder[BlockAnswer | None] = msgspec.json.Decoder(BlockAnswer | None)
FULL_BLOCK: msgspec.json.Decoder[FullBlock | None] = msgspec.json.Decoder(FullBlock | None)
LOGS: msgspec.json.Decoder[list[LogAnswer]] = msgspec.json.Decoder(list[LogAnswer])
MANY_LOGS: msgspec.json.Decoder[list[LooseLog]] = msgspec.json.Decoder(list[LooseLog])
RECEIPT: msgspec.json.Decoder[ReceiptAnswer | None] = msgspec.json.Decoder(ReceiptAnswer | None)
FEES: msgspec.json.Decoder[FeeHistory] = msgspec.json.Decoder(FeeHistory)
QUANTITY: msgspec.json.Decoder[str] = msgspec.json.Decoder(Quantity)
WORD: msgspec.json.Decoder[str] = msgspec.json.Decoder(Word)
BYTES: msgspec.json.Decoder[str] = msgspec.json.Decoder(Bytes)
TRANSACTION: msgspec.json.Decoder[SentTransaction | None]
TRANSACTION = msgspec.json.Decoder(SentTransaction | None)


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """One Transfer event of a token, with lower-case addresses."""

    tx_hash: str
    block_hash: str
    sender: str
    recipient: str
    units: int
    ordinal: int
    """Its place among the transfers of this token to this recipient inside its transaction, from
    0. Unlike the log's index, which counts through a block, it stays when the transaction is mined
    again elsewhere."""


def block_by_number(number: int | str) -> Call[BlockAnswer | None]:
    """Ask for a block by height or by tag."""
    return Call("eth_getBlockByNumber", (_at(number), False), BLOCK)


def block_by_hash(block_hash: str) -> Call[BlockAnswer | None]:
    """Ask for a block by its hash."""
    return Call("eth_getBlockByHash", (block_hash, False), BLOCK)


def full_block(number: int) -> Call[FullBlock | None]:
    """Ask for a block with its transactions."""
    return Call("eth_getBlockByNumber", (hex(number), True), FULL_BLOCK)


def transfers_in_block(token: str, block_hash: str) -> Call[list[LooseLog]]:
    """Ask for a token's transfers in one block; a node that lacks it must say so."""
    return _logs(token, {"blockHash": block_hash})


def transfers_between(token: str, first: int, last: int) -> Call[list[LooseLog]]:
    """Ask for a token's transfers in a range of blocks."""
    return _logs(token, {"fromBlock": hex(first), "toBlock": hex(last)})


def transfers_to(recipients: Sequence[str], first: int, last: int) -> Call[list[LogAnswer]]:
    """Ask for any contract's transfers to these accounts in a range of blocks."""
    padded = [ZERO_PADDING + one[2:] for one in recipients]
    wanted = {
        "topics": [TRANSFER_TOPIC, None, padded],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    return Call("eth_getLogs", (wanted,), LOGS)


def transfers_from(account: str, token: str, first: int, last: int) -> Call[list[LogAnswer]]:
    """Ask for a token's transfers out of an account in a range of blocks."""
    wanted = {
        "address": token,
        "topics": [TRANSFER_TOPIC, ZERO_PADDING + account[2:]],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    return Call("eth_getLogs", (wanted,), LOGS)


def transaction(tx_hash: str) -> Call[SentTransaction | None]:
    """Ask who sent a transaction, under which nonce, and what it calls."""
    return Call("eth_getTransactionByHash", (tx_hash,), TRANSACTION)


def receipt(tx_hash: str) -> Call[ReceiptAnswer | None]:
    """Ask what a transaction did."""
    return Call("eth_getTransactionReceipt", (tx_hash,), RECEIPT)


def nonce(account: str, at: str | int | BlockAnswer | BlockHash) -> Call[str]:
    """Ask for an account's nonce as of a tag, a height, or exactly this block."""
    return Call("eth_getTransactionCount", (account, _at(at)), QUANTITY)


def coins(account: str, at: str | BlockAnswer | BlockHash) -> Call[str]:
    """Ask for an account's wei."""
    return Call("eth_getBalance", (account, _at(at)), QUANTITY)


def tokens(account: str, token: str, at: str | BlockAnswer | BlockHash) -> Call[str]:
    """Ask for an account's units of a token."""
    call = {"to": token, "data": BALANCE_OF_SELECTOR + account[2:].rjust(64, "0")}
    return Call("eth_call", (call, _at(at)), WORD)


def code(account: str, at: str | BlockAnswer) -> Call[str]:
    """Ask for an account's code; `0x` is none."""
    return Call("eth_getCode", (account, _at(at)), BYTES)


def as_call(transaction: Transaction, *, sender: str) -> dict[str, object]:
    """A transaction as nodes take it for a trial."""
    call: dict[str, object] = {
        "from": sender,
        "to": transaction.to.raw,
        "value": hex(transaction.value),
        "data": "0x" + transaction.payload.hex(),
    }
    if transaction.authorizations:
        call["authorizationList"] = [
            {
                "chainId": hex(one.chain_id),
                "address": one.delegate.raw,
                "nonce": hex(one.nonce),
                "yParity": hex(one.parity),
                "r": hex(one.r),
                "s": hex(one.s),
            }
            for one in transaction.authorizations
        ]
    return call


def header(block: BlockAnswer) -> Header:
    """A block as a link of the chain."""
    at = datetime.fromtimestamp(number(block.timestamp), UTC)
    return Header(number(block.number), block.hash, block.parent_hash, at)


def require_block(node: JsonRpcNode, block: BlockAnswer | None) -> BlockAnswer:
    """The block, or OutsideUnavailable when the node does not know it."""
    if block is None:
        raise OutsideUnavailable(source=node.name, reason="it does not know the block")
    return block


def burnt(receipt: ReceiptAnswer) -> int:
    """What a transaction cost its sender besides the value that it moved, in wei."""
    return number(receipt.gas_used) * number(receipt.effective_gas_price)


def place(entry: LogAnswer | LooseLog) -> int:
    """Where a log stands in its block. Raises ValueError."""
    return number(entry.log_index)


def number(quantity: str) -> int:
    """The integer of a hex quantity."""
    return int(quantity, 16)


def read_transfers(
    logs: Iterable[LogAnswer | LooseLog], *, token: str, recipients: Container[str] | None = None
) -> Iterator[TokenTransfer]:
    """The transfers of `token` (lower-case), to these recipients or to anybody, among logs that
    are in the order of the chain.

    Other contracts' logs and other events are passed over; ValueError for a log that says it is
    a transfer of the token and is not, or that a node has taken back."""
    ordinals: dict[tuple[str, str], int] = {}
    for log in logs:
        if log.address.lower() != token or not log.topics or log.topics[0] != TRANSFER_TOPIC:
            continue
        if log.removed:
            raise ValueError("a log that was taken back")
        if len(log.topics) != 3 or len(log.data) != 66:
            raise ValueError("not the shape of a transfer")
        recipient = account_of(log.topics[2])
        if recipients is not None and recipient not in recipients:
            continue
        strict = _strictly(log)
        key = (strict.transaction_hash, recipient)
        ordinal = ordinals[key] = ordinals.get(key, -1) + 1
        yield TokenTransfer(
            tx_hash=strict.transaction_hash,
            block_hash=strict.block_hash,
            sender=account_of(strict.topics[1]),
            recipient=recipient,
            units=int(strict.data, 16),
            ordinal=ordinal,
        )


def account_of(topic: str) -> str:
    """The account in a log's topic. Raises ValueError for a topic that holds none."""
    if not topic.startswith(ZERO_PADDING):
        raise ValueError("not an account")
    return "0x" + topic[len(ZERO_PADDING) :]


def _strictly(log: LogAnswer | LooseLog) -> LogAnswer:
    if isinstance(log, LogAnswer):
        return log
    try:
        return msgspec.convert(log, LogAnswer, from_attributes=True)
    except msgspec.ValidationError as error:
        raise ValueError(f"malformed log: {error}") from error


def _logs(token: str, where: dict[str, str]) -> Call[list[LooseLog]]:
    wanted = {"address": token, "topics": [TRANSFER_TOPIC], **where}
    return Call("eth_getLogs", (wanted,), MANY_LOGS)


def _by_hash(block_hash: str) -> object:
    # EIP-1898: a node on another branch must say that it does not have it.
    return {"blockHash": block_hash, "requireCanonical": True}


def _at(place: str | int | BlockAnswer | BlockHash) -> object:
    match place:
        case BlockAnswer():
            return _by_hash(place.hash)
        case BlockHash():
            return _by_hash(place.hash)
        case int():
            return hex(place)
        case str():
            return place
