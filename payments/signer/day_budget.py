"""How much the signer promises to a network within 24 hours, whoever restarts it meanwhile."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from payments.signer.checks import SigningRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)


@dataclass(slots=True)
class DayBudget:
    """A ceiling on fees, gas or fuel of 24 hours, in the smallest parts of the network's coin.

    What is promised stands in the signer's journal under `name`, written with the bytes, and in
    memory besides: rows could be taken away, and memory ends with the process. The higher of the
    two counts. Each version of a payout is counted, for nobody here knows which of them lands."""

    name: str
    units_max: int
    reason: str
    """The word under which more is refused."""
    _taken: deque[tuple[datetime, int]] = field(default_factory=deque)
    _count: int = 0
    """Of all that was ever taken and not given back."""

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Give back what is taken inside when that ends in an error, or what is tried again and
        again would use up the day. Only around what leaves nothing behind then: not around a
        commit, whose error may come after it. One attempt at a time, as turns in the journal have
        it."""
        before = self._count
        try:
            yield
        except BaseException:
            while self._count > before:
                self._taken.pop()
                self._count -= 1
            raise

    def take(self, units: int, *, journalled: int, now: datetime) -> None:
        """Count `units` on top of what the journal has of the last 24 hours; raises SigningRefused
        when the day has no room for it."""
        while self._taken and self._taken[0][0] <= now - DAY:
            self._taken.popleft()
        spent = max(journalled, sum(one for _at, one in self._taken))
        if spent + units > self.units_max:
            raise SigningRefused(self.reason)
        self._taken.append((now, units))
        self._count += 1
