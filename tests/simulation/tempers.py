"""Who plays: temperaments as tables of what somebody does how often, and the first people."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Temper:
    """Weights of deeds; stakes in thousandths of the cash at hand; limits from the first day."""

    name: str
    deeds: dict[str, int]
    stakes: tuple[int, int]
    limited: bool = False
    excludes_himself: bool = False
    shares_address: bool = False
    extra: dict[str, int] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, int]:
        """All weights, the common ones with this temper's own."""
        return {**COMMON, **self.deeds, **self.extra}


COMMON = {
    "bet": 30,
    "open": 8,
    "act": 16,
    "cash_out": 5,
    "rotate": 3,
    "debit": 8,
    "credit": 5,
    "rollback": 7,
    "repeat": 8,
    "change": 3,
    "twins": 3,
    "crowd": 3,
    "coins": 7,
    "faucet": 6,
    "ask": 4,
    "ask_again": 2,
    "cancel": 1,
    "limit": 1,
    "time_out": 0,
}
CAUTIOUS = Temper("cautious", {"limit": 5, "edge": 35, "time_out": 1}, stakes=(5, 60), limited=True)
HEAVY = Temper("heavy", {"bet": 45, "crowd": 6, "coins": 9}, stakes=(100, 1001))
CHURNER = Temper("churner", {"ask": 9, "cancel": 5, "coins": 10, "bet": 15}, stakes=(300, 600))
LEAVING = Temper("leaving", {"time_out": 2}, stakes=(20, 200), excludes_himself=True)
SHARING = Temper("sharing", {"ask": 6, "change": 8}, stakes=(10, 300), shares_address=True)
ABANDONING = Temper("abandoning", {"open": 30, "act": 20, "cash_out": 1}, stakes=(10, 100))

CROWD = (
    *(CAUTIOUS,) * 5,
    *(HEAVY,) * 4,
    *(CHURNER,) * 3,
    *(LEAVING,) * 2,
    *(SHARING,) * 2,
    *(ABANDONING,) * 4,
)

# What the house and its surroundings do, a fifth of all steps.
HOUSE = {
    "confirm": 34,
    "orphan": 2,
    "change_mind": 2,
    "stray": 6,
    "resolve": 5,
    "release": 8,
    "approve": 24,
    "reject": 3,
    "send": 30,
    "refund": 5,
    "switch": 10,
    "quote": 3,
}
