"""How Bitcoin's own units and those of our book stand to each other."""

from __future__ import annotations

from casino.money import Asset

COIN_DECIMALS = 8
BTC_SCALE: int = 10 ** (Asset.BTC.decimals - COIN_DECIMALS)
"""Units of our asset in a satoshi."""
