"""A jetton on TON: reading our jetton wallet without gaps, and judging payouts by what landed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from casino.errors import InvariantViolation, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.base import MemberVerdict, Outcome, Page
from payments.chains.ton_carrier import judge_by_carrier, never_left
from payments.chains.ton_history import account_state, by_message, read_on
from payments.chains.ton_jetton_facts import (
    jettons_received,
    read_internal_transfer,
    read_transfer,
)
from payments.chains.ton_jetton_wallets import get_method, read_stack_address, read_stack_number
from payments.chains.ton_wallet import carried_parcels

if TYPE_CHECKING:
    from payments.chains.base import (
        AccountState,
        ChainHead,
        PayoutMember,
        PayoutVerdict,
        Position,
        SentPayout,
    )
    from payments.chains.ton import TonChain
    from payments.chains.ton_facts import TonMessage, TonTransaction
    from payments.chains.ton_jetton_wallets import JettonWallets
    from payments.rpc import Toncenter


class TonJettonChain:
    """One jetton, as a chain of its own: an account is a jetton wallet of ours, its units are the
    jetton's. What moving it costs in coins is told by TonChain for the account that owns it."""

    def __init__(
        self, name: str, rpc: Toncenter, *, coins: TonChain, wallets: JettonWallets, master: str
    ) -> None:
        """`master` is the jetton's, in any form; raises AddressInvalid for other text."""
        self.name = name
        self._rpc = rpc
        self._coins = coins
        self._wallets = wallets
        self._master = parse_ton(master, testnet=True).raw
        self._owners: dict[str, str] = {}

    async def locate(self, owner: str) -> str:
        """The jetton wallet of `owner` (raw addresses both): the account that is followed for
        jettons sent to him. The other methods take no wallet that was not located here, since
        only genuine code is known to refuse forged jettons."""
        wallet = await self._wallets.wallet_of(owner, master=self._master)
        self._owners[wallet] = owner
        return wallet

    async def head(self) -> ChainHead:
        """The newest final block that the index has read."""
        return await self._coins.head()

    async def account(self, account: str) -> AccountState:
        """Jettons in a jetton wallet and its last transaction, both of one state.

        Raises OutsideUnavailable when the wallet moved between the two questions and when it is
        frozen: then its jettons are not lost, but nobody can move or count them."""
        owner = self._owner(account)
        state = await account_state(self._rpc, account)
        if state.frozen:
            raise OutsideUnavailable(source="toncenter", reason="frozen", account=account)
        if not state.active:
            return replace(state, units=0)
        told = await get_method(self._rpc, account, "get_wallet_data")
        if int(told["last_transaction_id"]["lt"]) != state.lt:
            raise OutsideUnavailable(source="toncenter", reason="moved meanwhile", account=account)
        known = read_stack_address(told, 1).raw, read_stack_address(told, 2).raw
        if known != (owner, self._master):
            raise InvariantViolation(reason="not the wallet that the master named", account=account)
        return replace(state, units=read_stack_number(told, 0))

    async def page(self, account: str, *, after: Position, head: ChainHead, limit: int) -> Page:
        """Jettons that came to a jetton wallet, with or without a notification of its owner, in
        the order of its transactions; a hole raises OutsideUnavailable and moves nothing."""
        self._owner(account)
        stretch = await read_on(self._rpc, account, after=after, head=head, limit=limit)
        transfers = (jettons_received(transaction) for transaction in stretch.transactions)
        return Page(
            transfers=tuple(transfer for transfer in transfers if transfer is not None),
            # The jetton wallet pays with coins that its owner's account has booked as spent.
            fees=(),
            position=stretch.position,
            more=stretch.more,
        )

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        return await self._coins.broadcast(signed)

    async def judge(self, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
        """Find the carrier, then the paying transaction, then follow each member's message
        through our jetton wallet to the receiver's."""
        owner = self._owner(payout.account)
        queries = _queries(payout, owner)
        return await judge_by_carrier(
            self._rpc,
            payout,
            wallet=owner,
            head=head,
            judge_members=partial(self._judge_members, payout, queries, head),
        )

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self._coins.close()

    def _owner(self, account: str) -> str:
        if account not in self._owners:
            raise InvariantViolation(reason="a jetton wallet that was not located", account=account)
        return self._owners[account]

    async def _judge_members(
        self,
        payout: SentPayout,
        queries: tuple[int, ...],
        head: ChainHead,
        paying: TonTransaction,
    ) -> tuple[MemberVerdict, ...]:
        left: dict[int, TonMessage] = {}
        for message in paying.outgoing:
            if message.destination != payout.account:
                continue
            asked = read_transfer(message.body)
            if asked is not None:
                left[asked.query_id] = message
        verdicts = []
        for member, query_id in zip(payout.members, queries, strict=True):
            if query_id in left:
                verdicts.append(
                    await self._follow(member, query_id, left[query_id], payout.account, head)
                )
            else:
                verdicts.append(never_left(member, paying))
        return tuple(verdicts)

    async def _follow(
        self,
        member: PayoutMember,
        query_id: int,
        message: TonMessage,
        wallet: str,
        head: ChainHead,
    ) -> MemberVerdict:
        """Through our jetton wallet: it refuses the whole payment, or sends it on."""
        ours = await by_message(self._rpc, message.message_hash, account=wallet, head=head)
        if ours is None:
            return MemberVerdict(member.withdrawal_id, Outcome.UNKNOWN)
        tx_hash = ours.position.tx_hash
        if ours.aborted:
            proof = f"our jetton wallet refused query {query_id} in {tx_hash}"
            return MemberVerdict(
                member.withdrawal_id, Outcome.FAILED, tx_hash, proof, retriable=True
            )
        for onward in ours.outgoing:
            told = read_internal_transfer(onward.body)
            if told is not None and told.query_id == query_id and told.units == member.units:
                return await self._judge_delivery(member, onward, wallet, tx_hash, head)
        return MemberVerdict(member.withdrawal_id, Outcome.UNKNOWN, tx_hash)

    async def _judge_delivery(
        self,
        member: PayoutMember,
        onward: TonMessage,
        wallet: str,
        tx_hash: str,
        head: ChainHead,
    ) -> MemberVerdict:
        """In the receiver's jetton wallet: it takes the jettons, or they come back to ours. What
        is on its way is not judged; what got lost on the way back is the house's loss."""
        number, unknown = member.withdrawal_id, Outcome.UNKNOWN
        receiver = onward.destination or ""
        theirs = await by_message(self._rpc, onward.message_hash, account=receiver, head=head)
        if theirs is None:
            return MemberVerdict(number, unknown, tx_hash)
        where = theirs.position.tx_hash
        if not theirs.aborted:
            return MemberVerdict(number, Outcome.SUCCEEDED, where, f"taken by {receiver}")
        proof = f"{receiver} refused it in {where}"
        bounced = next((one for one in theirs.outgoing if one.bounced), None)
        if bounced is None:
            proof += " and had no coins to send it back"
            return MemberVerdict(number, Outcome.FAILED, where, proof, lost_units=member.units)
        home = await by_message(self._rpc, bounced.message_hash, account=wallet, head=head)
        if home is None:
            return MemberVerdict(number, unknown, tx_hash)
        if home.aborted:
            proof += f", and our wallet could not take it back in {home.position.tx_hash}"
            return MemberVerdict(number, Outcome.FAILED, where, proof, lost_units=member.units)
        proof += f"; back in {home.position.tx_hash}"
        return MemberVerdict(number, Outcome.FAILED, where, proof)


def _queries(payout: SentPayout, owner: str) -> tuple[int, ...]:
    """The query id of each member, out of the bytes that were signed: whatever the code that
    built them was, a member is only ever looked for by what really left for it."""
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
