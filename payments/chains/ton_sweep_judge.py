"""Where the emptying of a deposit address on TON landed: with us, nowhere, or not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments.addresses import parse_ton
from payments.chains.base import MemberVerdict, Outcome, PayoutVerdict
from payments.chains.ton_history import by_message
from payments.chains.ton_jetton_facts import read_transfer
from payments.chains.ton_jetton_judge import judge_transfer
from payments.chains.ton_wallet import carried_hash

if TYPE_CHECKING:
    from payments.chains.base import ChainHead, SentPayout
    from payments.chains.ton_facts import TonMessage
    from payments.rpc import Toncenter


async def judge_sweep(rpc: Toncenter, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
    """Whether the deposit wallet `payout.account` obeyed and what it sent has arrived with us.

    A sweep whose time is over and that the index does not know is dead. That is less proof than
    a payment needs: were it wrong, the coins would be where the next sweep takes them."""
    (member,) = payout.members
    number = member.withdrawal_id
    carrier = await by_message(rpc, carried_hash(payout.signed), account=payout.account, head=head)
    if carrier is None or carrier.aborted:
        over = head.at > payout.expires_at
        proof = f"expired at {payout.expires_at.isoformat()}, unknown at block {head.block}"
        dead = MemberVerdict(number, Outcome.FAILED, proof=proof, retriable=True)
        return PayoutVerdict(False, "", (dead if over else MemberVerdict(number, Outcome.UNKNOWN),))
    tx_hash = carrier.position.tx_hash
    if not carrier.outgoing:
        proof = f"carrier {tx_hash} sent nothing"
        dead = MemberVerdict(number, Outcome.FAILED, tx_hash, proof, retriable=True)
        return PayoutVerdict(True, tx_hash, (dead,))
    message = carrier.outgoing[0]
    asked = read_transfer(message.body)
    if asked is not None and message.destination is not None:
        judged = await judge_transfer(
            rpc, member, asked.query_id, message, wallet=message.destination, head=head
        )
        return PayoutVerdict(True, tx_hash, (judged,))
    return PayoutVerdict(True, tx_hash, (await _arrived(rpc, payout, message, tx_hash, head),))


async def _arrived(
    rpc: Toncenter, payout: SentPayout, message: TonMessage, tx_hash: str, head: ChainHead
) -> MemberVerdict:
    (member,) = payout.members
    home = parse_ton(member.destination, testnet=True).raw
    taken = await by_message(rpc, message.message_hash, account=home, head=head)
    if taken is None:
        return MemberVerdict(member.withdrawal_id, Outcome.UNKNOWN, tx_hash)
    return MemberVerdict(member.withdrawal_id, Outcome.SUCCEEDED, tx_hash, "arrived")
