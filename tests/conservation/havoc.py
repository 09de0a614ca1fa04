"""Faults that strike while coins move: processes killed, nodes that lie, chains that reorganise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    Fault = Callable[[], Awaitable[bool]]
    """Strikes once; False when there was nothing to strike at."""


@dataclass(slots=True)
class Havoc:
    """All kinds of faults by name, each with how often it struck."""

    chance: random.Random
    kinds: dict[str, Fault] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)

    async def strike(self) -> str | None:
        """One fault: mostly of the kinds that struck least so far, so that none is left out."""
        least = min(self.struck[name] for name in self.kinds)
        fresh = [name for name in self.kinds if self.struck[name] <= least + 1]
        name = self.chance.choice(sorted(fresh))
        if not await self.kinds[name]():
            return None
        self.struck[name] += 1
        return name

    @property
    def missing(self) -> list[str]:
        """Kinds that never struck."""
        return [name for name in self.kinds if not self.struck[name]]
