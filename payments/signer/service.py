"""The signer at work: reads what waits, checks it, signs it, stores the bytes; one transaction."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.cashier import signing, thresholds
from casino.cashier.moves import MoveKind
from casino.cashier.rails import get_rail
from casino.cashier.thresholds import Excess
from casino.clock import utc_now
from casino.errors import CasinoError
from payments.signer.checks import SignedBefore, SigningRefused

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.signer.pen import Pen

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Signer:
    """Signs payouts of one rail."""

    database: Database
    pen: Pen
    poll_seconds: int
    _refused: set[tuple[int, int]] = field(default_factory=set)

    async def run(self) -> None:
        """Sign whatever comes, until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> int:
        """Sign every payout that waits and deserves it; returns how many were signed."""
        async with self.database.transaction() as session:
            waiting = await signing.unsigned_payouts(session, rail=self.pen.rail)
        signed = 0
        for payout in waiting:
            version = len(payout.attempts)
            try:
                async with self.database.transaction() as session:
                    await self._sign(session, payout.id)
                signed += 1
            except SigningRefused as refusal:
                await self._tell(
                    payout, version, reason=refusal.reason, withdrawal_id=refusal.withdrawal_id
                )
            except (CasinoError, ValueError, OverflowError) as error:
                # One payout that cannot be signed must not hold up those behind it.
                await self._tell(payout, version, reason=str(error), withdrawal_id=None)
        return signed

    async def _sign(self, session: AsyncSession, payout_id: int) -> None:
        rail, budget = self.pen.rail, self.pen.budget.name
        # First the turn: whoever comes second finds the payout signed, and nothing is spent twice.
        spent = await signing.spent_units(session, budget=budget, since=utc_now() - DAY)
        now = utc_now()
        # Read again inside the transaction that stores: what is checked is what is signed.
        waiting = await signing.unsigned_payouts(session, rail=rail)
        payout = next((one for one in waiting if one.id == payout_id), None)
        if payout is None or payout.unsigned is None:
            return
        with self.pen.budget.attempt():
            version = self.pen.sign(
                payout,
                asset=(await get_rail(session, rail)).asset,
                before=SignedBefore(
                    hour_units=await signing.signed_units(session, rail=rail, since=now - HOUR),
                    day_units=await signing.signed_units(session, rail=rail, since=now - DAY),
                    spent_units=spent,
                ),
                now=now,
            )
            await signing.store_signed(
                session,
                payout_id=payout.id,
                number=payout.unsigned.number,
                signed=version.signed,
                tx_hash=version.tx_hash,
                pays=version.pays,
                now=now,
            )
            await signing.journal_spend(
                session,
                payout_id=payout.id,
                number=payout.unsigned.number,
                budget=budget,
                units=version.spends,
                now=now,
            )
        log.info(
            "payout.signed",
            payout_id=payout.id,
            version=payout.unsigned.number,
            members=len(payout.members),
            units=sum(member.units for member in payout.members),
            tx_hash=version.tx_hash,
            digest=hashlib.sha256(version.signed).hexdigest(),
        )

    async def _tell(
        self, payout: Payout, version: int, *, reason: str, withdrawal_id: int | None
    ) -> None:
        """Alert staff once for each version; it stays unsigned. Coins that were to go to cold
        storage are people's to move then."""
        payout_id = payout.id
        if (payout_id, version) in self._refused:
            return
        self._refused.add((payout_id, version))
        log.error(
            "payout.signing_refused",
            payout_id=payout_id,
            reason=reason,
            withdrawal_id=withdrawal_id,
        )
        move = payout.move
        async with self.database.transaction() as session:
            if move is not None and move.kind == MoveKind.COLD:
                await thresholds.ask_by_hand(
                    session,
                    rail=self.pen.rail,
                    excess=Excess(move.units, move.destination),
                    reason=reason,
                )
                return
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=payout_id,
                kind="alert.signing_refused",
                payload={
                    "payout_id": payout_id,
                    "rail": self.pen.rail,
                    "withdrawal_id": withdrawal_id,
                    "reason": reason,
                },
            )
