"""Payouts as the EVM adapter takes them, and what open ones may still cost; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.cashier.batches import PENDING
from casino.cashier.moves import MoveKind
from payments.chains.evm_addresses import parse_evm
from payments.chains.evm_judge import Aim, Attempt, EvmPayout
from payments.chains.evm_plan import EvmPlan
from payments.chains.evm_wallet import read_signed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from casino.cashier.batches import Payout

AIMS = {MoveKind.SWEEP: Aim.SWEEP, MoveKind.FUEL: Aim.FUEL, MoveKind.COLD: Aim.PAY}


@dataclass(frozen=True, slots=True)
class Reserved:
    """What open payouts may still take from one account: units of the token, and wei."""

    units: int
    wei: int


def sent_payout(payout: Payout, *, token: str) -> EvmPayout:
    """A payout with everything that was signed for its nonce. Raises TransactionInvalid for bytes
    that are no transaction, KeyError for a move that EVM chains do not know."""
    account = parse_evm(payout.account).raw
    attempts = tuple(
        Attempt(one.tx_hash, cancels=_cancels(one.signed, account))
        for one in payout.attempts
        if one.signed is not None and one.tx_hash is not None
    )
    free_height = -1 if payout.since_height is None else payout.since_height
    if payout.move is not None:
        return EvmPayout(
            withdrawal_id=payout.id,
            account=account,
            nonce=payout.replay_number,
            attempts=attempts,
            token=token,
            recipient=parse_evm(payout.move.destination).raw,
            units=payout.move.units,
            free_height=free_height,
            aim=AIMS[MoveKind(payout.move.kind)],
            payer=parse_evm(payout.move.source).raw,
        )
    (member,) = payout.members
    return EvmPayout(
        withdrawal_id=member.withdrawal_id,
        account=account,
        nonce=payout.replay_number,
        attempts=attempts,
        token=token,
        recipient=parse_evm(member.destination).raw,
        units=member.units,
        free_height=free_height,
    )


def same_versions(one: Payout, other: Payout) -> bool:
    """Whether two readings of a payout know the same signed bytes."""
    return [version.tx_hash for version in one.attempts if version.signed] == [
        version.tx_hash for version in other.attempts if version.signed
    ]


def reserved(payouts: Iterable[Payout], *, account: str) -> Reserved:
    """What open payouts of an account may still take; too much rather than too little, since some
    of it may have left already."""
    units = wei = 0
    for payout in payouts:
        if payout.account != account:
            continue
        units += sum(member.units for member in payout.members if member.outcome == PENDING)
        if payout.move is not None and payout.move.kind == MoveKind.COLD:
            units += payout.move.units
        plans = [EvmPlan.read(one.plan) for one in payout.attempts]
        wei += max((plan.gas * plan.fees.max_fee + plan.wei for plan in plans), default=0)
    return Reserved(units, wei)


def _cancels(signed: bytes, account: str) -> bool:
    transaction = read_signed(signed).transaction
    target = (transaction.to.raw, transaction.value, transaction.payload)
    return target == (account, 0, b"") and not transaction.authorizations
