"""How deposits that their chain has confirmed end: credited, held, or too small for now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select

from casino.cashier import crediting
from casino.cashier.crediting import Change, DepositStatus
from casino.cashier.credits import Credits, unclaimed_command
from casino.cashier.tables import DepositRow
from casino.ledger import journal
from casino.ledger.chart import Account, hot_wallet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.deposit_news import DepositNews
    from casino.cashier.rails import Rail

WAITING = (DepositStatus.SEEN, DepositStatus.CONFIRMING)


async def lock_rows(
    session: AsyncSession, ids: Sequence[int], *statuses: DepositStatus
) -> Sequence[DepositRow]:
    """Lock these deposits and read them again: only those still in one of `statuses`."""
    if not ids:
        return []
    return (
        await session.scalars(
            select(DepositRow)
            .where(DepositRow.id.in_(ids), DepositRow.status.in_(statuses))
            .order_by(DepositRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).all()


@dataclass(slots=True)
class Endings:
    """Confirmed deposits of locked players that end in one transaction, in the order given."""

    credits: Credits
    _small: defaultdict[int, list[DepositRow]] = field(default_factory=lambda: defaultdict(list))
    """Of each player, what waits to be enough together."""
    _too_small: list[DepositRow] = field(default_factory=list)

    @classmethod
    async def open(
        cls,
        session: AsyncSession,
        rail: Rail,
        rows: Collection[DepositRow],
        *,
        news: DepositNews,
        now: datetime,
    ) -> Endings:
        """Ready to end any of these rows, which are locked."""
        players = {row.player_id for row in rows}
        endings = cls(await Credits.open(session, rail, players=players, news=news, now=now))
        adding = {row.player_id for row in rows if row.units < rail.deposit_min}
        if adding:
            small = await session.scalars(
                select(DepositRow)
                .where(
                    DepositRow.player_id.in_(adding),
                    DepositRow.rail == rail.name,
                    DepositRow.status == DepositStatus.BELOW_MINIMUM,
                )
                .order_by(DepositRow.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
            for row in small:
                endings._small[row.player_id].append(row)
        return endings

    def end(self, row: DepositRow, *, final: bool = True) -> DepositStatus:
        """The status that a deposit ends in. Too small ones, which have to be final, wait until
        together they are enough."""
        rail = self.credits.rail
        if row.units >= rail.deposit_min:
            return self.credits.decide(row, source=hot_wallet(rail.name), final=final)
        row.final_at = self.credits.now
        self._too_small.append(row)
        small = self._small[row.player_id]
        small.append(row)
        if sum(each.units for each in small) < rail.deposit_min:
            self.credits.news.player(row, kind="deposit.below_minimum")
            return DepositStatus.BELOW_MINIMUM
        del self._small[row.player_id]
        for each in sorted(small, key=lambda one: one.id):
            ended = self.credits.decide(each, source=Account.HOUSE_UNCLAIMED)
        return ended

    async def store(self, session: AsyncSession, *, also: Sequence[Change] = ()) -> None:
        """Write down everything that ended, but for the news; `also` moves with it."""
        rail, now = self.credits.rail, self.credits.now
        # Coins too few to play are in the book before they are enough to leave it again.
        await journal.post_all(
            session,
            [
                unclaimed_command(
                    rail, business_key=row.business_key, units=row.units, subject_id=row.id
                )
                for row in self._too_small
            ],
            now=now,
        )
        below = [Change(row, DepositStatus.BELOW_MINIMUM) for row in self._too_small]
        await crediting.move_all(session, below, now=now)
        await self.credits.store(session, also=also)
