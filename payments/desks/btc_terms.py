"""What a house is ready to pay for Bitcoin's blocks, and when it asks for them again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from payments.chains.btc_coins import OUTPUTS_MAX
from payments.chains.btc_fees import FeeBounds

NEVER_SIGNED_AFTER = timedelta(hours=1)
"""A payout that the signer has not signed by then is taken apart again."""


@dataclass(frozen=True, slots=True)
class BtcTerms:
    """Rates are satoshis per virtual byte, fees satoshis.

    `bounds` hold every rate; `confirm_blocks` is how soon payouts should be mined,
    `bump_after_blocks` when one that is not gets a further version, `later_rate` what spending our
    change is reckoned to cost; no version pays more than `fee_units_max`. At rates of up to
    `consolidate_rate_max` coins are joined when there are `consolidate_coins_min` of them."""

    members_max: int = 100
    bounds: FeeBounds = field(default_factory=FeeBounds)
    confirm_blocks: int = 2
    bump_after_blocks: int = 3
    later_rate: int = 10
    fee_units_max: int = 2_000_000
    consolidate_rate_max: int = 3
    consolidate_coins_min: int = 50
    never_signed_after: timedelta = NEVER_SIGNED_AFTER

    def __post_init__(self) -> None:
        if not 1 <= self.members_max <= OUTPUTS_MAX:
            raise ValueError(f"a payout has 1 to {OUTPUTS_MAX} payments")
