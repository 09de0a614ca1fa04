"""What became of each member of a jetton payout, followed from our jetton wallet to the receiver's.

A member's jettons pass three accounts: our highload wallet sends a `transfer` to our jetton wallet,
that sends an `internal_transfer` to the receiver's. Only the last step pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.errors import InvariantViolation
from payments.addresses import parse_ton
from payments.chains.base import MemberVerdict, Outcome
from payments.chains.ton_carrier import never_left
from payments.chains.ton_history import by_message, some_after
from payments.chains.ton_jetton_facts import (
    excesses_query_id,
    read_internal_transfer,
    read_transfer,
)
from payments.chains.ton_wallet import carried_parcels

if TYPE_CHECKING:
    from payments.chains.base import ChainHead, PayoutMember, SentPayout
    from payments.chains.ton_facts import TonMessage, TonTransaction
    from payments.rpc import Toncenter


def member_queries(payout: SentPayout, owner: str) -> tuple[int, ...]:
    """The query id of each member, out of the bytes that were signed: whatever the code that
    built them was, a member is only ever looked for by what really left for it.

    Raises InvariantViolation for bytes that are not this payout's."""
    wallet, parcels = carried_parcels(payout.signed)
    if wallet.raw != owner:
        raise InvariantViolation(reason="signed for another wallet", payout=payout.payout_id)
    waiting: dict[tuple[str, int], list[int]] = {}
    for parcel in parcels:
        asked = read_transfer(parcel.body)
        if asked is None or asked.owner is None or parcel.destination.raw != payout.account:
            continue
        waiting.setdefault((asked.owner.raw, asked.units), []).append(asked.query_id)
    queries = []
    for member in payout.members:
        key = parse_ton(member.destination, testnet=True).raw, member.units
        if not waiting.get(key):
            raise InvariantViolation(
                reason="a member that was not signed", withdrawal_id=member.withdrawal_id
            )
        queries.append(waiting[key].pop(0))
    return tuple(queries)


async def judge_jetton_members(
    rpc: Toncenter,
    payout: SentPayout,
    queries: tuple[int, ...],
    head: ChainHead,
    paying: TonTransaction,
) -> tuple[MemberVerdict, ...]:
    """Judge every member by what left in `paying`; `payout.account` is our jetton wallet."""
    left: dict[int, TonMessage] = {}
    for message in paying.outgoing:
        asked = read_transfer(message.body) if message.destination == payout.account else None
        if asked is not None:
            left[asked.query_id] = message
    trail = await _read_trail(rpc, payout.account, paying, head)
    return tuple(
        [
            await trail.follow(member, query_id, left[query_id])
            if query_id in left
            else never_left(member, paying)
            for member, query_id in zip(payout.members, queries, strict=True)
        ]
    )


async def judge_transfer(
    rpc: Toncenter,
    member: PayoutMember,
    query_id: int,
    message: TonMessage,
    *,
    wallet: str,
    head: ChainHead,
) -> MemberVerdict:
    """Judge one `transfer` that left for our jetton wallet `wallet`, step by step."""
    return await _Trail(rpc, wallet, head, {}, frozenset()).follow(member, query_id, message)


async def _read_trail(
    rpc: Toncenter, wallet: str, paying: TonTransaction, head: ChainHead
) -> _Trail:
    """Most members' whole way in two answers: what our jetton wallet did, and who has thanked the
    owner by sending back unused coins."""
    lt = paying.position.lt
    ours = await some_after(rpc, wallet, lt=lt, head=head)
    owners = await some_after(rpc, paying.account, lt=lt, head=head)
    thanks = set()
    for transaction in owners:
        message = transaction.incoming
        query_id = excesses_query_id(message) if message and not message.bounced else None
        if message is not None and message.source is not None and query_id is not None:
            thanks.add((message.source, query_id))
    by_hash = {one.incoming.message_hash: one for one in ours if one.incoming is not None}
    return _Trail(rpc, wallet, head, by_hash, frozenset(thanks))


@dataclass(frozen=True, slots=True)
class _Trail:
    """What is known of one payout; what is missing here is asked for one by one."""

    rpc: Toncenter
    wallet: str
    head: ChainHead
    ours: dict[str, TonTransaction]
    """Transactions of our jetton wallet by the message that caused them."""
    thanks: frozenset[tuple[str, int]]
    """Receivers' jetton wallets that sent coins back, and for which query. They do so only after
    they have taken the jettons, and each query id is used once."""

    async def follow(
        self, member: PayoutMember, query_id: int, message: TonMessage
    ) -> MemberVerdict:
        """Through our jetton wallet: it refuses the whole payment, or sends it on."""
        number = member.withdrawal_id
        ours = await self._caused(message.message_hash, self.wallet)
        if ours is None:
            return MemberVerdict(number, Outcome.UNKNOWN)
        tx_hash = ours.position.tx_hash
        if ours.aborted:
            proof = f"our jetton wallet refused query {query_id} in {tx_hash}"
            return MemberVerdict(number, Outcome.FAILED, tx_hash, proof, retriable=True)
        for onward in ours.outgoing:
            told = read_internal_transfer(onward.body)
            if told is None or (told.query_id, told.units) != (query_id, member.units):
                continue
            receiver = onward.destination or ""
            if (receiver, query_id) in self.thanks:
                proof = f"{receiver} sent back what it did not need for it"
                return MemberVerdict(number, Outcome.SUCCEEDED, tx_hash, proof)
            return await self._judge_delivery(member, onward, receiver, tx_hash)
        return MemberVerdict(number, Outcome.UNKNOWN, tx_hash)

    async def _judge_delivery(
        self, member: PayoutMember, onward: TonMessage, receiver: str, tx_hash: str
    ) -> MemberVerdict:
        """In the receiver's jetton wallet: it takes the jettons, or they come back to ours. What
        is on its way is not judged; what got lost on the way back is the house's loss."""
        number = member.withdrawal_id
        theirs = await self._caused(onward.message_hash, receiver)
        if theirs is None:
            return MemberVerdict(number, Outcome.UNKNOWN, tx_hash)
        where = theirs.position.tx_hash
        if not theirs.aborted:
            proof = f"taken by {receiver} in {where}"
            return MemberVerdict(number, Outcome.SUCCEEDED, tx_hash, proof)
        proof = f"{receiver} refused it in {where}"
        bounced = next((one for one in theirs.outgoing if one.bounced), None)
        if bounced is None:
            proof += " and had no coins to send it back"
            return _lost(member, tx_hash, proof)
        home = await self._caused(bounced.message_hash, self.wallet)
        if home is None:
            return MemberVerdict(number, Outcome.UNKNOWN, tx_hash)
        if home.aborted:
            proof += f", and our wallet could not take it back in {home.position.tx_hash}"
            return _lost(member, tx_hash, proof)
        proof += f"; back in {home.position.tx_hash}"
        return MemberVerdict(number, Outcome.FAILED, tx_hash, proof)

    async def _caused(self, message_hash: str, account: str) -> TonTransaction | None:
        if account == self.wallet and message_hash in self.ours:
            return self.ours[message_hash]
        return await by_message(self.rpc, message_hash, account=account, head=self.head)


def _lost(member: PayoutMember, tx_hash: str, proof: str) -> MemberVerdict:
    return MemberVerdict(
        member.withdrawal_id, Outcome.FAILED, tx_hash, proof, lost_units=member.units
    )
