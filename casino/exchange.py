"""What an exchange rate into the reference currency is; pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from casino.money import Asset

USABLE_FOR = timedelta(hours=24)


class Rate(msgspec.Struct, frozen=True, gc=False):
    """A quotation with the id that counters store beside what they counted."""

    id: int
    asset: Asset
    numerator: int
    denominator: int
    quoted_at: datetime

    def to_reference(self, units: int) -> int:
        """Asset units as micro-units of the reference currency, rounded up."""
        return -(-units * self.numerator // self.denominator)
