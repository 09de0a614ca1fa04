"""Gathers what one node knows of a payout's nonce as of its newest final block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.chains import evm_facts as facts
from payments.chains.evm_judge import FinalFacts, FinalReceipt, NonceTaker

if TYPE_CHECKING:
    from payments.chains.evm_facts import ReceiptAnswer
    from payments.chains.evm_judge import EvmPayout
    from payments.json_rpc import Call, JsonRpcNode

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
        taker = await _find_taker(node, payout, height=height)
    return FinalFacts(height, final.hash, nonce, tuple(receipts), taker)


def _final_receipt(node: JsonRpcNode, receipt: ReceiptAnswer, *, token: str) -> FinalReceipt:
    try:
        logs = sorted(receipt.logs, key=facts.place)
        transfers = tuple(facts.read_transfers(logs, token=token))
    except ValueError as error:
        raise OutsideUnavailable(source=node.name, reason=str(error)) from error
    return FinalReceipt(
        tx_hash=receipt.transaction_hash,
        height=facts.number(receipt.block_number),
        block_hash=receipt.block_hash,
        sender=receipt.sender.lower(),
        succeeded=facts.number(receipt.status) == 1,
        transfers=transfers,
    )


async def _find_taker(node: JsonRpcNode, payout: EvmPayout, *, height: int) -> NonceTaker | None:
    """The final transaction of the payout's nonce, or None when the node cannot show it: it keeps
    no old states, or the nonce went to an authorization."""
    low, high = 0, height  # the first block after which the nonce is used lies between
    try:
        while low < high:
            middle = (low + high) // 2
            used = facts.number(await node.ask(facts.nonce(payout.account, middle)))
            low, high = (low, middle) if used > payout.nonce else (middle + 1, high)
        block = await node.ask(facts.full_block(low))
    except OutsideRefused as refusal:
        log.warning("payout.no_old_states", node=node.name, reason=refusal.data.get("reason"))
        return None
    if block is None:
        return None
    for one in block.transactions:
        if (one.sender.lower(), facts.number(one.nonce)) == (payout.account, payout.nonce):
            return NonceTaker(one.hash, facts.number(block.number), block.hash)
    return None
