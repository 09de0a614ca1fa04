"""Names of the kill switches; pure."""

from __future__ import annotations

BETS = "bets"
DEPOSITS = "deposits"
WITHDRAWALS = "withdrawals"


def game_flag(slug: str) -> str:
    """The switch that stops one game."""
    return f"game:{slug}"


def asset_flag(asset: str) -> str:
    """The switch that stops one asset."""
    return f"asset:{asset}"
