"""Do balances equal transfers, does every asset sum to zero, does a replay give the wallets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from casino.ledger.chart import Account
from casino.money import Asset
from casino.telemetry import ledger_imbalance_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

# One pass over all transfers: a player's balance of each account beside his wallet's column.
DIFFERENCES = """
WITH moved AS (
    SELECT t.player_id, t.asset, v.account, sum(v.units)::bigint AS units
    FROM transfers t
    CROSS JOIN LATERAL (VALUES (t.credit_account, t.amount), (t.debit_account, -t.amount))
        v(account, units)
    WHERE v.account <= :players_last
    GROUP BY 1, 2, 3
), kept AS (
    SELECT w.player_id, w.asset, v.account, v.units
    FROM wallets w CROSS JOIN LATERAL (VALUES (1, w.cash), (2, w.bonus), (3, w.reserved),
                                              (4, w.held), (5, -w.deficit)) v(account, units)
)
SELECT coalesce(m.player_id, k.player_id), coalesce(m.asset, k.asset),
       coalesce(m.account, k.account), coalesce(m.units, 0), coalesce(k.units, 0)
FROM moved m FULL JOIN kept k USING (player_id, asset, account)
WHERE coalesce(m.units, 0) <> coalesce(k.units, 0)
ORDER BY 1, 2, 3 LIMIT 100
"""

HOUSE = """
SELECT t.asset, v.account, sum(v.units)::bigint
FROM transfers t
CROSS JOIN LATERAL (VALUES (t.credit_account, t.amount), (t.debit_account, -t.amount))
    v(account, units)
WHERE v.account > :players_last GROUP BY 1, 2
"""

WALLETS = """
SELECT asset, sum(cash + bonus + reserved + held - deficit)::bigint FROM wallets GROUP BY asset
"""

ORPHANS = """
SELECT count(*) FROM (
    SELECT entry_id FROM transfers EXCEPT (
        SELECT entry_id FROM bet_keys UNION ALL SELECT entry_id FROM money_keys)) lost
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A player's account whose wallet column and transfers disagree, in units."""

    player_id: int
    asset: str
    account: str
    from_transfers: int
    in_wallet: int


@dataclass(frozen=True, slots=True)
class Report:
    """What reconcile found; sound means no differences, every sum zero, no transfer unexplained.

    `sums`: wallets plus house accounts by asset; `house`: balances of house accounts by path.
    """

    differences: tuple[Difference, ...]
    sums: Mapping[str, int]
    house: Mapping[str, Mapping[str, int]]
    transfers_without_key: int

    @property
    def sound(self) -> bool:
        """Whether the book proves itself."""
        return (
            not self.differences and not any(self.sums.values()) and self.transfers_without_key == 0
        )

    def as_json(self) -> dict[str, object]:
        """The report as JSON-able data."""
        return {"sound": self.sound, **asdict(self)}


async def reconcile(session: AsyncSession) -> Report:
    """Prove the book on one snapshot; sets the imbalance metric by asset."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    players_last = {"players_last": int(Account.PLAYER_DEFICIT)}
    rows = await session.execute(text(DIFFERENCES), players_last)
    differences = tuple(
        Difference(player or 0, Asset.from_code(asset).value, Account(account).path, moved, kept)
        for player, asset, account, moved, kept in rows
    )
    house: dict[str, dict[str, int]] = {}
    sums: dict[str, int] = {asset.value: 0 for asset in Asset}
    for asset, account, units in await session.execute(text(HOUSE), players_last):
        house.setdefault(Account(account).path, {})[Asset.from_code(asset).value] = units
        sums[Asset.from_code(asset).value] += units
    for asset, units in await session.execute(text(WALLETS)):
        sums[Asset.from_code(asset).value] += units
    for asset_name, units in sums.items():
        ledger_imbalance_units.labels(asset=asset_name).set(units)
    lost = int(await session.scalar(text(ORPHANS)) or 0)
    return Report(differences, sums, house, lost)
