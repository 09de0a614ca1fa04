"""Where a payout landed: its carrier, then the transaction that pays, then each member in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.errors import OutsideUnavailable
from payments.chains.base import MemberVerdict, Outcome, PayoutVerdict
from payments.chains.ton_cells import transfer_query_id
from payments.chains.ton_history import account_state, by_message, walk_back
from payments.chains.ton_wallet import carried_hash

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from payments.chains.base import ChainHead, PayoutMember, SentPayout
    from payments.chains.ton_facts import TonTransaction
    from payments.rpc import Toncenter

    JudgeMembers = Callable[[TonTransaction], Awaitable[tuple[MemberVerdict, ...]]]


async def judge_by_carrier(
    rpc: Toncenter,
    payout: SentPayout,
    *,
    wallet: str,
    head: ChainHead,
    judge_members: JudgeMembers,
) -> PayoutVerdict:
    """Judge a payout of the highload `wallet`; `judge_members` is asked about the transaction in
    which the wallet sent its payments, once that is final."""
    message_hash = carried_hash(payout.signed)
    carrier = await by_message(rpc, message_hash, account=wallet, head=head)
    if carrier is None or carrier.aborted:
        if head.at > payout.expires_at:
            proof = await _prove_absent(rpc, payout, wallet, message_hash)
            return _all(payout, Outcome.FAILED, proof=proof)
        return _all(payout, Outcome.UNKNOWN)
    to_itself = [
        message
        for message in carrier.outgoing
        if message.destination == wallet and transfer_query_id(message.body) == payout.query_id
    ]
    if not to_itself:
        proof = f"carrier {carrier.position.tx_hash} sent nothing to the wallet itself"
        return _all(payout, Outcome.FAILED, carrier=carrier, proof=proof)
    paying = await by_message(rpc, to_itself[0].message_hash, account=wallet, head=head)
    if paying is None:
        return _all(payout, Outcome.UNKNOWN, carrier=carrier)
    return PayoutVerdict(True, carrier.position.tx_hash, await judge_members(paying))


def never_left(member: PayoutMember, paying: TonTransaction) -> MemberVerdict:
    """The verdict on a member without a message in the transaction that pays."""
    proof = f"no message for it left in {paying.position.tx_hash}"
    return MemberVerdict(member.withdrawal_id, Outcome.FAILED, proof=proof, retriable=True)


async def _prove_absent(rpc: Toncenter, payout: SentPayout, wallet: str, message_hash: str) -> str:
    """Evidence that an expired message is in none of the wallet's transactions.

    Raises OutsideUnavailable as long as the history up to a moment after the expiry cannot be
    read without a hole, or if the message is there after all."""
    state = await account_state(rpc, wallet)
    if state.at <= payout.expires_at:
        raise OutsideUnavailable(source="toncenter", reason="node is behind the expiry")
    async for transaction in walk_back(rpc, wallet, state.lt):
        if transaction.at < payout.created_at:
            break
        message = transaction.incoming
        if message is None or message.message_hash != message_hash or transaction.aborted:
            continue
        raise OutsideUnavailable(source="toncenter", reason="index answers disagree")
    return (
        f"expired at {payout.expires_at.isoformat()}; absent from the whole history up to "
        f"lt {state.lt} in block {state.block} at {state.at.isoformat()}"
    )


def _all(
    payout: SentPayout,
    outcome: Outcome,
    *,
    carrier: TonTransaction | None = None,
    proof: str = "",
) -> PayoutVerdict:
    tx_hash = carrier.position.tx_hash if carrier else ""
    verdicts = (
        MemberVerdict(one.withdrawal_id, outcome, tx_hash, proof, retriable=bool(proof))
        for one in payout.members
    )
    return PayoutVerdict(carrier is not None, tx_hash, tuple(verdicts))
