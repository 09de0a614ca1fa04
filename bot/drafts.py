"""A withdrawal that is being filled in, as chat state keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "withdrawal"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known so far; `reference` appears with the check screen."""

    rail: str
    units: int = 0
    destination: str = ""
    memo: str = ""
    reference: str = ""
    quote: int = 0

    @classmethod
    def read(cls, form: Mapping[str, Any]) -> Draft | None:
        """The draft of a chat, or None when there is none or it was written by another version."""
        stored = form.get(KEY)
        if not isinstance(stored, dict):
            return None
        try:
            return cls(**stored)
        except TypeError:
            return None

    def stored(self) -> dict[str, Any]:
        """The form that holds this draft and nothing else."""
        return {KEY: asdict(self)}

    def to(self, destination: str) -> Draft:
        """The same amount to another address; a comment belongs to the address it was for."""
        return replace(self, destination=destination, memo="", reference="")

    def with_memo(self, memo: str) -> Draft:
        """The same transfer with a comment."""
        return replace(self, memo=memo, reference="")

    def under(self, reference: str, *, quote: int) -> Draft:
        """Ready to be confirmed under one reference, at the fee of the quote that was shown."""
        return replace(self, reference=reference, quote=quote)
