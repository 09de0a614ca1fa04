"""Gathers what one node knows of a payout's nonce as of its newest final block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.chains import evm_facts as facts
from payments.chains.evm_judge import FinalFacts, FinalReceipt, NonceTaker

if TYPE_CHECKING:
    from payments.chains.evm_facts import FullBlock, ReceiptAnswer, TokenTransfer
    from payments.chains.evm_judge import EvmPayout
    from payments.json_rpc import Call, JsonRpcNode

SEARCH_BATCH = 10
SEARCH_BLOCKS_MAX = 2000
"""About seven hours of the main network."""

log = structlog.get_logger(__name__)


async def final_facts(node: JsonRpcNode, payout: EvmPayout) -> FinalFacts:
    """What to judge the payout by; raises OutsideUnavailable when the node cannot tell."""
    final = facts.require_block(node, await node.ask(facts.block_by_number("finalized")))
    height = facts.number(final.number)
    asked: list[Call[Any]] = [facts.nonce(payout.account, final)]
    asked += [facts.receipt(one.tx_hash) for one in payout.attempts]
    used, *found = await node.ask_all(asked)
    nonce = facts.number(used)
    mined: list[ReceiptAnswer] = [one for one in found if one is not None]
    receipts = []
    for receipt in mined:
        at = facts.number(receipt.block_number)
        if at > height:
            continue
        block = facts.require_block(node, await node.ask(facts.block_by_number(at)))
        if block.hash == receipt.block_hash:
            receipts.append(_final_receipt(node, receipt, token=payout.token))
    taker = None
    if nonce > payout.nonce and not mined:
        taker = await find_taker(
            node, payout.account, payout.nonce, free_height=payout.free_height, height=height
        )
    return FinalFacts(height, final.hash, nonce, tuple(receipts), taker)


def moved_out(
    node: JsonRpcNode, receipt: ReceiptAnswer, *, token: str, account: str
) -> tuple[tuple[str, int], ...]:
    """To whom a transaction moved units of a token out of an account, in the order of its logs;
    nothing if it was reverted. Raises OutsideUnavailable for logs that cannot be read."""
    return tuple(
        (one.recipient, one.units)
        for one in _transfers(node, receipt, token=token)
        if one.sender == account and one.units
    )


def _transfers(
    node: JsonRpcNode, receipt: ReceiptAnswer, *, token: str
) -> tuple[TokenTransfer, ...]:
    try:
        logs = sorted(receipt.logs, key=facts.place)
        return tuple(facts.read_transfers(logs, token=token))
    except ValueError as error:
        raise OutsideUnavailable(source=node.name, reason=str(error)) from error


def _final_receipt(node: JsonRpcNode, receipt: ReceiptAnswer, *, token: str) -> FinalReceipt:
    return FinalReceipt(
        tx_hash=receipt.transaction_hash,
        height=facts.number(receipt.block_number),
        block_hash=receipt.block_hash,
        sender=receipt.sender.lower(),
        succeeded=facts.number(receipt.status) == 1,
        transfers=_transfers(node, receipt, token=token),
        fee=facts.burnt(receipt),
    )


async def find_taker(
    node: JsonRpcNode, account: str, nonce: int, *, free_height: int, height: int
) -> NonceTaker | None:
    """The transaction in blocks up to `height` that used up an account's nonce, which was free at
    `free_height`; None when the node cannot show it, or when there is none: an authorization can
    use up a nonce too."""
    low, high = free_height + 1, height
    try:
        while low < high:  # the first block after which the nonce is used lies between
            middle = (low + high) // 2
            used = facts.number(await node.ask(facts.nonce(account, middle)))
            low, high = (low, middle) if used > nonce else (middle + 1, high)
    except OutsideRefused as refusal:
        # Only archives keep old states. Blocks are kept by all: look through them, newest first.
        log.info("node.no_old_states", node=node.name, reason=refusal.data.get("reason"))
        low, high = max(free_height + 1, height - SEARCH_BLOCKS_MAX), height
    for top in range(high, low - 1, -SEARCH_BATCH):
        heights = range(top, max(low - 1, top - SEARCH_BATCH), -1)
        for block in await node.ask_all([facts.full_block(one) for one in heights]):
            taker = None if block is None else _taker_in(block, account, nonce)
            if taker is not None:
                return taker
    log.warning("payout.taker_not_found", node=node.name, nonce=nonce)
    return None


def _taker_in(block: FullBlock, account: str, nonce: int) -> NonceTaker | None:
    for one in block.transactions:
        if (one.sender.lower(), facts.number(one.nonce)) == (account, nonce):
            return NonceTaker(
                one.hash,
                facts.number(block.number),
                block.hash,
                to=(one.to or "").lower(),
                payload=one.input,
            )
    return None
