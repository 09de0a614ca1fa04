"""Every proof of the house in one place: the book, and what other packages keep beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casino.betting import proof as betting
from casino.cashier import proof as cashier
from casino.ledger.reconcile import Report, reconcile_all, reconcile_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from casino.db import Database
    from casino.ledger.findings import Finding
    from casino.ledger.progress import Progress


@dataclass(frozen=True, slots=True)
class Proofs:
    """The book's report, if it was read, and the findings of the other proofs."""

    book: Report | None
    findings: Sequence[Finding]

    @property
    def sound(self) -> bool:
        """Whether nothing at all was found."""
        return (self.book is None or self.book.sound) and all(one.sound for one in self.findings)

    def as_json(self) -> dict[str, object]:
        """Everything as JSON-able data."""
        book = {"book": self.book.as_json()} if self.book is not None else {}
        return {"sound": self.sound, **book, "proofs": [one.as_json() for one in self.findings]}

    def alert(self) -> dict[str, object] | None:
        """What staff have to know, the same for the same state; None when all is sound."""
        if self.sound:
            return None
        book = self.book
        in_book = len(book.differences) + len(book.house_differences) if book is not None else 0
        return {
            "sums": {asset: units for asset, units in book.sums.items() if units} if book else {},
            "differences": in_book + sum(one.faults for one in self.findings),
            "transfers_without_key": book.transfers_without_key if book is not None else 0,
            "findings": {one.name: one.faults for one in self.findings if not one.sound},
        }


async def prove_new(database: Database, *, now: datetime) -> Proofs:
    """What is proven every minute: the book since its last proof, and what is open at the
    moment."""
    book = await reconcile_new(database, now=now)
    return Proofs(book, await _of_the_moment(database))


async def prove_history(
    database: Database, *, now: datetime, progress: Progress | None = None
) -> Proofs:
    """What is proven once a day, since it reads a month or more: rounds and counters."""
    return Proofs(None, await _of_history(database, now, progress))


async def prove_all(database: Database, *, now: datetime, progress: Progress) -> Proofs:
    """Everything, from the opening of the book on."""
    book = await reconcile_all(database, now=now, progress=progress)
    return Proofs(
        book, [*await _of_the_moment(database), *await _of_history(database, now, progress)]
    )


async def _of_the_moment(database: Database) -> Sequence[Finding]:
    return [
        await betting.prove_open_rounds(database),
        await cashier.prove_reserved(database),
        await cashier.prove_held(database),
        await cashier.prove_returned(database),
        await cashier.prove_not_final(database),
    ]


async def _of_history(
    database: Database, now: datetime, progress: Progress | None
) -> Sequence[Finding]:
    return [
        await betting.prove_rounds(database, progress=progress),
        await betting.prove_counters(database, now=now, progress=progress),
        await cashier.prove_deposit_counters(database, now=now),
    ]
