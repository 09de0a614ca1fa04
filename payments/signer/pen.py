"""What the signer needs of every rail: a pen that checks a version of a payout and signs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from payments.signer.checks import Asked

if TYPE_CHECKING:
    from datetime import datetime

    from casino.cashier.batches import Payout
    from payments.signer.checks import SignedBefore
    from payments.signer.day_budget import DayBudget


@dataclass(frozen=True, slots=True)
class SignedVersion:
    """Bytes to store and by what the chain will know them; `pays` is False for a version that
    only takes the replay key away, `spends` is what it took of the pen's budget."""

    signed: bytes
    tx_hash: str
    pays: bool = True
    spends: int = 0


class Pen(Protocol):
    """The keys of one rail, with the rules by which they may be used."""

    @property
    def rail(self) -> str:
        """The rail whose payouts it signs."""
        ...

    @property
    def budget(self) -> DayBudget:
        """What it may promise to the network in a day; pens that share coins share one."""
        ...

    def sign(
        self, payout: Payout, *, asset: str, before: SignedBefore, now: datetime
    ) -> SignedVersion:
        """Sign the version of `payout` that waits. What it pays must follow from signed orders,
        what it moves must stay with us by this process's own settings: everything else in the
        payout may have been written by anybody. Raises SigningRefused, or ValueError or
        CasinoError for what cannot be built."""
        ...


def asked_members(payout: Payout) -> tuple[Asked, ...]:
    """The payments of a payout as the checks take them."""
    return tuple(
        Asked(
            withdrawal_id=member.withdrawal_id,
            units=member.units,
            destination=member.destination,
            memo=member.memo,
            order_text=member.order_text,
            signature=member.signature,
        )
        for member in payout.members
    )
