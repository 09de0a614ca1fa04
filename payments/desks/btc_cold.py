"""Plans the move of what our account on Bitcoin holds above its threshold to cold storage.

Only while nothing else is under way: then every coin of ours is known and free. Payments come
first, and what they need stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from casino.cashier import attempts, blocks, claiming, thresholds
from casino.cashier.batches import open_payouts
from casino.cashier.moves import MoveIntent, MoveKind
from casino.clock import utc_now
from casino.errors import IdempotencyConflict
from payments.btc_units import BTC_SCALE
from payments.chains.btc_coins import NotEnoughCoins, TargetRefused
from payments.chains.btc_plan import change_spot, plan_of
from payments.chains.btc_wallet import draft_payout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.thresholds import Excess
    from casino.db import Database
    from payments.chains.btc_coins import Coin
    from payments.desks.btc_book import BtcBook
    from payments.desks.btc_terms import BtcTerms

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class BtcColdMoves:
    """The moves of one account."""

    database: Database
    book: BtcBook
    terms: BtcTerms

    async def is_due(self, session: AsyncSession) -> bool:
        """Whether `plan` would claim something now."""
        if await thresholds.read(session, rail=self.book.rail) is None:
            return False
        return await self._due(session, await self.book.spendable(session)) is not None

    async def plan(self, rate: int) -> bool:
        """Claim a move, choose its coins and reserve them, in one transaction, if one is due."""
        now = utc_now()
        try:
            async with self.database.transaction() as session:
                number = await self.book.next_number(session)
                place = await blocks.read_place(session, chain=self.book.chain)
                spendable = await self.book.spendable(session)
                wanted = await self._due(session, spendable)
                if place is None or wanted is None:
                    return False
                move = await claiming.claim_move(
                    session,
                    rail=self.book.rail,
                    account=self.book.hot_wallet,
                    intent=MoveIntent(
                        MoveKind.COLD, self.book.hot_wallet, wanted.cold_address, wanted.units
                    ),
                    numbering=lambda _last: number,
                    created_at=now,
                    expires_at=None,
                    since_height=place.final_height,
                    now=now,
                )
                if move is None:
                    return False
                draft = draft_payout(
                    self.book.targets(move),
                    spendable.values(),
                    change=change_spot(number, script_of=self.book.script_of),
                    rate=rate,
                    later_rate=self.terms.later_rate,
                )
                outpoints = [coin.outpoint for coin in draft.coins]
                parents = await self.book.parents(session, outpoints)
                await attempts.plan(
                    session,
                    payout_id=move.id,
                    plan=plan_of(draft, height=place.top.height, parents=parents).to_json(),
                    coins=outpoints,
                    now=now,
                )
                await thresholds.asked(session, rail=self.book.rail)
        except (IdempotencyConflict, NotEnoughCoins, TargetRefused) as error:
            # A coin was taken meanwhile, or there are more of them than fit one transaction.
            log.info("cold.not_planned", reason=str(error))
            return False
        log.info("cold.claimed", payout_id=move.id, units=wanted.units, rate=rate)
        return True

    async def _due(self, session: AsyncSession, spendable: Mapping[str, Coin]) -> Excess | None:
        if await open_payouts(session, rail=self.book.rail):
            return None
        units = sum(coin.units for coin in spendable.values()) * BTC_SCALE
        return await thresholds.excess(session, rail=self.book.rail, units=units, now=utc_now())
