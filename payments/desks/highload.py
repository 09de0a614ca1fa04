"""Payouts of TON's highload wallet, whatever they carry: how they are judged before there are
bytes, how long they are worth sending, and how chain adapters take them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from casino.cashier.moves import MoveKind
from payments.chains.base import (
    MemberVerdict,
    Outcome,
    PayoutMember,
    PayoutVerdict,
    SentPayout,
)

if TYPE_CHECKING:
    from casino.cashier.batches import Payout
    from payments.chains.base import AccountState, ChainHead

BATCH_MEMBERS = 100
CREATED_BEFORE = timedelta(seconds=30)
"""How far in the past a payout is dated: the wallet refuses what comes from its future."""
NEVER_SIGNED = "expired before anything was signed"


def worth_sending(payout: Payout, state: AccountState | None) -> bool:
    """Until it was seen, which on TON means final, or has run out by the chain's own clock."""
    over = state is not None and payout.expires_at is not None and state.at >= payout.expires_at
    return payout.seen_at is None and not over


def unsigned_verdict(payout: Payout, head: ChainHead) -> PayoutVerdict:
    """A payout of which no bytes exist dies when its time is over: bytes that a signer made after
    that could not land any more."""
    over = payout.expires_at is not None and head.at > payout.expires_at
    outcome = Outcome.FAILED if over else Outcome.UNKNOWN
    members = (
        MemberVerdict(number, outcome, proof=NEVER_SIGNED if over else "", retriable=over)
        for number in member_ids(payout)
    )
    return PayoutVerdict(False, "", tuple(members))


def member_ids(payout: Payout) -> tuple[int, ...]:
    """What a payout's verdicts go by: its withdrawals, or itself if it is a move of our own."""
    if payout.move is not None:
        return (payout.id,)
    return tuple(member.withdrawal_id for member in payout.members)


def sent_payout(payout: Payout, *, account: str) -> SentPayout:
    """A payout with bytes, as the chain adapter takes it."""
    if payout.move is not None:
        moved = PayoutMember(
            payout.id,
            payout.move.destination,
            payout.move.units,
            "",
            fuel=payout.move.kind == MoveKind.FUEL,
        )
        members: tuple[PayoutMember, ...] = (moved,)
    else:
        members = tuple(
            PayoutMember(
                withdrawal_id=member.withdrawal_id,
                destination=member.destination,
                units=member.units,
                memo=member.memo,
            )
            for member in payout.members
        )
    return SentPayout(
        payout_id=payout.id,
        account=account,
        signed=payout.signed or b"",
        query_id=payout.replay_number,
        created_at=payout.created_at,
        expires_at=payout.expires_at or datetime.max.replace(tzinfo=UTC),
        members=members,
    )
