"""TON: reading our account without gaps, paying from it, and judging payouts by what landed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from casino.errors import OutsideRefused, OutsideUnavailable
from payments.addresses import is_bounceable, parse_ton
from payments.chains.base import (
    AccountState,
    ChainHead,
    MemberVerdict,
    Outcome,
    Page,
    PayoutMember,
    PayoutVerdict,
    Position,
    SentPayout,
)
from payments.chains.ton_cells import comment_cell, transfer_query_id
from payments.chains.ton_facts import TonMessage, TonTransaction, read_transaction, received
from payments.chains.ton_wallet import carried_hash

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from payments.rpc import Toncenter

WALK_PAGE = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Key:
    """What tells one payment of a payout from another in the paying transaction."""

    destination: str
    units: int
    body_hash: bytes
    bounce: bool


class TonChain:
    """TON through a toncenter endpoint."""

    name = "ton"

    def __init__(self, rpc: Toncenter) -> None:
        self._rpc = rpc

    async def head(self) -> ChainHead:
        """The newest masterchain block that the index has read; all of its blocks are final."""
        answer = await self._rpc.index("masterchainInfo")
        last = answer["last"]
        return ChainHead(int(last["seqno"]), _moment(last["gen_utime"]))

    async def account(self, account: str) -> AccountState:
        """Balance and last transaction as the node knows them, which may be ahead of the index."""
        state = await self._rpc.node("getAddressInformation", address=account)
        return AccountState(
            units=int(state["balance"]),
            lt=int(state["last_transaction_id"]["lt"]),
            active=state["state"] == "active",
            block=int(state["block_id"]["seqno"]),
            at=_moment(state["sync_utime"]),
        )

    async def page(self, account: str, *, after: Position, head: ChainHead, limit: int) -> Page:
        """Transactions after a position in ascending order. Each must name the one before it as
        its predecessor; a page with a hole raises OutsideUnavailable and moves nothing."""
        answer = await self._rpc.index(
            "transactions", account=account, start_lt=after.lt + 1, sort="asc", limit=limit
        )
        position = after
        transactions: list[TonTransaction] = []
        for record in answer["transactions"]:
            transaction = read_transaction(record)
            if transaction.block > head.block:
                break
            if transaction.previous != position:
                raise OutsideUnavailable(source="toncenter", reason="gap", after=position.lt)
            position = transaction.position
            transactions.append(transaction)
        transfers = (received(transaction) for transaction in transactions)
        fees = (transaction.network_fee for transaction in transactions)
        return Page(
            transfers=tuple(transfer for transfer in transfers if transfer is not None),
            fees=tuple(fee for fee in fees if fee.units),
            position=position,
            more=len(transactions) == limit,
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
        message_hash = carried_hash(payout.signed)
        carrier = await self._by_message(message_hash, payout.account, head)
        if carrier is None or carrier.aborted:
            if head.at > payout.expires_at:
                proof = await self._prove_absent(payout, message_hash)
                return _all(payout, Outcome.FAILED, proof=proof)
            return _all(payout, Outcome.UNKNOWN)
        to_itself = [
            message
            for message in carrier.outgoing
            if message.destination == payout.account
            and transfer_query_id(message.body) == payout.query_id
        ]
        if not to_itself:
            proof = f"carrier {carrier.position.tx_hash} sent nothing to the wallet itself"
            return _all(payout, Outcome.FAILED, carrier=carrier, proof=proof)
        paying = await self._by_message(to_itself[0].message_hash, payout.account, head)
        if paying is None:
            return _all(payout, Outcome.UNKNOWN, carrier=carrier)
        verdicts = await self._judge_members(payout, paying, head)
        return PayoutVerdict(True, carrier.position.tx_hash, verdicts)

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self._rpc.close()

    async def _judge_members(
        self, payout: SentPayout, paying: TonTransaction, head: ChainHead
    ) -> tuple[MemberVerdict, ...]:
        sent: dict[_Key, list[TonMessage]] = {}
        for message in paying.outgoing:
            sent.setdefault(_key_of_message(message), []).append(message)
        verdicts = []
        for member in payout.members:
            landed = sent.get(_key_of_member(member))
            if not landed:
                proof = f"no message for it left in {paying.position.tx_hash}"
                verdicts.append(
                    MemberVerdict(member.withdrawal_id, Outcome.FAILED, proof=proof, retriable=True)
                )
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
            delivery = await self._by_message(message.message_hash, receiver, head)
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

    async def _by_message(
        self, message_hash: str, account: str, head: ChainHead
    ) -> TonTransaction | None:
        answer = await self._rpc.index(
            "transactionsByMessage", msg_hash=message_hash, direction="in", limit=10
        )
        found = [read_transaction(record) for record in answer["transactions"]]
        final = [one for one in found if one.account == account and one.block <= head.block]
        # Before it is accepted an external may fail many times; what counts is that one succeeded.
        return min(final, key=lambda one: (one.aborted, one.position.lt), default=None)

    async def _prove_absent(self, payout: SentPayout, message_hash: str) -> str:
        """Evidence that an expired message is in none of the wallet's transactions.

        Raises OutsideUnavailable as long as the history up to a moment after the expiry cannot be
        read without a hole, or if the message is there after all."""
        state = await self.account(payout.account)
        if state.at <= payout.expires_at:
            raise OutsideUnavailable(source="toncenter", reason="node is behind the expiry")
        async for transaction in self._history(payout.account, state.lt):
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

    async def _history(self, account: str, last_lt: int) -> AsyncIterator[TonTransaction]:
        """Transactions from the newest back, each proven by its successor's link."""
        expected = last_lt
        while expected:
            answer = await self._rpc.index(
                "transactions", account=account, end_lt=expected, sort="desc", limit=WALK_PAGE
            )
            records: list[Mapping[str, Any]] = answer["transactions"]
            if not records:
                raise OutsideUnavailable(source="toncenter", reason="gap", before=expected)
            for record in records:
                transaction = read_transaction(record)
                if transaction.position.lt != expected:
                    raise OutsideUnavailable(source="toncenter", reason="gap", before=expected)
                expected = transaction.previous.lt
                yield transaction


def _key_of_message(message: TonMessage) -> _Key:
    return _Key(message.destination or "", message.units, bytes(message.body.hash), message.bounce)


def _key_of_member(member: PayoutMember) -> _Key:
    return _Key(
        parse_ton(member.destination, testnet=True).raw,
        member.units,
        bytes(comment_cell(member.memo).hash),
        is_bounceable(member.destination),
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


def _moment(seconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
