"""Other tokens that came to our accounts, in final blocks; strangers write these logs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from casino.cashier.strangers import StrangeTransfer
from payments.chains import evm_facts as facts
from payments.chains.evm_logs import final_logs

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from payments.chains.blocks import Header
    from payments.chains.evm_facts import LogAnswer
    from payments.json_rpc import JsonRpcNode

RECIPIENTS_ASKED = 500
"""Accounts in one question; go-ethereum takes 1,000 of them in a filter."""
BLOCKS_ASKED = 100
TOPICS_OF_TOKEN = 3
"""A fourth one is the number of a thing (ERC-721), which has no amount."""


async def strange_tokens(
    node: JsonRpcNode,
    *,
    chain_id: int,
    token: str,
    first: int,
    last: int,
    recipients: Sequence[str],
) -> list[StrangeTransfer]:
    """Transfers of anything but `token` to `recipients` (lower-case all) in the final blocks
    `first` .. `last`, without those of nothing. A range that the node finds too wide is halved."""
    logs: list[LogAnswer] = []
    for at in range(0, len(recipients), RECIPIENTS_ASKED):
        asked = recipients[at : at + RECIPIENTS_ASKED]
        logs += await final_logs(node, partial(facts.transfers_to, asked), first, last)
    strange = [one for one in logs if one.address.lower() != token]
    blocks = await _blocks(node, sorted({one.block_hash for one in strange}))
    ours = set(recipients)
    found = (_transfer(one, blocks[one.block_hash], chain_id, ours) for one in strange)
    return [one for one in found if one is not None and one.units != 0]


async def _blocks(node: JsonRpcNode, hashes: Sequence[str]) -> dict[str, Header]:
    found: dict[str, Header] = {}
    for at in range(0, len(hashes), BLOCKS_ASKED):
        part = hashes[at : at + BLOCKS_ASKED]
        answers = await node.ask_all([facts.block_by_hash(one) for one in part])
        for one, answer in zip(part, answers, strict=True):
            found[one] = facts.header(facts.require_block(node, answer))
    return found


def _transfer(
    entry: LogAnswer, block: Header, chain_id: int, ours: Container[str]
) -> StrangeTransfer | None:
    """A log as a transfer; None for one that is not to us, whatever the node says. Its amount is
    left open where the contract tells none that can be read."""
    try:
        sender, account = facts.account_of(entry.topics[1]), facts.account_of(entry.topics[2])
    except (ValueError, IndexError):
        return None
    if entry.removed or account not in ours:
        return None
    counted = len(entry.topics) == TOPICS_OF_TOKEN and len(entry.data) == 66
    return StrangeTransfer(
        business_key=f"{chain_id}:{entry.transaction_hash}:{facts.place(entry)}",
        token=entry.address.lower(),
        vouched=True,  # the contract is the token: nobody else could have written its log
        account=account,
        units=_number(entry.data) if counted else None,
        tx_hash=entry.transaction_hash,
        sender=sender,
        comment=None,
        block=block.height,
        at=block.at,
    )


def _number(data: str) -> int | None:
    try:
        return int(data, 16)
    except ValueError:
        return None
