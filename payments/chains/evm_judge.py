"""What became of a payout on an EVM chain, decided from final facts alone; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from payments.chains.base import GasBurnt, Landed, MemberVerdict, Outcome, PayoutVerdict
from payments.chains.evm_wallet import read_transfer

if TYPE_CHECKING:
    from payments.chains.evm_facts import TokenTransfer


@dataclass(frozen=True, slots=True)
class Attempt:
    """A transaction of ours that was signed for a payout's nonce."""

    tx_hash: str
    cancels: bool = False
    """True for a transfer of nothing to ourselves, made to take the nonce away."""


class Aim(StrEnum):
    """What a transaction of ours is for, and so what shows that it did it."""

    PAY = "pay"
    """Exactly these units of the token, from the payer to the recipient."""
    SWEEP = "sweep"
    """Any units of the token, from the payer to the recipient."""
    FUEL = "fuel"
    """Coins: a transaction that was not reverted has moved them."""


@dataclass(frozen=True, slots=True)
class EvmPayout:
    """A payment and everything that was ever signed for its nonce; addresses in lower case.

    An attempt that is missing here makes a payment of ours look like a stranger's: each must be
    stored before its bytes leave."""

    withdrawal_id: int
    account: str
    nonce: int
    attempts: tuple[Attempt, ...]
    token: str
    recipient: str
    units: int
    free_height: int
    """A final height at which the nonce was still free: where a search for its taker begins."""
    aim: Aim = Aim.PAY
    payer: str = ""
    """Whose tokens move, if not the account's own."""


@dataclass(frozen=True, slots=True)
class FinalReceipt:
    """What a transaction did, in a block of the final chain."""

    tx_hash: str
    height: int
    block_hash: str
    sender: str
    succeeded: bool
    transfers: tuple[TokenTransfer, ...]
    """All transfers of the payout's token that it made."""
    fee: int
    """What it burnt, in wei."""


@dataclass(frozen=True, slots=True)
class NonceTaker:
    """The transaction of the final chain that used up a nonce; `payload` is what it called with,
    `to` the account that it called, `sends` the units of the token that it moved out of the
    sender's account, by recipient, where its receipt was read."""

    tx_hash: str
    height: int
    block_hash: str
    to: str = ""
    payload: str = "0x"
    sends: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FinalFacts:
    """What one node knows of a payout's nonce as of its newest final block."""

    height: int
    block_hash: str
    nonce: int
    """The account's next nonce."""
    receipts: tuple[FinalReceipt, ...]
    """Of the payout's own attempts, those that are final."""
    taker: NonceTaker | None
    """Who used the payout's nonce, if the node showed it."""


def judge(payout: EvmPayout, facts: FinalFacts) -> PayoutVerdict:
    """Judge a payout.

    SUCCEEDED only by a final receipt that shows exactly this payment, by us. FAILED only with
    proof: it was mined and reverted, we cancelled it, or the final chain shows a transaction in
    its nonce that is none of ours. Everything else is UNKNOWN, and the same bytes stay good."""
    cancelling = {one.tx_hash: one.cancels for one in payout.attempts}
    ours = [one for one in facts.receipts if one.tx_hash in cancelling]
    if len(ours) > 1:  # two in one nonce: such a node is not to be believed
        return _verdict(payout, Outcome.UNKNOWN)
    if ours:
        (receipt,) = ours
        if receipt.sender != payout.account or facts.nonce <= payout.nonce:
            return _verdict(payout, Outcome.UNKNOWN)
        return _judge_receipt(payout, receipt, cancels=cancelling[receipt.tx_hash])
    taker = facts.taker
    if taker is None or taker.tx_hash in cancelling or facts.nonce <= payout.nonce:
        return _verdict(payout, Outcome.UNKNOWN)
    proof = (
        f"nonce {payout.nonce} was used by {taker.tx_hash} in block {taker.height} "
        f"({taker.block_hash}), which is none of ours; final up to {facts.height}"
    )
    # A transaction that pays the same person may be our own, made in a time that a restored
    # database has forgotten: people decide whether to pay once more.
    verdict = _verdict(
        payout, Outcome.FAILED, proof=proof, retriable=not _pays_the_same(payout, taker)
    )
    return replace(verdict, stranger=taker.tx_hash)


def _pays_the_same(payout: EvmPayout, taker: NonceTaker) -> bool:
    if taker.to != payout.token:
        return False
    asked = read_transfer(bytes.fromhex(taker.payload[2:]))
    return asked is not None and asked[0].raw == payout.recipient


def _judge_receipt(payout: EvmPayout, receipt: FinalReceipt, *, cancels: bool) -> PayoutVerdict:
    place = f"{receipt.tx_hash} in final block {receipt.height} ({receipt.block_hash})"
    if cancels:
        return _landed(payout, receipt, Outcome.FAILED, f"cancelled by {place}", retriable=True)
    if not receipt.succeeded:
        return _landed(payout, receipt, Outcome.FAILED, f"reverted: {place}")
    if payout.aim is Aim.FUEL:
        return _landed(payout, receipt, Outcome.SUCCEEDED, f"moved by {place}")
    payer = payout.payer or payout.account
    moved = [
        one.units
        for one in receipt.transfers
        if (one.sender, one.recipient) == (payer, payout.recipient) and one.units
    ]
    if payout.aim is Aim.SWEEP:
        if moved:
            return _landed(payout, receipt, Outcome.SUCCEEDED, f"swept by {place}")
        return _landed(payout, receipt, Outcome.FAILED, f"moved nothing: {place}", retriable=True)
    if payout.units in moved:
        return _landed(payout, receipt, Outcome.SUCCEEDED, f"paid by {place}")
    # Mined, not reverted, and another amount arrived (a token that takes a fee) or none at all:
    # what the player is owed now is for people to decide.
    return _landed(payout, receipt, Outcome.UNKNOWN, "", amounts=_amounts(receipt, payout, payer))


def _amounts(receipt: FinalReceipt, payout: EvmPayout, payer: str) -> Landed:
    """What the recipient got and what the payer lost, whoever stood between them."""

    def gained(account: str) -> int:
        came = sum(one.units for one in receipt.transfers if one.recipient == account)
        return came - sum(one.units for one in receipt.transfers if one.sender == account)

    return Landed(receipt.height, max(0, gained(payout.recipient)), max(0, -gained(payer)))


def _landed(
    payout: EvmPayout,
    receipt: FinalReceipt,
    outcome: Outcome,
    proof: str,
    *,
    retriable: bool = False,
    amounts: Landed | None = None,
) -> PayoutVerdict:
    burnt = GasBurnt(receipt.tx_hash, receipt.height, receipt.fee)
    verdict = _verdict(
        payout, outcome, seen=receipt.tx_hash, proof=proof, retriable=retriable, burnt=burnt
    )
    return replace(verdict, members=tuple(replace(one, landed=amounts) for one in verdict.members))


def _verdict(
    payout: EvmPayout,
    outcome: Outcome,
    *,
    seen: str = "",
    proof: str = "",
    retriable: bool = False,
    burnt: GasBurnt | None = None,
) -> PayoutVerdict:
    member = MemberVerdict(payout.withdrawal_id, outcome, seen, proof, retriable=retriable)
    return PayoutVerdict(bool(seen), seen, (member,), burnt=burnt)
