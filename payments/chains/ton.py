"""TON: reading our account without gaps, paying from it, and judging payouts by what landed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.addresses import parse_ton
from payments.chains.base import (
    AccountState,
    ChainHead,
    Glimpse,
    MemberVerdict,
    Outcome,
    Page,
    PayoutMember,
    PayoutVerdict,
    Position,
    SentPayout,
)
from payments.chains.ton_carriage import carried_in, fee_with_carriage
from payments.chains.ton_carrier import judge_by_carrier, never_left
from payments.chains.ton_carriers import carrier
from payments.chains.ton_facts import TonMessage, TonTransaction, received
from payments.chains.ton_history import (
    account_state,
    account_states,
    by_message,
    moment,
    read_on,
)
from payments.chains.ton_jetton_wallets import get_method, read_stack_number
from payments.chains.ton_strangers import strange_jettons
from payments.chains.ton_sweep_judge import judge_sweep
from payments.chains.ton_wallet import Payment, coins_parcel, fuel_parcel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from payments.chains.ton_jetton_wallets import JettonWallets
    from payments.rpc import Toncenter

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Key:
    """What tells one payment of a payout from another in the paying transaction."""

    destination: str
    units: int
    body_hash: bytes
    bounce: bool


class TonChain:
    """TON through a toncenter endpoint. `jettons` names the jettons that our accounts hold: coins
    that travel between an account and its jetton wallets are carriage, no deposits."""

    name = "ton"

    def __init__(self, rpc: Toncenter, *, jettons: JettonWallets | None = None) -> None:
        self._rpc = rpc
        self._jettons = jettons

    async def head(self) -> ChainHead:
        """The newest masterchain block that the index has read; all of its blocks are final."""
        answer = await self._rpc.index("masterchainInfo")
        last = answer["last"]
        return ChainHead(int(last["seqno"]), moment(last["gen_utime"]))

    async def locate(self, owner: str) -> str:
        """Coins are held by their owner himself."""
        return owner

    def learn(self, owner: str, account: str) -> None:
        """There is nothing to learn: an owner's account is his own."""

    async def account(self, account: str) -> AccountState:
        """Balance and last transaction as the node knows them, which may be ahead of the index."""
        return await account_state(self._rpc, account)

    async def glimpse(self, accounts: Sequence[str]) -> Mapping[str, Glimpse]:
        """Balances and last transactions of many accounts as the index knows them."""
        found = await account_states(self._rpc, accounts)
        return {one: Glimpse(told.lt, told.units, told.frozen) for one, told in found.items()}

    async def page(self, account: str, *, after: Position, head: ChainHead, limit: int) -> Page:
        """Transactions after a position in ascending order. Each must name the one before it as
        its predecessor; a page with a hole raises OutsideUnavailable and moves nothing."""
        wallets = await self._jettons.of(account) if self._jettons else frozenset[str]()
        stretch = await read_on(self._rpc, account, after=after, head=head, limit=limit)
        transfers = (
            received(transaction)
            for transaction in stretch.transactions
            if not carried_in(transaction, wallets)
        )
        fees = (fee_with_carriage(transaction, wallets) for transaction in stretch.transactions)
        return Page(
            transfers=tuple(transfer for transfer in transfers if transfer is not None),
            fees=tuple(fee for fee in fees if fee.units),
            position=stretch.position,
            more=stretch.more,
            carriers=tuple(
                found for one in stretch.transactions if (found := carrier(one)) is not None
            ),
            strangers=await strange_jettons(self._rpc, stretch.transactions, wallets),
        )

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        try:
            await self._rpc.send(base64.b64encode(signed).decode("ascii"))
        except OutsideRefused as error:
            log.info("payout.refused", reason=error.data.get("reason"))
            return Outcome.FAILED
        except OutsideUnavailable as error:
            log.warning("payout.unknown", reason=error.data.get("reason"))
            return Outcome.UNKNOWN
        return Outcome.SUCCEEDED

    async def judge(self, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
        """Find the carrier, then the paying transaction, then each payment in it."""
        return await judge_by_carrier(
            self._rpc,
            payout,
            wallet=payout.account,
            head=head,
            judge_members=partial(self._judge_members, payout, head),
        )

    async def seqno(self, account: str) -> int:
        """How many orders an ordinary wallet has obeyed since it was made (anew)."""
        if not (await self.account(account)).active:
            return 0
        return read_stack_number(await get_method(self._rpc, account, "seqno"), 0)

    async def judge_sweep(self, payout: SentPayout, *, head: ChainHead) -> PayoutVerdict:
        """Judge the emptying of a deposit address, of coins or of jettons."""
        return await judge_sweep(self._rpc, payout, head=head)

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self._rpc.close()

    async def _judge_members(
        self, payout: SentPayout, head: ChainHead, paying: TonTransaction
    ) -> tuple[MemberVerdict, ...]:
        sent: dict[_Key, list[TonMessage]] = {}
        for message in paying.outgoing:
            sent.setdefault(_key_of_message(message), []).append(message)
        verdicts = []
        for member in payout.members:
            landed = sent.get(_key_of_member(member))
            if not landed:
                verdicts.append(never_left(member, paying))
                continue
            message = landed.pop(0)
            verdicts.append(await self._judge_delivery(member, message, paying, head))
        return tuple(verdicts)

    async def _judge_delivery(
        self, member: PayoutMember, message: TonMessage, paying: TonTransaction, head: ChainHead
    ) -> MemberVerdict:
        tx_hash = paying.position.tx_hash
        if message.bounce:
            # Such money may come back: only the receiver's own transaction tells.
            receiver = parse_ton(member.destination, testnet=True).raw
            delivery = await by_message(
                self._rpc, message.message_hash, account=receiver, head=head
            )
            if delivery is None:
                return MemberVerdict(member.withdrawal_id, Outcome.UNKNOWN, tx_hash)
            came_back = [back.units for back in delivery.outgoing if back.bounced]
            if came_back:
                proof = f"sent back by {receiver} in {delivery.position.tx_hash}"
                lost = message.units - sum(came_back)
                return MemberVerdict(
                    member.withdrawal_id, Outcome.FAILED, tx_hash, proof, lost_units=lost
                )
        return MemberVerdict(member.withdrawal_id, Outcome.SUCCEEDED, tx_hash, "sent and kept")


def _key_of_message(message: TonMessage) -> _Key:
    return _Key(message.destination or "", message.units, bytes(message.body.hash), message.bounce)


def _key_of_member(member: PayoutMember) -> _Key:
    if member.fuel:
        parcel = fuel_parcel(parse_ton(member.destination, testnet=True), member.units)
    else:
        parcel = coins_parcel(Payment(member.destination, member.units, member.memo))
    return _Key(parcel.destination.raw, parcel.units, bytes(parcel.body.hash), parcel.bounce)
