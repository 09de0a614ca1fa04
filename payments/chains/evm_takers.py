"""Who used up a nonce of an account: by old states, by the token's logs, or block by block."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.chains import evm_facts as facts
from payments.chains.base import GasBurnt
from payments.chains.evm_judge import NonceTaker
from payments.chains.evm_logs import BATCH, final_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from payments.chains.evm_facts import (
        FullBlock,
        LogAnswer,
        ReceiptAnswer,
        SentTransaction,
        TokenTransfer,
    )
    from payments.json_rpc import Call, JsonRpcNode

SEARCH_BATCH = 10
SEARCH_BLOCKS_MAX = 2000
"""About seven hours of the main network."""
RANGE_BLOCKS = 1000
RANGES_MAX = 50
"""Of logs; about a week."""

log = structlog.get_logger(__name__)


async def find_taker(
    node: JsonRpcNode, account: str, nonce: int, *, token: str, free_height: int, height: int
) -> NonceTaker | None:
    """The transaction in blocks up to `height` that used up an account's nonce, which was free at
    `free_height` (-1 if that is not known); None when the node cannot show it, or when there is
    none: an authorization can use up a nonce too."""
    low, high = free_height + 1, height
    try:
        while low < high:  # the first block after which the nonce is used lies between
            middle = (low + high) // 2
            used = facts.number(await node.ask(facts.nonce(account, middle)))
            low, high = (low, middle) if used > nonce else (middle + 1, high)
    except OutsideRefused as refusal:
        # Only archives keep old states. What moved the token has left logs; the newest blocks can
        # be looked through for the rest.
        log.info("node.no_old_states", node=node.name, reason=refusal.data.get("reason"))
        if free_height >= 0:
            found = await _taker_by_logs(node, account, nonce, token, free_height + 1, height)
            if found is not None:
                return found
        low, high = max(free_height + 1, height - SEARCH_BLOCKS_MAX), height
    for top in range(high, low - 1, -SEARCH_BATCH):
        heights = range(top, max(low - 1, top - SEARCH_BATCH), -1)
        for block in await node.ask_all([facts.full_block(one) for one in heights]):
            taker = None if block is None else _taker_in(block, account, nonce)
            if taker is not None:
                return taker
    log.warning("payout.taker_not_found", node=node.name, nonce=nonce)
    return None


async def token_sends(
    node: JsonRpcNode, *, token: str, account: str, first: int, last: int
) -> list[tuple[int, NonceTaker, GasBurnt]]:
    """The transactions of `account` (lower-case, as `token`) that moved units of the token out of
    it in the final blocks `first` .. `last`, each with its nonce, in the order of the chain.

    Transfers of nothing can be made by anybody in anybody's name, and what somebody else moved by
    an allowance used none of the account's nonces: both are left out. Raises OutsideUnavailable
    for answers that do not fit together."""
    logs = await final_logs(node, partial(facts.transfers_from, account, token), first, last)
    hashes = _moving(node, logs, token=token, account=account)
    found: list[tuple[int, NonceTaker, GasBurnt]] = []
    for at in range(0, len(hashes), BATCH // 2):
        part = hashes[at : at + BATCH // 2]
        asked: list[Call[Any]] = [
            call for one in part for call in (facts.transaction(one), facts.receipt(one))
        ]
        answers = iter(await node.ask_all(asked))
        for tx_hash in part:
            sent, receipt = next(answers), next(answers)
            if sent is None or receipt is None or sent.hash != tx_hash:
                raise OutsideUnavailable(source=node.name, reason="a log of no transaction")
            height = facts.number(receipt.block_number)
            if not first <= height <= last:
                raise OutsideUnavailable(source=node.name, reason="a log of another block")
            if sent.sender.lower() == account:
                taker = as_taker(sent, height=height, block_hash=receipt.block_hash)
                full = with_receipt(node, taker, receipt, token=token, account=account)
                found.append((facts.number(sent.nonce), *full))
    return found


def with_receipt(
    node: JsonRpcNode,
    taker: NonceTaker,
    receipt: ReceiptAnswer | None,
    *,
    token: str,
    account: str,
) -> tuple[NonceTaker, GasBurnt]:
    """A taker with what its receipt says: to whom it moved units of a token out of an account, in
    the order of its logs (nothing if it was reverted), and what it burnt.

    Raises OutsideUnavailable for one of another block, or that cannot be read."""
    if receipt is None or (receipt.transaction_hash, receipt.block_hash) != (
        taker.tx_hash,
        taker.block_hash,
    ):
        raise OutsideUnavailable(source=node.name, reason="no receipt of a final block")
    sends = tuple(
        (one.recipient, one.units)
        for one in transfers_of(node, receipt, token=token)
        if one.sender == account and one.units
    )
    burnt = GasBurnt(taker.tx_hash, taker.height, facts.burnt(receipt))
    return replace(taker, sends=sends), burnt


def transfers_of(
    node: JsonRpcNode, receipt: ReceiptAnswer, *, token: str
) -> tuple[TokenTransfer, ...]:
    """A token's transfers in a transaction, in the order of its logs; none if it was reverted.
    Raises OutsideUnavailable for logs that cannot be read."""
    try:
        logs = sorted(receipt.logs, key=facts.place)
        return tuple(facts.read_transfers(logs, token=token))
    except ValueError as error:
        raise OutsideUnavailable(source=node.name, reason=str(error)) from error


async def _taker_by_logs(
    node: JsonRpcNode, account: str, nonce: int, token: str, first: int, height: int
) -> NonceTaker | None:
    for _ in range(RANGES_MAX):
        if first > height:
            break
        last = min(first + RANGE_BLOCKS - 1, height)
        for used, taker, _ in await token_sends(
            node, token=token, account=account, first=first, last=last
        ):
            if used == nonce:
                return taker
        first = last + 1
    return None


def as_taker(sent: SentTransaction, *, height: int, block_hash: str) -> NonceTaker:
    """A transaction of a final block as what used up its sender's nonce."""
    return NonceTaker(sent.hash, height, block_hash, to=(sent.to or "").lower(), payload=sent.input)


def _taker_in(block: FullBlock, account: str, nonce: int) -> NonceTaker | None:
    for one in block.transactions:
        if (one.sender.lower(), facts.number(one.nonce)) == (account, nonce):
            return as_taker(one, height=facts.number(block.number), block_hash=block.hash)
    return None


def _moving(node: JsonRpcNode, logs: Sequence[LogAnswer], *, token: str, account: str) -> list[str]:
    """The transactions that moved something out of the account, each once."""
    try:
        moved = [
            one.tx_hash
            for one in facts.read_transfers(logs, token=token)
            if one.sender == account and one.units
        ]
    except ValueError as error:
        raise OutsideUnavailable(source=node.name, reason=str(error)) from error
    return list(dict.fromkeys(moved))
