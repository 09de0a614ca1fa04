"""Jettons that are not ours: what our accounts are told of them, and whether anybody vouches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.cashier.strangers import StrangeTransfer
from payments.chains.ton_cells import read_comment
from payments.chains.ton_jetton_facts import excesses_query_id, is_our_query, read_notification
from payments.chains.ton_jetton_wallets import vouching_master

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from payments.chains.ton_facts import TonMessage, TonTransaction
    from payments.rpc import Toncenter

ASKED_MAX = 20
"""Of so many news in one page it is asked who vouches; a flood of them must not use our plan up."""


async def strange_jettons(
    rpc: Toncenter, transactions: Sequence[TonTransaction], wallets: AbstractSet[str]
) -> tuple[StrangeTransfer, ...]:
    """Jettons that `transactions` of one account tell of and that none of its `wallets` holds.

    A notification counts whoever sent it, for it is evidence either way; coins that were left
    over count only if the sender is a jetton wallet of ours and told nothing else. Amounts are
    what the sender says."""
    found: list[StrangeTransfer] = []
    told: set[tuple[str, int]] = set()
    asked = 0
    for transaction in transactions:
        message = transaction.incoming
        if message is None or message.source is None or message.source in wallets:
            continue
        if message.bounced or transaction.sent_back:
            continue
        notice = read_notification(message)
        query_id = notice.query_id if notice else _left_over(message, transaction)
        if query_id is None or (notice is not None and not notice.units):
            continue
        if notice is None and (message.source, query_id) in told:
            continue
        told.add((message.source, query_id))
        asked += 1
        master = (
            await vouching_master(rpc, message.source, owner=transaction.account)
            if asked <= ASKED_MAX
            else None
        )
        if notice is None and master is None:
            continue
        payload = notice.payload if notice else None
        found.append(
            StrangeTransfer(
                business_key=f"{transaction.account}:{transaction.position.lt}",
                token=master or message.source,
                vouched=master is not None,
                account=transaction.account,
                units=notice.units if notice else None,
                tx_hash=transaction.position.tx_hash,
                sender=notice.owner.raw if notice and notice.owner else message.source,
                comment=None if payload is None else read_comment(payload),
                block=transaction.block,
                at=transaction.at,
            )
        )
    return tuple(found)


def _left_over(message: TonMessage, transaction: TonTransaction) -> int | None:
    query_id = excesses_query_id(message)
    if query_id is None or is_our_query(query_id, at=transaction.at):
        return None
    return query_id
