"""Exposure: the most the house may lose, on one round and on all open rounds together; pure.

Kelly's rule for a win-or-lose bet with edge e: growth is best when the largest win is e times the
bankroll. The house takes a quarter of that for one round, and at most a twentieth of the bankroll
for all open rounds of an asset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

KELLY_DIVISOR = 4
OPEN_DIVISOR = 20


def winnings_max(*, bankroll: int, rtp: Fraction) -> int:
    """The largest winnings (payout minus stake) of one round, in units, rounded down."""
    edge = rtp.denominator - rtp.numerator
    return max(0, edge * bankroll // (rtp.denominator * KELLY_DIVISOR))


def open_max(*, bankroll: int) -> int:
    """The most that all open rounds of an asset may cost together, in units."""
    return max(0, bankroll // OPEN_DIVISOR)
