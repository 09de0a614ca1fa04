"""Plans the move of what a hot wallet on an EVM chain holds above its threshold to cold storage.

It only plans: signer, sender and settler treat it like everything else that leaves. Payments come
first, and what they need stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from casino.cashier import claiming, fuel, thresholds
from casino.cashier.moves import MoveIntent, MoveKind
from casino.clock import utc_now
from casino.errors import AddressInvalid, OutsideRefused
from payments.chains.evm_addresses import EvmAddress, parse_evm
from payments.chains.evm_plan import EvmPlan
from payments.chains.evm_wallet import Fees, token_transfer
from payments.desks.evm_payouts import reserved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.batches import Payout
    from casino.cashier.thresholds import Excess
    from casino.db import Database
    from payments.chains.evm import EvmChain
    from payments.chains.evm_accounts import EvmAccount

GAS_MARGIN = (13, 10)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EvmColdMoves:
    """The moves of one rail's token."""

    database: Database
    evm: EvmChain
    rail: str
    chain_id: int
    token: EvmAddress

    async def plan(
        self, wallet: str, account: EvmAccount, in_flight: Sequence[Payout], fees: Fees
    ) -> bool:
        """Claim a move if one is due; `account` is the hot wallet as of a final block."""
        async with self.database.transaction() as session:
            wanted = await self._due(session, account)
        if wanted is None:
            return False
        gas = await self._gas(wallet, wanted)
        if gas is None:
            return False
        spare = account.wei - reserved(in_flight, account=wallet).wei
        if gas * fees.max_fee > spare:
            log.warning("cold.low_fuel", spare=spare, needed=gas * fees.max_fee)
            return False
        used = max(account.nonce_final, account.nonce_latest, account.nonce_pending)
        async with self.database.transaction() as session:
            # Payments may have been approved meanwhile: less is too much then.
            if await self._due(session, account) != wanted:
                return False
            move = await claiming.claim_move(
                session,
                rail=self.rail,
                account=wallet,
                intent=MoveIntent(MoveKind.COLD, wallet, wanted.cold_address, wanted.units),
                numbering=claiming.next_nonce(used),
                created_at=account.at,
                expires_at=None,
                since_height=account.height,
                plan=EvmPlan(gas, fees).as_json(),
                now=utc_now(),
            )
            if move is None:
                return False
            await thresholds.asked(session, rail=self.rail)
        log.info("cold.claimed", payout_id=move.id, units=wanted.units)
        return True

    async def _due(self, session: AsyncSession, account: EvmAccount) -> Excess | None:
        # What was judged by a newer final block than this node has is still in `account`.
        if await fuel.newest_charge(session, rail=self.rail) > account.height:
            return None
        return await thresholds.excess(session, rail=self.rail, units=account.units, now=utc_now())

    async def _gas(self, wallet: str, wanted: Excess) -> int | None:
        """With a margin; None where the token would refuse it, which staff are told."""
        try:
            transfer = token_transfer(
                chain_id=self.chain_id,
                nonce=0,
                fees=Fees(1, 0),
                gas=1_000_000,
                token=self.token,
                to=parse_evm(wanted.cold_address),
                units=wanted.units,
            )
            used = await self.evm.estimate_gas(transfer, sender=parse_evm(wallet))
        except (AddressInvalid, OutsideRefused) as error:
            async with self.database.transaction() as session:
                await thresholds.asked(session, rail=self.rail)
                await thresholds.ask_by_hand(
                    session,
                    rail=self.rail,
                    excess=wanted,
                    reason=str(error.data.get("reason")),
                )
            return None
        return -(-used * GAS_MARGIN[0] // GAS_MARGIN[1])
