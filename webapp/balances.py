"""A player's balances as the Mini App shows them, on the page and over the socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casino.ids import PlayerId
from casino.ledger import journal
from casino.ledger.wallet import Wallet
from casino.money import PLAYABLE

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def show_balances(session: AsyncSession, player_id: int) -> list[dict[str, str]]:
    """Each playable asset with its amounts in units; an empty wallet is shown as zeros."""
    wallets = await journal.balances(session, PlayerId(player_id))
    return [show_wallet(wallets.get(asset, Wallet(asset))) for asset in PLAYABLE]


def show_wallet(wallet: Wallet) -> dict[str, str]:
    """One wallet; `withdrawable` is cash that no chain can still take back, `not_final` what a
    chain still may."""
    return {
        "asset": wallet.asset.value,
        "cash": str(wallet.cash),
        "bonus": str(wallet.bonus),
        "reserved": str(wallet.reserved),
        "held": str(wallet.held),
        "withdrawable": str(wallet.withdrawable),
        "not_final": str(wallet.not_final),
    }
