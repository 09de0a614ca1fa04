"""What a benchmark found: rows with their goals, as a table for people and JSON for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FIELDS = ("name", "value", "unit", "reference", "ratio", "goal", "met")
HEADINGS = ("case", "value", "unit", "reference", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a case should reach: at least, or at most, `bound`."""

    bound: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"

    def met(self, reached: float) -> bool:
        """Whether `reached` is good enough."""
        return reached <= self.bound if self.at_most else reached >= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    `value` is in `unit`; `reference` is what it was held against, in the same unit, and `ratio`
    the median over the rounds of value divided by reference, each round by its own reference.
    `met` is None where the goal asks for more than was measured. `note` is for the reader.
    """

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    goal: str
    met: bool | None
    note: str = ""

    def as_json(self) -> dict[str, str | float | bool | None]:
        """The row in the form of `results/latest.json`."""
        return {
            "name": self.name,
            "value": rounded(self.value),
            "unit": self.unit,
            "reference": None if self.reference is None else rounded(self.reference),
            "ratio": None if self.ratio is None else rounded(self.ratio),
            "goal": self.goal,
            "met": self.met,
        }


def compared(
    name: str,
    *,
    value: float,
    unit: str,
    reference: float,
    ratio: float,
    goal: Goal,
    note: str = "",
) -> Row:
    """A row whose ratio is what the goal speaks of."""
    return Row(name, value, unit, reference, ratio, str(goal), goal.met(ratio), note)


def plain(name: str, *, value: float, unit: str, goal: Goal, note: str = "") -> Row:
    """A row whose value itself is what the goal speaks of."""
    return Row(name, value, unit, None, None, f"{goal} {unit}", goal.met(value), note)


def rounded(figure: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{figure:.4g}")


def table(rows: Sequence[Row], *, heading: Iterable[str] = ()) -> str:
    """The rows under a heading, as text; notes stand below their row."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [*heading, _line(HEADINGS, widths), "  ".join("-" * width for width in widths)]
    for row, line in zip(rows, cells[1:], strict=True):
        lines.append(_line(line, widths))
        if row.note:
            lines.append(f"    {row.note}")
    return "\n".join(lines)


def store(path: Path, rows: Sequence[Row], *, order: Sequence[str]) -> list[dict[str, object]]:
    """Write rows as JSON in the `order` of their cases; rows of other names that stand there
    already are kept.

    So is one that was judged when the new one is not, being measured on too little. Returns all
    that the file now holds.
    """
    kept: list[dict[str, object]] = json.loads(path.read_text()) if path.exists() else []
    fresh: dict[str, dict[str, object]] = {row.name: {**row.as_json()} for row in rows}
    merged = []
    for old in kept:
        new = fresh.pop(str(old["name"]), old)
        merged.append(old if new["met"] is None and old["met"] is not None else new)
    merged.extend(fresh.values())
    merged.sort(key=lambda row: _place(str(row["name"]), order))
    path.parent.mkdir(parents=True, exist_ok=True)
    body = ",\n".join(f"  {json.dumps(row)}" for row in merged)
    path.write_text(f"[\n{body}\n]\n")
    return merged


def _place(name: str, order: Sequence[str]) -> int:
    """Where a case stands; its further rows carry its name in front of theirs."""
    for place, case in enumerate(order):
        if f"{name}_".startswith(f"{case}_"):
            return place
    return len(order)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        _figure(row.value),
        row.unit,
        "" if row.reference is None else _figure(row.reference),
        "" if row.ratio is None else f"{row.ratio:.2f}",
        row.goal,
        {True: "yes", False: "NO", None: "-"}[row.met],
    )


def _figure(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.4g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column in {1, 3, 4} else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
