"""What the signer needs of every rail: a pen that checks a version of a payout and signs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from payments.signer.checks import Asked

if TYPE_CHECKING:
    from datetime import datetime

    from casino.cashier.batches import Payout
    from payments.signer.checks import SignedBefore


@dataclass(frozen=True, slots=True)
class SignedVersion:
    """Bytes to store and by what the chain will know them; `pays` is False for a version that
    only takes the replay key away."""

    signed: bytes
    tx_hash: str
    pays: bool = True


class Pen(Protocol):
    """The keys of one rail, with the rules by which they may be used."""

    @property
    def rail(self) -> str:
        """The rail whose payouts it signs."""
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
