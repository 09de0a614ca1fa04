"""The signer at work: reads what waits, checks it, signs it, stores the bytes; one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from casino import outbox
from casino.cashier import signing
from casino.cashier.rails import get_rail
from casino.clock import utc_now
from casino.errors import AddressInvalid, CasinoError
from payments.addresses import parse_ton
from payments.chains.ton_cells import CellError
from payments.chains.ton_wallet import HotWallet, build_payout, digest
from payments.signer.checks import Asked, AskedPayout, Limits, SigningRefused, require_payments

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.db import Database
    from payments.signer.signing_keys import TonKey

DAY = timedelta(days=1)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Signer:
    """Signs payouts of one rail: each with the key of the wallet that it names as its account."""

    database: Database
    rail: str
    key: TonKey
    wallet: HotWallet
    limits: Limits
    approval_key: bytes
    poll_seconds: int
    testnet: bool
    older: tuple[tuple[HotWallet, TonKey], ...] = ()
    """Wallets of earlier generations, for payouts that were put together before a rotation."""
    _refused: set[int] = field(default_factory=set)

    async def run(self) -> None:
        """Sign whatever comes, until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(self.poll_seconds)

    async def step(self) -> int:
        """Sign every payout that waits and deserves it; returns how many were signed."""
        async with self.database.transaction() as session:
            waiting = await signing.unsigned_payouts(session, rail=self.rail)
        signed = 0
        for payout in waiting:
            try:
                async with self.database.transaction() as session:
                    await self._sign(session, payout.id)
                signed += 1
            except SigningRefused as refusal:
                await self._tell(
                    payout.id, reason=refusal.reason, withdrawal_id=refusal.withdrawal_id
                )
            except (CasinoError, CellError, OverflowError) as error:
                # Overflow is how the cell library refuses a number that does not fit. One payout
                # that cannot be signed must not hold up those behind it.
                await self._tell(payout.id, reason=str(error), withdrawal_id=None)
        return signed

    async def _sign(self, session: AsyncSession, payout_id: int) -> None:
        # Read again inside the transaction that stores: what is checked is what is signed.
        waiting = await signing.unsigned_payouts(session, rail=self.rail)
        payout = next((one for one in waiting if one.id == payout_id), None)
        if payout is None:
            return
        now = utc_now()
        rail = await get_rail(session, self.rail)
        wallet, key = self._of(payout.account)
        payments = require_payments(
            _asked(payout, asset=rail.asset),
            wallet=wallet,
            limits=self.limits,
            approval_key=self.approval_key,
            signed_today_units=await signing.signed_units(session, rail=self.rail, since=now - DAY),
            testnet=self.testnet,
            now=now,
        )
        message = build_payout(
            wallet,
            payments,
            query_id=payout.query_id,
            created_at=int(payout.created_at.timestamp()),
            # Carrying the wallet's code costs 0.0024 coins a batch and saves the one process that
            # has no network from having to know whether the wallet lives already.
            deploy=True,
            sign=key.sign,
        )
        await signing.store_signed(
            session,
            payout_id=payout.id,
            boc=message.boc,
            message_hash=message.message_hash,
            now=now,
        )
        log.info(
            "payout.signed",
            payout_id=payout.id,
            members=len(payments),
            units=sum(payment.units for payment in payments),
            message_hash=message.message_hash,
            digest=digest(message.boc),
        )

    def _of(self, account: str) -> tuple[HotWallet, TonKey]:
        with contextlib.suppress(AddressInvalid):
            named = parse_ton(account, testnet=True)
            for wallet, key in self.older:
                if wallet.address == named:
                    return wallet, key
        return self.wallet, self.key

    async def _tell(self, payout_id: int, *, reason: str, withdrawal_id: int | None) -> None:
        """Alert staff once for each payout; it stays unsigned and dies of its age."""
        if payout_id in self._refused:
            return
        self._refused.add(payout_id)
        log.error(
            "payout.signing_refused",
            payout_id=payout_id,
            reason=reason,
            withdrawal_id=withdrawal_id,
        )
        async with self.database.transaction() as session:
            await outbox.write(
                session,
                consumer=outbox.STAFF,
                key=payout_id,
                kind="alert.signing_refused",
                payload={
                    "payout_id": payout_id,
                    "rail": self.rail,
                    "withdrawal_id": withdrawal_id,
                    "reason": reason,
                },
            )


def _asked(payout: Payout, *, asset: str) -> AskedPayout:
    return AskedPayout(
        rail=payout.rail,
        asset=str(asset),
        account=payout.account,
        query_id=payout.query_id,
        created_at=payout.created_at,
        expires_at=payout.expires_at,
        members=tuple(
            Asked(
                withdrawal_id=member.withdrawal_id,
                units=member.units,
                destination=member.destination,
                memo=member.memo,
                order_text=member.order_text,
                signature=member.signature,
            )
            for member in payout.members
        ),
    )
