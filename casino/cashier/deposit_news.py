"""News of deposits: for players' chats, for their open Mini Apps, for staff; in order, at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from casino import outbox
from casino.outbox import LIVE, PLAYER, STAFF, Written

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from casino.cashier.rails import Rail
    from casino.cashier.tables import DepositRow


@dataclass(slots=True)
class DepositNews:
    """What happened to deposits of one rail, told as they stand when it is noted here."""

    rail: Rail
    _told: list[Written] = field(default_factory=list)

    def player(self, row: DepositRow, *, kind: str, reason: str | None = None) -> None:
        """For the player's chat and for his open Mini Apps."""
        payload = facts_of(row, self.rail) | ({"reason": reason} if reason else {})
        self._told.append(Written(PLAYER, row.player_id, kind, payload))
        self.screens(row, because=kind)

    def screens(self, row: DepositRow, *, because: str) -> None:
        """For the player's open Mini Apps alone."""
        payload = {"because": because, "asset": self.rail.asset, "deposit_id": row.id}
        self._told.append(Written(LIVE, row.player_id, "wallet.changed", payload))

    def staff(self, row: DepositRow, *, kind: str, **facts: object) -> None:
        """For operators, who are also told whose deposit it is."""
        payload = facts_of(row, self.rail) | {"player_id": row.player_id, **facts}
        self._told.append(Written(STAFF, row.id, kind, payload))

    async def write(self, session: AsyncSession) -> None:
        """Write all that was noted, in the transaction that made it so."""
        told, self._told = self._told, []
        await outbox.write_all(session, told)


async def tell_player(session: AsyncSession, row: DepositRow, rail: Rail, *, kind: str) -> None:
    """News of one deposit for the player's chat and for his open Mini Apps."""
    news = DepositNews(rail)
    news.player(row, kind=kind)
    await news.write(session)


def facts_of(row: DepositRow, rail: Rail) -> dict[str, object]:
    """What news of a deposit say, JSON-able."""
    return {
        "deposit_id": row.id,
        "rail": row.rail,
        "amount": {"units": row.units, "asset": rail.asset},
        "tx_hash": row.tx_hash,
        "url": rail.tx_url(row.tx_hash),
        "final": row.final_at is not None,
    }
