"""What a proof found: a name, how many faults, and the first of them in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one proof over `looked_at` things."""

    name: str
    looked_at: int
    faults: int
    examples: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return self.faults == 0

    def as_json(self) -> dict[str, object]:
        """The finding as JSON-able data."""
        return {"sound": self.sound, **asdict(self)}


@dataclass(slots=True)
class Search:
    """A proof under way."""

    name: str
    looked_at: int = 0
    faults: int = 0
    examples: list[str] = field(default_factory=list)

    def compare(self, what: str, *, stored: object, expected: object) -> None:
        """Note a fault where something is not as expected."""
        self.looked_at += 1
        if stored != expected:
            self.fault(f"{what} is {stored}, should be {expected}")

    def fault(self, text: str) -> None:
        """Note a fault in words."""
        self.faults += 1
        if len(self.examples) < SHOWN_MAX:
            self.examples.append(text)

    def end(self) -> Finding:
        """What was found."""
        return Finding(self.name, self.looked_at, self.faults, tuple(self.examples))
