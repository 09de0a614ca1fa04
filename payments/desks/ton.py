"""Coins out on TON: batches of the highload wallet, each under a query id and a lifetime."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from casino.cashier import claiming, deposits
from casino.cashier.batches import open_payouts
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from payments.addresses import parse_ton
from payments.chains.base import (
    MemberVerdict,
    Outcome,
    PayoutMember,
    PayoutVerdict,
    SentPayout,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.chains.base import AccountState, Chain

BATCH_MEMBERS = 100
CREATED_BEFORE = timedelta(seconds=30)
"""How far in the past a payout is dated: the wallet refuses what comes from its future."""
MEMBER_FEE_UNITS = 2_000_000
PAYOUT_FEE_UNITS = 100_000_000
"""Kept back for a payout's own gas and its message to itself; most of it stays in the wallet."""
NEVER_SIGNED = "expired before anything was signed"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class TonDesk:
    """Pays TON from the hot wallet."""

    database: Database
    ton: Chain
    rail: str
    timeout: timedelta
    blocks_behind_max: int
    _account: str = ""
    _state: AccountState | None = field(default=None)

    @property
    def chain(self) -> str:
        """The network's name."""
        return self.ton.name

    async def behind(self) -> int | None:
        """How far the watcher has to read until it knows what the node knows of the account."""
        async with self.database.transaction() as session:
            address = (await get_rail(session, self.rail)).address
        if address is None:
            return None
        self._account = parse_ton(address, testnet=True).raw
        self._state = await self.ton.account(self._account)
        async with self.database.transaction() as session:
            cursor = await deposits.read_cursor(session, chain=self.ton.name, account=self._account)
        return max(0, self._state.block - cursor.block)

    async def prepare(self) -> None:
        """Claim as much as the wallet can pay besides what is under way."""
        state = self._state
        if state is None:
            return
        created_at = state.at - CREATED_BEFORE
        async with self.database.transaction() as session:
            in_flight = await open_payouts(session, rail=self.rail)
            available = state.units - reserved_units(in_flight) - PAYOUT_FEE_UNITS
            if available <= 0:
                return
            payout = await claiming.claim(
                session,
                rail=self.rail,
                limit=BATCH_MEMBERS,
                available_units=available,
                member_fee_units=MEMBER_FEE_UNITS,
                numbering=claiming.next_query_id,
                created_at=created_at,
                expires_at=created_at + self.timeout,
                orders_until=created_at + self.timeout,
                now=utc_now(),
                plan={},
            )
        if payout is not None:
            log.info("payout.claimed", payout_id=payout.id, members=len(payout.members))

    async def sendable(self, payout: Payout) -> bool:
        """Until it was seen, which on TON means final, or has run out."""
        expired = (
            self._state is not None
            and payout.expires_at is not None
            and self._state.at >= payout.expires_at
        )
        return payout.seen_at is None and not expired

    async def broadcast(self, signed: bytes) -> Outcome:
        """Send stored bytes once more."""
        return await self.ton.broadcast(signed)

    async def judge(self, payout: Payout) -> PayoutVerdict:
        """Judge by final blocks; without bytes a payout dies when its time is over, for the signer
        makes none after that and earlier ones could not land any more."""
        head = await self.ton.head()
        if payout.signed is None:
            over = payout.expires_at is not None and head.at > payout.expires_at
            outcome = Outcome.FAILED if over else Outcome.UNKNOWN
            members = (
                MemberVerdict(one.withdrawal_id, outcome, proof=NEVER_SIGNED, retriable=True)
                for one in payout.members
            )
            return PayoutVerdict(False, "", tuple(members))
        account = parse_ton(payout.account, testnet=True).raw
        return await self.ton.judge(sent_payout(payout, account=account), head=head)

    async def close(self) -> None:
        """Close the connection to the endpoint."""
        await self.ton.close()


def reserved_units(in_flight: Sequence[Payout]) -> int:
    """What open payouts may still take from the wallet, all fees included; too much rather than
    too little, since some of it may have left already."""
    return sum(
        PAYOUT_FEE_UNITS
        + sum(
            member.units + MEMBER_FEE_UNITS
            for member in payout.members
            if member.outcome == "pending"
        )
        for payout in in_flight
    )


def sent_payout(payout: Payout, *, account: str) -> SentPayout:
    """A payout with bytes, as the chain adapter takes it."""
    return SentPayout(
        payout_id=payout.id,
        account=account,
        signed=payout.signed or b"",
        query_id=payout.replay_number,
        created_at=payout.created_at,
        expires_at=payout.expires_at or datetime.max.replace(tzinfo=payout.created_at.tzinfo),
        members=tuple(
            PayoutMember(
                withdrawal_id=member.withdrawal_id,
                destination=member.destination,
                units=member.units,
                memo=member.memo,
            )
            for member in payout.members
        ),
    )
