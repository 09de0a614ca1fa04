"""Gathers what one node knows of a payout's nonce as of its newest final block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from payments.chains import evm_facts as facts
from payments.chains.evm_judge import FinalFacts, FinalReceipt
from payments.chains.evm_takers import find_taker, transfers_of

if TYPE_CHECKING:
    from payments.chains.evm_facts import (
        ReceiptAnswer,
    )
    from payments.chains.evm_judge import EvmPayout
    from payments.json_rpc import Call, JsonRpcNode


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
            node,
            payout.account,
            payout.nonce,
            token=payout.token,
            free_height=payout.free_height,
            height=height,
        )
    return FinalFacts(height, final.hash, nonce, tuple(receipts), taker)


def _final_receipt(node: JsonRpcNode, receipt: ReceiptAnswer, *, token: str) -> FinalReceipt:
    return FinalReceipt(
        tx_hash=receipt.transaction_hash,
        height=facts.number(receipt.block_number),
        block_hash=receipt.block_hash,
        sender=receipt.sender.lower(),
        succeeded=facts.number(receipt.status) == 1,
        transfers=transfers_of(node, receipt, token=token),
        fee=facts.burnt(receipt),
    )
